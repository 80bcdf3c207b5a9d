"""Voices to simulate with: the phrases of each speaker of an audio folder, and pairs of speakers.

Pairs are told by pitch: a voice with a median of 165 Hz or more is high, else low (the medians of women and men lie
around 200 and 120 Hz; children count as high). `same` pairs are of one kind, `mixed` of two, `twins` one voice twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from model.codec_dsp import PitchLabels, bins_to_hz
from model.simulate.phrases import SAMPLE_RATE_HZ, Float32, Speech, cut_speech
from model.speech_audio import SpeechError, Utterance, find_speech, held_out, read_audio

Random = np.random.Generator
Pair = Literal["any", "same", "mixed", "twins"]
PAIRS: Final[tuple[str, ...]] = get_args(Pair)
HIGH_HZ: Final = 165.0
CROWDS: Final = frozenset({"", "unknown", "various", "crowd", "mixed", "none"})
"""Names of "speakers" that are many people: left out."""
LEAST_S: Final = 4.0
"""Of speech, for a voice to be used."""
MOST_S: Final = 240.0
"""Of a voice that is kept in memory."""
_PITCH_S: Final = 8.0
_CLEAR: Final = 0.5


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker: name, median pitch, utterances with their phrases, and under which licence they are."""

    name: str
    pitch_hz: float
    speech: tuple[Speech, ...]
    licence: str = ""
    origin: str = ""

    @property
    def speech_s(self) -> float:
        """Seconds of speech."""
        return sum(s.speech_s for s in self.speech)

    @property
    def phrases(self) -> list[Float32]:
        """Every phrase on its own, float32 [n] at 24 kHz."""
        return [s.cut(int(start), int(end)) for s in self.speech for start, end in s.spans]

    @property
    def high(self) -> bool:
        """Whether its median pitch is 165 Hz or more."""
        return self.pitch_hz >= HIGH_HZ


@dataclass(frozen=True, slots=True)
class Voices:
    """Voices to choose speakers from, by name."""

    voices: tuple[Voice, ...]
    left_out: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.voices)

    def __iter__(self) -> Iterator[Voice]:
        return iter(self.voices)

    @staticmethod
    def load(folder: Path, held: bool | None = None, *, least_s: float = LEAST_S, most_s: float = MOST_S) -> "Voices":
        """The voices of an audio folder; see model.speech_audio.find_speech for how their speakers are told.

        held: True for held-out speakers only, False for the others, None for all. Raises SpeechError where no speaker
        of that kind has `least_s` seconds of speech.
        """
        by_name: dict[str, list[Utterance]] = {}
        for utterance in find_speech(folder):
            by_name.setdefault(utterance.speaker, []).append(utterance)
        voices, left_out = [], {}
        for name in sorted(by_name):
            if name.casefold() in CROWDS:
                left_out[name] = "many people under one name"
            elif held is None or held_out(name) == held:
                voice = load_voice(name, by_name[name], most_s)
                if voice is None or voice.speech_s < least_s:
                    left_out[name] = f"less than {least_s:g} s of speech"
                else:
                    voices.append(voice)
        if not voices:
            kind = {True: " held-out", False: " training", None: ""}[held]
            raise SpeechError(
                f"no{kind} speaker with {least_s:g} s of speech in {folder}: give more speech, or an INDEX.tsv or a "
                "folder per speaker that tells the speakers apart"
            )
        return Voices(tuple(voices), left_out)

    def draw(self, random: Random, count: int, pair: Pair = "any", need_s: float = 0.0) -> list[Voice]:
        """Different voices for a conversation; those with `need_s` seconds of speech first, else those with most.

        `same` and `mixed` hold for the first two. Raises SpeechError where there are not enough voices of the kind.
        """
        if pair == "twins":
            voice = self._one(random, list(self.voices), need_s)
            return [voice] * min(count, 2) + self._others(random, [voice], count - 2, need_s)
        if pair == "any" or count < 2:
            return self._others(random, [], count, need_s)
        kinds = {kind: [v for v in self.voices if v.high == kind] for kind in (True, False)}
        usable = [k for k in kinds if len(kinds[k]) > (pair == "same") and len(kinds[k != (pair == "mixed")])]
        if not usable:
            raise SpeechError(
                f"no {pair} pair among {len(self)} voices (boundary {HIGH_HZ:g} Hz): give more speakers"
            )
        kind = usable[int(random.integers(len(usable)))]
        first = self._one(random, kinds[kind], need_s)
        second = self._one(random, [v for v in kinds[kind != (pair == "mixed")] if v is not first], need_s)
        return [first, second, *self._others(random, [first, second], count - 2, need_s)]

    def _others(self, random: Random, taken: Sequence[Voice], count: int, need_s: float) -> list[Voice]:
        chosen = list(taken)
        for _ in range(count):
            rest = [v for v in self.voices if not any(v is c for c in chosen)]
            if not rest:
                raise SpeechError(f"{count + len(taken)} speakers asked for, {len(self)} are there: give more speech")
            chosen.append(self._one(random, rest, need_s))
        return chosen[len(taken) :]

    @staticmethod
    def _one(random: Random, among: Sequence[Voice], need_s: float) -> Voice:
        fit = [v for v in among if v.speech_s >= need_s]
        if not fit:
            fit = sorted(among, key=lambda v: -v.speech_s)[: max(1, len(among) // 4)]
        return fit[int(random.integers(len(fit)))]


def load_voice(name: str, utterances: Sequence[Utterance], most_s: float = MOST_S) -> Voice | None:
    """A speaker's voice out of its files, read until `most_s` seconds are there; None where nobody speaks."""
    speech: list[Speech] = []
    total_s = 0.0
    for utterance in _spread(utterances):
        if total_s >= most_s:
            break
        cut = cut_speech(read_audio(utterance.path))
        if cut is not None:
            speech.append(cut)
            total_s += cut.audio.size / SAMPLE_RATE_HZ
    if not speech:
        return None
    licences, origins = ({getattr(u, key) for u in utterances} for key in ("licence", "origin"))
    return Voice(
        name, median_pitch_hz(speech), tuple(speech), " | ".join(sorted(licences)), " | ".join(sorted(origins))
    )


def _spread(utterances: Sequence[Utterance]) -> list[Utterance]:
    """All of them, in an order whose every beginning is spread over the folder; the same each time."""
    order = np.random.default_rng(len(utterances)).permutation(len(utterances))
    return [utterances[i] for i in order]


def median_pitch_hz(speech: Sequence[Speech]) -> float:
    """Median pitch of the first seconds of clearly voiced speech; 0 where there is none."""
    pieces: list[NDArray[np.float32]] = []
    left = int(_PITCH_S * SAMPLE_RATE_HZ)
    for utterance in speech:
        for start, end in utterance.spans:
            pieces.append(utterance.cut(int(start), min(int(end), int(start) + left)))
            left -= pieces[-1].size
            if left <= 0:
                break
        if left <= 0:
            break
    with torch.no_grad():
        bins, clarity = _labels()(torch.from_numpy(np.concatenate(pieces))[None])
    clear = clarity[0] > _CLEAR
    return float(bins_to_hz(bins[0][clear]).median()) if bool(clear.any()) else 0.0


@cache
def _labels() -> PitchLabels:
    return PitchLabels()
