"""The stretches of a recording in which exactly two voices talk."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

GRID: Final = 8  # frames: 3,840 samples, on which clips begin and end
LEAST: Final = 250  # frames of a stretch
ACCIDENT: Final = 20  # frames: a voice heard for less does not count

Pair = tuple[int, int, tuple[int, int]]


def pairs_of(voice_of_frame: NDArray[np.int64], n_voices: int) -> list[Pair]:
    """Stretches (first frame, end frame, voices), ascending and disjoint, between which a third voice talks.

    voice_of_frame: [T], -1 where nobody speaks. A stretch ends where a third voice begins; of the ways to
    choose them, the one that keeps most.
    """
    frames = voice_of_frame.size
    if n_voices == 2:
        return [(0, frames, (0, 1))]
    turns = _turns(voice_of_frame)
    kept = [0] * (len(turns) + 1)  # frames, at best, from each turn on
    begins: dict[int, tuple[Pair, int]] = {}  # at which turns a stretch does, and the turn after it
    for first in reversed(range(len(turns))):
        pair, after = _longest(turns, first, frames)
        kept[first] = kept[first + 1]
        if pair and pair[1] - pair[0] + kept[after] > kept[first]:
            kept[first] = pair[1] - pair[0] + kept[after]
            begins[first] = pair, after
    return list(_from_the_first(begins, len(turns)))


def _from_the_first(begins: dict[int, tuple[Pair, int]], turns: int) -> Iterator[Pair]:
    at = 0
    while at < turns:
        if at in begins:
            pair, at = begins[at]
            yield pair
        else:
            at += 1


def _longest(turns: list[tuple[int, int, int]], first: int, frames: int) -> tuple[Pair | None, int]:
    """The stretch of two voices from a turn on, None if it is too short, and the turn at which a third one begins."""
    voices = {turns[first][2]}
    after = first
    while after < len(turns) and len(voices | {turns[after][2]}) <= 2:
        voices.add(turns[after][2])
        after += 1
    start = 0 if first == 0 else -(-turns[first][0] // GRID) * GRID
    end = frames if after == len(turns) else turns[after][0] // GRID * GRID
    if len(voices) < 2 or end - start < LEAST:
        return None, after
    return (start, end, (min(voices), max(voices))), after


def _turns(voice_of_frame: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """First frame, end frame and voice of each run that is no accident."""
    edges = np.flatnonzero(np.diff(voice_of_frame)) + 1
    starts = np.concatenate([[0], edges])
    ends = np.concatenate([edges, [voice_of_frame.size]])
    return [
        (int(a), int(b), int(voice_of_frame[a]))
        for a, b in zip(starts, ends, strict=True)
        if voice_of_frame[a] >= 0 and b - a >= ACCIDENT
    ]
