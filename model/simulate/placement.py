"""Events become sound: every event is filled with its voice's phrases and laid on one clock.

The speech that fills an event is a little shorter or longer than planned, because words are not cut in half for it.
So what follows moves along: offsets and pauses stay as drawn, and what was said inside an utterance stays inside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.simulate.phrases import HOP, SAMPLE_RATE_HZ, Float32
from model.simulate.supply import Stretch, Supply, laugh
from model.simulate.timing import MIN_INSIDE_S, MIN_OWN_GAP_S, Event

Random = np.random.Generator
_LAUGH_MATERIAL_S: Final = 0.5


@dataclass(slots=True)
class Placed:
    """Dry speech float32 [n, S], who is active per 10 ms bool [n, frames], the events as they came out."""

    channels: Float32
    activity: NDArray[np.bool_]
    events: list[Event]
    ended: bool
    """Whether it stops because a voice had nothing left to say."""


@dataclass(slots=True)
class _Clock:
    """What has been said so far: real events, how far each has moved, and when each speaker fell silent."""

    planned: list[Event]
    real: list[Event]
    quiet_s: list[float]

    def start_s(self, event: Event) -> tuple[float, Event | None]:
        """When an event begins, and the (real) utterance that it lies inside."""
        host = next((i for i in range(len(self.planned) - 1, -1, -1) if _inside(event, self.planned[i])), None)
        before = host if host is not None else self._last_on_floor()
        shift_s = 0.0
        if before is not None:
            moved, plan = self.real[before], self.planned[before]
            shift_s = moved.start_s - plan.start_s if host is not None else moved.end_s - plan.end_s
        start_s = max(event.start_s + shift_s, self.quiet_s[event.speaker] + MIN_OWN_GAP_S, 0.0)
        return start_s, None if host is None else self.real[host]

    def _last_on_floor(self) -> int | None:
        return max(range(len(self.planned)), key=lambda i: self.planned[i].end_s, default=None)


def _inside(event: Event, host: Event) -> bool:
    return host.speaker != event.speaker and host.start_s <= event.start_s and event.end_s <= host.end_s


def place(
    events: Sequence[Event], supplies: Sequence[Supply], length_s: float, random: Random, *, ends: bool = True
) -> Placed:
    """Fill the events (by start) from the speakers' supplies, until `length_s` or, if `ends`, a supply is empty."""
    samples = round(length_s * SAMPLE_RATE_HZ / HOP) * HOP
    placed = Placed(
        np.zeros((len(supplies), samples), np.float32),
        np.zeros((len(supplies), samples // HOP), np.bool_),
        [],
        ended=False,
    )
    clock = _Clock([], [], [-MIN_OWN_GAP_S] * len(supplies))
    for event in events:
        start_s, host = clock.start_s(event)
        if start_s >= length_s:
            break
        room_s = event.length_s if host is None else min(event.length_s, host.end_s - MIN_INSIDE_S - start_s)
        if room_s < MIN_OWN_GAP_S:
            continue
        stretch = _speech(event, room_s, supplies[event.speaker], random)
        if stretch is None:
            placed.ended = True
            if ends:
                break
            continue
        real = _lay(placed, event, start_s, stretch)
        clock.planned.append(event)
        clock.real.append(real)
        clock.quiet_s[event.speaker] = max(clock.quiet_s[event.speaker], real.end_s)
    placed.events.sort(key=lambda e: (e.start_s, e.end_s))
    return placed


def _speech(event: Event, length_s: float, supply: Supply, random: Random) -> Stretch | None:
    if event.kind == "turn":
        return supply.take(length_s)
    if event.kind == "backchannel":
        return supply.take_short(length_s)
    material = supply.take_short(_LAUGH_MATERIAL_S)
    return None if material is None else laugh(material, length_s, random)


def _lay(placed: Placed, event: Event, start_s: float, stretch: Stretch) -> Event:
    """Add a stretch whose speech starts at `start_s`, mark it, and give the event as it is now."""
    start = int(start_s * SAMPLE_RATE_HZ) // HOP * HOP
    at = start - stretch.lead
    low, high = max(at, 0), min(at + stretch.audio.size, placed.channels.shape[1])
    placed.channels[event.speaker, low:high] += stretch.audio[low - at : high - at]
    for first, end in stretch.spans:
        frames = slice(round((start + int(first)) / HOP), round((start + int(end)) / HOP))
        placed.activity[event.speaker, frames] = True
    real = Event(event.speaker, start / SAMPLE_RATE_HZ, (start + stretch.size) / SAMPLE_RATE_HZ, event.kind)
    placed.events.append(
        Event(real.speaker, real.start_s, min(real.end_s, placed.channels.shape[1] / SAMPLE_RATE_HZ), real.kind)
    )
    return real
