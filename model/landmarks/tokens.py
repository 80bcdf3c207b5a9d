"""Tokens: what a few landmarks after one another look like, whatever came before; and their sketch by MinHash."""

from functools import cache
from itertools import combinations
from typing import Final

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

from model.landmarks.find import UNIT_S, Int64, Landmarks, unpacked

UInt32 = NDArray[np.uint32]

PERMUTATIONS: Final = 48
"""Per window of 30 s: 192 bytes."""
WINDOW_S: Final = 30.0
_SEED: Final = 20_030
_AHEAD: Final = 5  # landmarks
_LONGEST_S: Final = 2.0
_FEWEST: Final = 8  # tokens of a window
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: Knuth's multiplicative hashing


def tokens(marks: Landmarks, size: int, cell: tuple[int, int]) -> tuple[UInt32, Int64]:
    """(hash, time of the first landmark in units of 8 ms) of every `size` landmarks out of six, within two seconds.

    A token holds their frequencies and the time between them in cells of so many units of time and of frequency.
    """
    time, tone = unpacked(marks)
    hashes, times = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for ahead in combinations(range(1, _AHEAD + 1), size - 1):
        count = max(0, len(time) - ahead[-1])
        first = time[:count]
        value = (tone[:count] // cell[1]).astype(np.uint64)
        before = first
        for step in ahead:
            after = time[step : step + count]
            gap, pitch = (after - before) // cell[0], tone[step : step + count] // cell[1]
            value = value * _MIX + (gap << 10 | pitch).astype(np.uint64)
            before = after
        near = before - first <= _LONGEST_S / UNIT_S
        hashes.append(value[near])
        times.append(first[near])
    joined = np.concatenate(hashes)
    return ((joined ^ joined >> np.uint64(29)) * _MIX >> np.uint64(32)).astype(np.uint32), np.concatenate(times)


def sketch(marks: Landmarks) -> UInt32:
    """MinHash (Broder 1997) of each window of 30 s in which enough is said, uint32 [windows, 48].

    The tokens are of four landmarks, 64 ms and 64 Hz fine: of different conversations one pair of tokens in 2**27 is
    equal; a clip and its copy have a tenth (Opus at 16 kb/s) to a half (telephone) of all in common.
    """
    values, times = tokens(marks, 4, (8, 16))
    window = times // round(WINDOW_S / UNIT_S)
    sketches = []
    for number in np.unique(window):
        inside = values[window == number]
        if len(inside) >= _FEWEST:
            made = _empty().copy()
            made.update_batch(inside.tolist())
            sketches.append(made.hashvalues)
    return np.stack(sketches) if sketches else np.zeros((0, PERMUTATIONS), np.uint32)


@cache
def _empty() -> MinHash:
    return MinHash(num_perm=PERMUTATIONS, seed=_SEED, hashfunc=int, scheme="affine32")
