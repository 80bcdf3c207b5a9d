"""Which clips may hold the same sound: those whose sketches have values in common."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from model.landmarks.find import Int64
from model.landmarks.tokens import UInt32

PARTNERS: Final = 8
"""Of a clip for a value that many have, such as a greeting's: the first ones. So the work grows as the clips do."""
_ROWS: Final = 32  # bits of a clip's number


def candidates(sketches: Sequence[UInt32]) -> Int64:
    """Pairs of clips with two values in common; one will do where one of the two is a single window.

    sketches: uint32 [windows, permutations] of each clip, the best clip first. Returns int64 [pairs, 2], sorted, the
    better clip of each first. Locality-sensitive hashing with bands of one row (Indyk & Motwani 1998): the tokens are
    rare enough. Values are compared by sorting: `datasketch.MinHashLSH` finds the same, but its tables take 61 KB for
    a clip of two minutes, where 2.4 KB are enough, and it gives all pairs of those that share a greeting.
    """
    windows = np.array([len(sketch) for sketch in sketches], np.int64)
    if not windows.sum():
        return np.zeros((0, 2), np.int64)
    owner = np.repeat(np.arange(len(sketches)), windows)
    table = np.concatenate(sketches)
    keys = np.concatenate([_together(values, owner) for values in table.T])
    pairs, counts = np.unique(keys, return_counts=True)
    found = np.stack([pairs >> _ROWS, pairs & ((1 << _ROWS) - 1)], axis=1)
    likely: Int64 = found[(counts > 1) | (windows[found].min(axis=1) == 1)]
    return likely


def _together(values: UInt32, owner: Int64) -> Int64:
    """Packed pairs of owners of equal values, each pair once."""
    both = np.unique(values.astype(np.uint64) << np.uint64(_ROWS) | owner.astype(np.uint64))
    owners = (both & np.uint64((1 << _ROWS) - 1)).astype(np.int64)
    begins = np.flatnonzero(np.diff(both >> np.uint64(_ROWS), prepend=(both[:1] >> np.uint64(_ROWS)) ^ np.uint64(1)))
    begin = np.repeat(begins, np.diff(begins, append=len(both)))
    place = np.arange(len(both))
    keys = [np.zeros(0, np.int64)]
    for step in range(PARTNERS):
        first = begin + step
        later = first < place
        a, b = owners[first[later]], owners[later]
        keys.append((a << _ROWS | b)[a < b])
    return np.unique(np.concatenate(keys))
