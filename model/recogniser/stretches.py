"""What of a channel a recogniser is given: where its speaker is active, with some room, and never more than it takes.

A recogniser that is given silence, or the other speaker's bleed, writes something down all the same.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from model.recogniser.contract import MAX_STRETCH_S

Interval = tuple[float, float]
"""Seconds from the start of the span."""
Quietest = Callable[[float, float], float]
"""The quietest moment of a channel between two others, all in seconds."""

PAD_S: Final = 0.2  # activity begins late on soft sounds
JOIN_S: Final = 1.0  # shorter pauses stay inside: the words around them help each other
CUT_S: Final = (
    10.0  # a stretch that has to be cut ends in the longest pause of this end of it, or where it is quietest
)


def stretches(active: Sequence[Interval], length_s: float, quietest: Quietest) -> list[Interval]:
    """The stretches of a channel to recognise: in order, disjoint, in 0 to length_s, at most `MAX_STRETCH_S` long.

    active: in order and disjoint. All of it lies in some stretch.
    """
    found: list[Interval] = []
    for joined in _joined(active):
        start_s, end_s = joined[0][0], joined[-1][1]
        first_s, last_s = max(0.0, start_s - PAD_S), min(length_s, end_s + PAD_S)
        while last_s - first_s > MAX_STRETCH_S:
            cut_s = _cut(joined, first_s + MAX_STRETCH_S, quietest)
            found.append((first_s, cut_s))
            first_s = cut_s
        found.append((first_s, last_s))
    return found


def _joined(active: Sequence[Interval]) -> list[list[Interval]]:
    """Activity in groups with pauses up to `JOIN_S` inside."""
    groups: list[list[Interval]] = []
    for interval in active:
        if groups and interval[0] - groups[-1][-1][1] <= JOIN_S:
            groups[-1].append(interval)
        else:
            groups.append([interval])
    return groups


def _cut(joined: Sequence[Interval], latest_s: float, quietest: Quietest) -> float:
    """Where a stretch ends: in the middle of the longest pause that begins in time, else at the quietest moment."""
    earliest_s = latest_s - CUT_S
    pauses = [
        (min(after[0], latest_s) - before[1], (before[1] + min(after[0], latest_s)) / 2)
        for before, after in pairwise(joined)
        if earliest_s <= before[1] < latest_s
    ]
    return max(pauses)[1] if pauses else quietest(earliest_s, latest_s)
