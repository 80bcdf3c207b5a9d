"""Where each token of a text is, from the attention of the network that wrote it: dynamic time warping.

As OpenAI's Whisper does it (`find_alignment` in whisper/timing.py).
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_TINY: Final = 1e-12


def token_frames(attention: Tensor, first: int, median: int) -> list[int]:
    """The frame in which each token begins, in order, the first of them in frame 0.

    attention: float32 [heads, tokens, frames], of each token on the audio. Tokens before `first` are left out.
    median: over how many frames, an odd number, it is smoothed.
    """
    deviation, mean = torch.std_mean(attention, dim=1, keepdim=True, unbiased=False)
    sharpened = (attention - mean) / (deviation + _TINY)
    return warp(-_smooth(sharpened, median).mean(0)[first:].double().numpy())


def _smooth(x: Tensor, width: int) -> Tensor:
    """The median over `width` entries of the last dimension, mirrored at its ends."""
    side = width // 2
    if side == 0 or x.shape[-1] <= side:
        return x
    return torch.nn.functional.pad(x, (side, side), mode="reflect").unfold(-1, 2 * side + 1, 1).median(-1).values


def warp(cost: NDArray[np.float64]) -> list[int]:
    """On the cheapest way through cost [tokens, frames], from its first to its last corner, where each token begins.

    Each step goes to the next token, to the next frame, or both; the cost is that of all places on the way.
    """
    if not cost.size:
        return []
    frames = np.arange(cost.shape[1])
    total = np.cumsum(cost[0])
    back: list[tuple[NDArray[np.intp], NDArray[np.bool_]]] = []
    for row in cost[1:]:
        diagonal = np.concatenate([[np.inf], total[:-1]])
        together = diagonal <= total  # the next token and the next frame in one step
        sums = np.cumsum(row)
        entered = np.where(together, diagonal, total) - (sums - row)
        least = np.minimum.accumulate(entered)
        back.append((np.maximum.accumulate(np.where(entered <= least, frames, 0)), together))
        total = sums + least
    starts, at = [], cost.shape[1] - 1
    for begin, together in reversed(back):
        starts.append(int(begin[at]))
        at = starts[-1] - int(together[starts[-1]])
    return [0, *reversed(starts)]
