"""A second loss that teaches the network to tell voices apart before it can name them.

With the loss over orders of speakers alone, a new network soon finds speech and overlap, and then calls everybody one
speaker for a long time. Frames of one voice are therefore drawn together, those of two voices apart, as in deep
clustering (Hershey et al., ICASSP 2016; with diarization: Fujita et al., Interspeech 2019).
"""

from typing import Final

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, normalize

_EVERY: Final = 4  # frames; neighbours are alike
_SHARE: Final = 2  # of the LSTM's output, in each direction: one value in two
_STEEPNESS, _BOUNDARY = 6.0, 1 / 3  # of the cosine between two frames


def affinity_loss(hidden: Tensor, activity: Tensor) -> Tensor:
    """How badly the cosine between two frames tells whether they are one speaker's; same and different count alike.

    hidden: output of the bidirectional LSTM, float32 [windows, frames, 2 * size], half of which is used. activity:
    bool [windows, frames, speakers]. Frames count in which one speaks, in windows in which several do so.
    """
    frames = hidden[:, ::_EVERY]
    frames = frames.reshape(*frames.shape[:2], 2, -1)  # forwards and backwards
    frames = normalize(frames[..., : frames.shape[3] // _SHARE].flatten(2), dim=2)
    active = activity[:, ::_EVERY].float()
    alone = active.sum(dim=2) == 1
    pairs = alone[:, :, None] & alone[:, None, :]
    same = (active @ active.transpose(1, 2)) > 0
    logits = _STEEPNESS * (frames @ frames.transpose(1, 2) - _BOUNDARY)
    costs = binary_cross_entropy_with_logits(logits, same.float(), reduction="none")
    both = (pairs & ~same).any(dim=2).any(dim=1).float()
    means = [
        (costs * kind).sum(dim=(1, 2)) / kind.sum(dim=(1, 2)).clamp_min(1) for kind in (pairs & same, pairs & ~same)
    ]
    return ((means[0] + means[1]) / 2 * both).sum() / both.sum().clamp_min(1.0)
