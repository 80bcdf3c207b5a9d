"""From a written dialogue to a conversation: every word of both speakers on one clock.

The dialogues say who speaks and where a listener puts in a word; the timing of the turns is drawn, seeded by the
name of the recording, from the distributions below.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from voices import LEAD_S, Speaker, Speech, speak

# Floor-transfer offset: quantile -> seconds. Fitted to 57 two-party consultations (median 0.19 s, 5 % -1.05 s,
# 95 % 1.38 s, 37 % of changes overlap), with the mode of the gaps at 0-0.2 s as measured in ten languages.
FTO_QUANTILES = (0.0, 0.05, 0.25, 0.37, 0.52, 0.65, 0.75, 0.90, 0.95, 1.0)
FTO_S = (-1.6, -1.05, -0.17, 0.0, 0.2, 0.4, 0.594, 1.1, 1.38, 1.8)
PAUSE_MEDIAN_S, PAUSE_SIGMA, PAUSE_RANGE_S = 0.45, 0.4, (0.25, 1.1)
BACKCHANNEL_DELAY_S = (-0.15, 0.2)  # from the end of the word it answers
MIN_OWN_GAP_S = 0.25  # between two utterances of one speaker
SILENCE_AT_ENDS_S = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A turn as written: stretches of text with the pause before each (None: drawn), and the listener's words.

    `backchannels`: (stretch, words said in it so far, text).
    """

    channel: int
    stretches: tuple[str, ...]
    pauses_s: tuple[float | None, ...]
    backchannels: tuple[tuple[int, int, str], ...]
    cut_off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """A written dialogue; `speakers` in the order of the channels."""

    name: str
    speakers: tuple[str, str]
    turns: tuple[Written, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Speech on the clock of the conversation; `start_s` is when its first sample sounds."""

    channel: int
    kind: str  # turn, backchannel
    turn: int
    start_s: float
    speech: Speech

    @property
    def span_s(self) -> tuple[float, float]:
        """Start of the first word and end of the last."""
        words = self.speech.words
        return self.start_s + words[0].start_s, self.start_s + words[-1].end_s


@dataclass(slots=True, kw_only=True)
class _Turn:
    """A turn on its own clock, which starts with its first word."""

    written: Written
    stretches: list[tuple[float, Speech]] = field(default_factory=list)
    backchannels: list[tuple[float, Speech]] = field(default_factory=list)

    @property
    def end_s(self) -> float:
        return self.stretches[-1][0] + self.stretches[-1][1].duration_s - LEAD_S


def read_dialogues(path: Path) -> list[Dialogue]:
    """Every dialogue of the file. Raises ValueError, naming the line, for what it cannot read."""
    dialogues: list[Dialogue] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if header := re.fullmatch(r"\[([\w-]+)\] (\w+) (\w+)", line):
            dialogues.append(Dialogue(name=header[1], speakers=(header[2], header[3]), turns=()))
            continue
        name, colon, text = line.partition(": ")
        if not dialogues or not colon or name not in dialogues[-1].speakers:
            raise ValueError(f"{path.name}, line {number}: expected '[recording] first second' or 'speaker: words'")
        last = dialogues.pop()
        turn = _read_turn(last.speakers.index(name), text)
        dialogues.append(Dialogue(name=last.name, speakers=last.speakers, turns=(*last.turns, turn)))
    return dialogues


def _read_turn(channel: int, text: str) -> Written:
    stretches: list[list[str]] = [[]]
    pauses: list[float | None] = [0.0]
    backchannels = []
    for item in re.findall(r"\{[^}]*\}|\S+", text.removesuffix("--")):
        if item.startswith("{"):
            backchannels.append((len(stretches) - 1, len(stretches[-1]), item[1:-1]))
        elif item == "..." or re.fullmatch(r"\(\d\.\d\)", item):
            stretches.append([])
            pauses.append(None if item == "..." else float(item[1:-1]))
        else:
            stretches[-1].append(item)
    return Written(
        channel=channel,
        stretches=tuple(" ".join(words) for words in stretches),
        pauses_s=tuple(pauses),
        backchannels=tuple(backchannels),
        cut_off=text.endswith("--"),
    )


def converse(dialogue: Dialogue, speakers: dict[str, Speaker]) -> list[Placed]:
    """The dialogue spoken and placed on one clock: the same names and words, the same result."""
    rng = np.random.default_rng(zlib.crc32(dialogue.name.encode()))
    said = _spoken(dialogue, speakers)
    turns = [_timed(turn, said, rng) for turn in dialogue.turns]
    offsets_s = _offsets(turns, rng)
    placed: list[Placed] = []
    quiet_s = [0.0, 0.0]  # since when each channel is quiet
    end_s = SILENCE_AT_ENDS_S
    for number, (turn, offset_s) in enumerate(zip(turns, offsets_s, strict=True)):
        own = turn.written.channel
        start_s = max(end_s + offset_s, quiet_s[own] + MIN_OWN_GAP_S)
        end_s = start_s + turn.end_s
        for kind, channel, parts in (("turn", own, turn.stretches), ("backchannel", 1 - own, turn.backchannels)):
            for at_s, speech in parts:
                at = start_s + at_s - LEAD_S
                if kind == "backchannel":
                    at = max(at, quiet_s[channel] + MIN_OWN_GAP_S)
                placed.append(Placed(channel=channel, kind=kind, turn=number, start_s=at, speech=speech))
                quiet_s[channel] = placed[-1].span_s[1]
    return sorted(placed, key=lambda p: p.start_s)


def _spoken(dialogue: Dialogue, speakers: dict[str, Speaker]) -> tuple[Iterator[Speech], Iterator[Speech]]:
    """Per channel, its speech in the order of the dialogue: a turn's stretches, then what is said into it."""
    texts: tuple[list[str], list[str]] = ([], [])
    for turn in dialogue.turns:
        texts[turn.channel].extend(turn.stretches)
        texts[1 - turn.channel].extend(text for _, _, text in turn.backchannels)
    first, second = (speak(speakers[n], t) for n, t in zip(dialogue.speakers, texts, strict=True))
    return iter(first), iter(second)


def _timed(written: Written, said: tuple[Iterator[Speech], Iterator[Speech]], rng: np.random.Generator) -> _Turn:
    turn = _Turn(written=written)
    at_s = 0.0
    for pause_s in written.pauses_s:
        drawn_s = float(np.clip(PAUSE_MEDIAN_S * np.exp(PAUSE_SIGMA * rng.standard_normal()), *PAUSE_RANGE_S))
        at_s += drawn_s if pause_s is None else pause_s
        speech = next(said[written.channel])
        turn.stretches.append((at_s, speech))
        at_s += speech.duration_s - LEAD_S
    for stretch, n_words, _ in written.backchannels:
        start_s, speech = turn.stretches[stretch]
        anchor_s = start_s + speech.words[n_words - 1].end_s - LEAD_S
        turn.backchannels.append((anchor_s + rng.uniform(*BACKCHANNEL_DELAY_S), next(said[1 - written.channel])))
    return turn


def _offsets(turns: Sequence[_Turn], rng: np.random.Generator) -> list[float]:
    """Floor-transfer offset before each turn; the first is 0.

    Every n-th quantile of the distribution, dealt from the longest overlap up: first to the
    interruptions, then to changes long enough for it, so that no turn lies inside another.
    """
    n = len(turns) - 1
    drawn_s = np.interp((np.arange(n) + rng.uniform()) / n, FTO_QUANTILES, FTO_S)
    room_s = np.array([0.5 * min(_last_stretch_s(turns[k]), turns[k + 1].end_s) for k in range(n)])
    waiting = rng.permutation(n).tolist()
    waiting.sort(key=lambda k: not turns[k].written.cut_off)
    offsets_s = [0.0] * len(turns)
    for value_s in drawn_s:
        fitting = [k for k in waiting if room_s[k] >= -value_s]
        k = fitting[0] if fitting else max(waiting, key=lambda k: room_s[k])
        waiting.remove(k)
        offsets_s[k + 1] = max(float(value_s), -room_s[k])
    return offsets_s


def _last_stretch_s(turn: _Turn) -> float:
    return turn.stretches[-1][1].duration_s - LEAD_S
