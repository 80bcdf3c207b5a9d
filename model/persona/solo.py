"""Solo speech: the stretches of a conversation in which one speaker talks alone, and how good a sample each makes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from model.measures.activity import joined_stretches
from schemas.conversation import Segment
from schemas.recording import FRAME_SAMPLES, SAMPLE_RATE_HZ

Interval = tuple[float, float]  # start and end, seconds

PAUSE_S: Final = 0.5  # within a stretch
GUARD_S: Final = 0.2  # to the other's speech
SHORTEST_S: Final = 3.0
LONGEST_S: Final = 10.0
MOST: Final = 4  # samples of a channel
GOOD_S: Final = 7.5  # what samples have before there are more than two of them
SHARE: Final = 1 / 20  # of the conversation that a channel's samples may fill: what encoding them costs
LEAST_S: Final = 4.0  # room for a sample that every conversation but the shortest has, whatever its share
LEAST_CONVERSATION_S: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Samples `start` to `end` (exclusive, a multiple of 1,920 apart) of one channel, its speaker alone in them.

    `speech_s`: how much of it is speech. `clear_s`: seconds to the other's nearest speech, at most 1.
    `speech_to_background_db`, `clipped`, `quality`: see `VoiceSample`.
    """

    start: int
    end: int
    speech_s: float
    clear_s: float
    speech_to_background_db: float = 0.0
    clipped: float = 0.0
    quality: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many samples a channel may give, and how long each."""

    most: int
    longest_s: float


def room_for(length_s: float) -> Room:
    """What a conversation of this length may give: a twentieth of it per channel, in few long samples.

    One sample below 160 s, two below 450 s, up to four of 7.5 s at 10 min; none below 15 s.
    """
    if length_s < LEAST_CONVERSATION_S:
        return Room(most=0, longest_s=0.0)
    budget_s = max(LEAST_S, length_s * SHARE)
    most = 1 if budget_s < 2 * LEAST_S else max(2, min(MOST, int(budget_s / GOOD_S + 1e-9)))
    return Room(most=most, longest_s=min(LONGEST_S, budget_s / most))


def solo(segments: Iterable[Segment], channel: int, longest_s: float = LONGEST_S) -> list[Stretch]:
    """Stretches of SHORTEST_S to `longest_s` in which the channel speaks and the other is silent, by start.

    Pauses of up to PAUSE_S belong to a stretch; the other's speech stays GUARD_S away from it.
    """
    segments = sorted(segments, key=lambda s: s.start_s)
    own = [(s.start_s, s.end_s) for s in segments if s.channel == channel]
    other = [(s.start_s, s.end_s) for s in segments if s.channel != channel]
    guarded = joined_stretches((start - GUARD_S, end + GUARD_S) for start, end in other)
    pieces = list(_chopped(without(own, guarded), longest_s))
    stretches = []
    for group in _grouped(pieces, guarded, longest_s):
        start, end = group[0][0], group[-1][1]
        frames = int((end - start) * SAMPLE_RATE_HZ + 0.5) // FRAME_SAMPLES
        first = round(start * SAMPLE_RATE_HZ)
        if frames * FRAME_SAMPLES >= SHORTEST_S * SAMPLE_RATE_HZ:
            stretches.append(
                Stretch(
                    start=first,
                    end=first + frames * FRAME_SAMPLES,
                    speech_s=sum(b - a for a, b in group),
                    clear_s=min([1.0, *(max(a - end, start - b) for a, b in other)]),
                )
            )
    return stretches


def without(intervals: Sequence[Interval], taken: Sequence[Interval]) -> Iterator[Interval]:
    """What is left of the intervals. Both by start and disjoint."""
    first = 0
    for start, end in intervals:
        while first < len(taken) and taken[first][1] <= start:
            first += 1
        at = start
        for a, b in taken[first:]:
            if a >= end:
                break
            if a > at:
                yield at, a
            at = max(at, b)
        if at < end:
            yield at, end


def _chopped(intervals: Iterable[Interval], longest_s: float) -> Iterator[Interval]:
    for start, end in intervals:
        at = start
        while end - at > longest_s:
            yield at, at + longest_s
            at += longest_s
        yield at, end


def _grouped(
    pieces: Sequence[Interval], guarded: Sequence[Interval], longest_s: float
) -> Iterator[Sequence[Interval]]:
    """Pieces that make one stretch: short pauses between them, the other silent in those, within the longest."""
    first, blocked = 0, 0
    for i, (a, b) in enumerate(pairwise(pieces), start=1):
        while blocked < len(guarded) and guarded[blocked][1] <= a[1]:
            blocked += 1
        disturbed = blocked < len(guarded) and guarded[blocked][0] < b[0]
        if disturbed or b[0] - a[1] > PAUSE_S + 1e-9 or b[1] - pieces[first][0] > longest_s:
            yield pieces[first:i]
            first = i
    if pieces:
        yield pieces[first:]
