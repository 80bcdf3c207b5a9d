"""Loss and error of the segmentation network, whatever order it names the speakers in."""

from dataclasses import dataclass
from itertools import permutations

import torch
from torch import Tensor

from model.segmentation.net import MAX_SPEAKERS, powerset


class PowersetLoss:
    """Cross entropy of the 7 classes under the order of speakers that costs least, per window.

    overlap_weight: how much a frame counts in which two speak; 1 for all others.
    """

    def __init__(self, overlap_weight: float = 1.0) -> None:
        conversion = powerset()
        self._members: Tensor = conversion.mapping  # [7, 3], 0 or 1
        self._weights = torch.where(self._members.sum(dim=1) > 1, overlap_weight, 1.0)
        self._orders = [torch.tensor(classes) for classes in conversion.permutation_mapping.values()]  # 6 of [7]

    def classes(self, activity: Tensor) -> Tensor:
        """Bool [..., 3] -> class [...]. Where three speak at once, the first two of them count."""
        members = self._members.to(activity.device)
        return (activity.float() @ members.T - 0.5 * members.sum(dim=1)).argmax(dim=-1)

    def __call__(self, scores: Tensor, activity: Tensor) -> Tensor:
        """Mean loss. scores: log-probabilities [windows, frames, 7]; activity: bool [windows, frames, 3]."""
        weights = self._weights.to(scores.device)
        targets = torch.nn.functional.one_hot(self.classes(activity), len(weights)) * weights
        # sums[w, i, j]: log-probability of class i over the frames of window w that are of class j
        sums = torch.einsum("wfi,wfj->wij", scores, targets)
        costs = torch.stack([-sums[:, order, torch.arange(len(order))].sum(dim=1) for order in self._orders])
        return (costs.min(dim=0).values / targets.sum(dim=(1, 2))).mean()


_ORDERS = tuple(permutations(range(MAX_SPEAKERS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalErrors:
    """Frames of speaker time over many windows, and what went wrong in them."""

    speech: float
    missed: float
    false: float
    confused: float
    overlap: float
    overlap_found: float
    overlap_right: float

    @property
    def der(self) -> float:
        """Diarization error rate without a collar, each window's speakers matched on their own."""
        return (self.missed + self.false + self.confused) / max(self.speech, 1.0)

    def figures(self) -> dict[str, float]:
        """What a training prints."""
        return {
            "der": self.der,
            "missed": self.missed / max(self.speech, 1.0),
            "false": self.false / max(self.speech, 1.0),
            "confused": self.confused / max(self.speech, 1.0),
            "overlap_recall": self.overlap_right / max(self.overlap, 1.0),
            "overlap_precision": self.overlap_right / max(self.overlap_found, 1.0),
        }


def local_errors(found: Tensor, activity: Tensor) -> LocalErrors:
    """Compare bool [windows, frames, 3] with the truth, bool of the same shape."""
    hits = torch.stack([(found[..., list(order)] & activity).sum(dim=(1, 2)) for order in _ORDERS]).max(dim=0).values
    n_found, n_true = found.sum(dim=2), activity.sum(dim=2)
    both = torch.minimum(n_found, n_true).sum()
    return LocalErrors(
        speech=float(n_true.sum()),
        missed=float((n_true - n_found).clamp_min(0).sum()),
        false=float((n_found - n_true).clamp_min(0).sum()),
        confused=float(both - hits.sum()),
        overlap=float((n_true > 1).sum()),
        overlap_found=float((n_found > 1).sum()),
        overlap_right=float(((n_true > 1) & (n_found > 1)).sum()),
    )
