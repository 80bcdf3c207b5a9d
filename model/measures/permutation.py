"""Which channel is which speaker: chosen once per recording, and what it costs where it does not hold.

Activity is bool [channels or speakers, frames] at 100 frames a second throughout; a match is a list of pairs
(channel of the output, true speaker).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from model.measures.activity import FRAMES_PER_S, Bool

Match = tuple[tuple[int, int], ...]

SWAP_S: Final = 1.0
"""A stretch counts as swapped if the swap explains this many seconds more than it leaves unexplained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swaps:
    """How many stretches of a recording have its two speakers swapped, and how long they are together."""

    count: int
    length_s: float


def best_match(found: Bool, truth: Bool, likeness: NDArray[np.float64] | None = None) -> Match:
    """The pairs of channels and speakers that are active together for the longest time; sorted by channel.

    found: [C, n]; truth: [S, n]; min(C, S) pairs come out. likeness: [C, S], 0 to 1, how alike the sounds are; it
    decides between matches of equal activity, hence alone where there is none.
    """
    together = found.astype(np.float64) @ truth.T.astype(np.float64)
    if likeness is not None:
        together = together + np.clip(likeness, 0.0, 1.0) / (1 + likeness.size)  # together less than one frame
    channels, speakers = linear_sum_assignment(together, maximize=True)
    return tuple(zip(channels.tolist(), speakers.tolist(), strict=True))


def channels_of_speakers(energy: NDArray[np.float64], active: Bool) -> tuple[int, ...]:
    """For each speaker of a diarization, the number that makes speaker i the one who speaks on channel i.

    energy: [C, n] of the channels' frames; active: [S, n]. A speaker belongs to the channel that holds most of the
    energy while that speaker is active, frame by frame; speakers beyond the channels get the numbers after them.
    """
    total = energy.sum(axis=0)
    share = np.divide(energy, total, out=np.zeros_like(energy), where=total > 0)
    alone = active & (active.sum(axis=0) == 1)
    held = share @ (alone + 1e-3 * active).T.astype(np.float64)
    channels, speakers = linear_sum_assignment(held, maximize=True)
    number = dict(zip(speakers.tolist(), channels.tolist(), strict=True))
    spare = iter(k for k in range(max(active.shape[0], energy.shape[0])) if k not in number.values())
    return tuple(number[s] if s in number else next(spare) for s in range(active.shape[0]))


def wrong_speaker_s(found: Bool, truth: Bool, match: Match) -> float:
    """Seconds, summed over channels, in which a channel is active, its own speaker is not, and another one is."""
    frames = sum(int((found[c] & ~truth[s] & np.delete(truth, s, axis=0).any(axis=0)).sum()) for c, s in match)
    return frames / FRAMES_PER_S


def swaps(found: Bool, truth: Bool, match: Match) -> Swaps:
    """Stretches in which the two matched speakers are on each other's channels.

    A frame is evidence where exactly one of the two true speakers and exactly one of the two channels is active: for
    the match or against it. The recording is divided into straight and swapped stretches so that the evidence
    explained, less SWAP_S for each swapped stretch, is greatest (Viterbi). So a stretch counts as swapped where the
    evidence against the match outweighs that for it by at least SWAP_S. `length_s` is the evidence in swapped
    stretches, for and against. With fewer than two pairs there are none.
    """
    if len(match) < 2:
        return Swaps(count=0, length_s=0.0)
    (c0, s0), (c1, s1) = match[:2]
    decides = (found[c0] != found[c1]) & (truth[s0] != truth[s1])
    against = np.where(found[c0] == truth[s0], -1, 1)[decides]
    stretches = _best_stretches(against, round(SWAP_S * FRAMES_PER_S))
    return Swaps(count=len(stretches), length_s=sum(length for _, length in stretches) / FRAMES_PER_S)


def _best_stretches(gains: NDArray[np.int64], cost: int) -> list[tuple[int, int]]:
    """(start, length) of the disjoint stretches of greatest summed gain, each paid for with `cost`.

    Gains are taken in runs of one sign: no best stretch ends inside one.
    """
    if not gains.size:
        return []
    bounds = [0, *(np.flatnonzero(np.diff(gains)) + 1).tolist(), gains.size]
    outside, inside = 0, -gains.size - cost  # the best so far that ends outside, or inside, a stretch
    came: list[tuple[bool, bool]] = []  # at each run: whether a stretch ended before it, whether one began with it
    for start, end in pairwise(bounds):
        left, entered = inside >= outside, outside - cost > inside
        came.append((left, entered))
        outside, inside = max(outside, inside), max(inside, outside - cost) + int(gains[start:end].sum())
    return _traced(bounds, came, inside >= outside)


def _traced(bounds: Sequence[int], came: Sequence[tuple[bool, bool]], inside: bool) -> list[tuple[int, int]]:
    """The stretches, from the last run back to the first."""
    found = []
    end = bounds[-1]
    for k in range(len(came) - 1, -1, -1):
        left, entered = came[k]
        if inside and entered:
            found.append((bounds[k], end - bounds[k]))
            inside = False
        elif not inside and left:
            inside, end = True, bounds[k]
    return found[::-1]
