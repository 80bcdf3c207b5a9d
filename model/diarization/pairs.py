"""The stretches of a recording in which exactly two voices talk."""

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
    best: list[list[Pair]] = [[]]  # what is found best from each turn on, the last one first
    for first in reversed(range(len(turns))):
        skipped = best[-1]
        pair, after = _longest(turns, first, frames)
        taken = [pair, *best[len(turns) - after]] if pair else []
        best.append(taken if _covered(taken) > _covered(skipped) else skipped)
    return best[-1]


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


def _covered(pairs: list[Pair]) -> int:
    return sum(end - start for start, end, _ in pairs)


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
