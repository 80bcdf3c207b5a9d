"""When who speaks: events of a conversation, drawn from fitted distributions or replayed from a real one.

The tables in `timing.json` were fitted by `model.simulate.timing_fit` to two-party consultations. A conversation is a
chain of utterances that hold the floor; the next one is the same speaker's after a pause, or another speaker's after
a floor-transfer offset (negative: they overlap). Inside an utterance others put in short ones: backchannels, laughs.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

Random = np.random.Generator
BACKCHANNEL_S: Final = 2.0
"""What is said wholly inside another's utterance and is shorter than this is a backchannel, else a turn."""
LAUGH_SHARE: Final = 0.1
"""Of the backchannels: laughter instead of words. Set by hand: the fitted data do not mark laughter."""
MIN_OWN_GAP_S: Final = 0.2
MIN_INSIDE_S: Final = 0.1
_TRIES: Final = 8
_BACK_SHARE: Final = 0.65  # with three and more speakers: how often the floor goes back to whom it came from


@dataclass(frozen=True, slots=True)
class Event:
    """One utterance: who, when, and its kind: "turn", "backchannel" or "laugh"."""

    speaker: int
    start_s: float
    end_s: float
    kind: str = "turn"

    @property
    def length_s(self) -> float:
        """Seconds from start to end."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Tables:
    """Quantile tables (evenly spaced, the outermost at 0.2 and 99.8 %) and rates, all in seconds.

    fto_s: offset at a change of speaker, by the length of the shorter of the two utterances (`fto_bounds_s`).
    """

    utterance_s: tuple[float, ...]
    pause_s: tuple[float, ...]
    fto_bounds_s: tuple[float, ...]
    fto_s: tuple[tuple[float, ...], ...]
    change_share: float
    inside_per_s: tuple[float, ...]
    inside_bounds_s: tuple[float, ...]
    inside_s: tuple[float, ...]
    inside_place: tuple[float, ...]

    @staticmethod
    def from_json(values: Mapping[str, object]) -> "Tables":
        """The tables as `timing_fit` wrote them."""
        return Tables(**{key: _frozen(value) for key, value in values.items()})  # type: ignore[arg-type]


def _frozen(value: object) -> object:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


def draw_quantile(random: Random, table: Sequence[float]) -> float:
    """A value from a quantile table, linear between its points."""
    at = random.random() * (len(table) - 1)
    low = min(int(at), len(table) - 2)
    return table[low] + (at - low) * (table[low + 1] - table[low])


@dataclass(frozen=True, slots=True)
class TimingModel:
    """Draws the events of conversations: from tables, or out of real conversations that are replayed."""

    tables: Tables | None = None
    recorded: tuple[tuple[Event, ...], ...] = ()

    @staticmethod
    def builtin() -> "TimingModel":
        """The distributions that come with the project."""
        return TimingModel(Tables.from_json(json.loads(Path(__file__).with_name("timing.json").read_text())))

    def draw(self, random: Random, length_s: float, n_speakers: int = 2, *, inside: bool = True) -> list[Event]:
        """Events within [0, length_s), by start. inside: cut out of a running conversation, else from its beginning.

        Speakers are numbers below `n_speakers`; replayed conversations have the speakers they have.
        """
        if self.recorded:
            return self._replayed(random, length_s, inside)
        if self.tables is None:
            raise ValueError("a timing model needs tables or recorded events")
        lead_s = random.uniform(5.0, 25.0) if inside else -random.uniform(0.3, 1.2)
        events = _with_insides(random, self.tables, _floor(random, self.tables, length_s + lead_s, n_speakers))
        return window(events, lead_s, lead_s + length_s)

    def _replayed(self, random: Random, length_s: float, inside: bool) -> list[Event]:
        events = self.recorded[int(random.integers(len(self.recorded)))]
        spare_s = max(e.end_s for e in events) - length_s
        start_s = random.uniform(0.0, spare_s) if spare_s > 0 else -0.5
        if not inside and spare_s > 0:
            start_s = next((e.start_s for e in events if e.start_s >= start_s), start_s) - 0.5
            events = tuple(e for e in events if e.start_s >= start_s)
        swap = random.random() < 0.5
        marked = [_maybe_laugh(random, replace(e, speaker=1 - e.speaker) if swap else e) for e in events]
        return window(marked, start_s, start_s + length_s)


def window(events: Sequence[Event], start_s: float, end_s: float) -> list[Event]:
    """The events between two times, cut at them, on a clock that starts at the first; scraps under 0.1 s are left."""
    cut = [
        Event(e.speaker, max(e.start_s, start_s) - start_s, min(e.end_s, end_s) - start_s, e.kind)
        for e in events
        if e.end_s > start_s and e.start_s < end_s
    ]
    return sorted((e for e in cut if e.length_s >= 0.1), key=lambda e: (e.start_s, e.end_s))


def _floor(random: Random, tables: Tables, until_s: float, n_speakers: int) -> list[Event]:
    """The chain of utterances that hold the floor, from 0 on."""
    last = Event(int(random.integers(n_speakers)), 0.0, draw_quantile(random, tables.utterance_s))
    chain, before = [last], -1
    own_end_s = {last.speaker: last.end_s}
    while last.end_s < until_s:
        length_s = max(draw_quantile(random, tables.utterance_s), 0.2)
        if n_speakers == 1 or random.random() >= tables.change_share:
            speaker, start_s = last.speaker, last.end_s + max(draw_quantile(random, tables.pause_s), MIN_OWN_GAP_S)
        else:
            speaker = _next_speaker(random, n_speakers, last.speaker, before)
            shorter_s = min(length_s, last.length_s)
            table = tables.fto_s[int(np.searchsorted(tables.fto_bounds_s, shorter_s))]
            offset_s = max(draw_quantile(random, table), -0.95 * shorter_s)
            start_s = max(last.end_s + offset_s, own_end_s.get(speaker, -MIN_OWN_GAP_S) + MIN_OWN_GAP_S, 0.0)
            before = last.speaker
        last = Event(speaker, start_s, max(start_s + length_s, last.end_s + 0.01))
        own_end_s[speaker] = last.end_s
        chain.append(last)
    return chain


def _next_speaker(random: Random, n_speakers: int, now: int, before: int) -> int:
    if before not in {-1, now} and random.random() < _BACK_SHARE:
        return before
    others = [s for s in range(n_speakers) if s != now]
    return others[int(random.integers(len(others)))]


def _with_insides(random: Random, tables: Tables, chain: list[Event]) -> list[Event]:
    """The chain and what the others say inside its utterances, sorted by start."""
    speakers = sorted({e.speaker for e in chain})
    busy: dict[int, list[tuple[float, float]]] = {
        s: [(e.start_s, e.end_s) for e in chain if e.speaker == s] for s in speakers
    }
    events = list(chain)
    for host in chain:
        others = [s for s in speakers if s != host.speaker]
        rate = tables.inside_per_s[int(np.searchsorted(tables.inside_bounds_s, host.length_s))]
        for _ in range(int(random.poisson(rate * host.length_s)) if others else 0):
            speaker = others[int(random.integers(len(others)))]
            if (event := _inside(random, tables, host, speaker, busy[speaker])) is not None:
                busy[speaker].append((event.start_s, event.end_s))
                events.append(event)
    return sorted(events, key=lambda e: (e.start_s, e.end_s))


def _inside(
    random: Random, tables: Tables, host: Event, speaker: int, busy: Sequence[tuple[float, float]]
) -> Event | None:
    """Something short said inside the host utterance, where its speaker is free; None if there is no such place."""
    for _ in range(_TRIES):
        length_s = max(draw_quantile(random, tables.inside_s), 0.2)
        spare_s = host.length_s - length_s - 2 * MIN_INSIDE_S
        if spare_s <= 0:
            continue
        start_s = host.start_s + MIN_INSIDE_S + spare_s * draw_quantile(random, tables.inside_place)
        end_s = start_s + length_s
        if all(end_s + MIN_OWN_GAP_S <= s or e + MIN_OWN_GAP_S <= start_s for s, e in busy):
            return _maybe_laugh(random, Event(speaker, start_s, end_s, kind_inside(length_s)))
    return None


def kind_inside(length_s: float) -> str:
    """What an utterance wholly inside another's is, by its length."""
    return "backchannel" if length_s < BACKCHANNEL_S else "turn"


def _maybe_laugh(random: Random, event: Event) -> Event:
    laughs = random.random() < LAUGH_SHARE and event.kind == "backchannel"
    return replace(event, kind="laugh") if laughs else event
