"""Activity of two speakers, bool [2, T] in frames of 20 ms: its overlaps, solos and runs."""

import numpy as np
from numpy.typing import NDArray

from model.speech import runs

Bool = NDArray[np.bool_]


def overlaps(activity: Bool) -> list[tuple[int, int]]:
    """First and end frame of each stretch in which both speak."""
    return [(int(a), int(b)) for a, b in runs(activity[0] & activity[1])]


def solo(activity: Bool) -> Bool:
    """Where each of the two speaks alone, [2, T]."""
    return activity & ~activity[::-1]


def nearest(frames: Bool, start: int, end: int, most: int) -> Bool:
    """Of each row of frames [n, T] those from `start` to `end`, and the nearest others up to `most` in all."""
    kept = np.zeros_like(frames)
    kept[:, start:end] = frames[:, start:end]
    for own, every in zip(kept, frames, strict=True):
        others = np.flatnonzero(every & ~own)
        away = np.maximum(start - others, others - end + 1)
        own[others[np.argsort(away, kind="stable")[: max(0, most - int(own.sum()))]]] = True
    return kept


def widened(activity: Bool, before: int, after: int) -> Bool:
    """Each speaker's stretches longer by so many frames before and after, but never where the other one speaks."""
    wide = activity.copy()
    for shift in range(1, before + 1):
        wide[:, :-shift] |= activity[:, shift:]
    for shift in range(1, after + 1):
        wide[:, shift:] |= activity[:, :-shift]
    return activity | (wide & ~activity[::-1])
