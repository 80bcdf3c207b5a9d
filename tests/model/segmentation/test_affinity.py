"""The loss on pairs of frames, against a loop over the pairs."""

import math

import pytest
import torch

from model.segmentation.affinity import affinity_loss


def _slow(hidden: torch.Tensor, activity: torch.Tensor) -> float:
    """Every fourth frame; the first half of each direction."""
    windows = []
    half = hidden.shape[2] // 4
    for states, active in zip(hidden[:, ::4], activity[:, ::4], strict=True):
        costs: dict[bool, list[float]] = {True: [], False: []}
        vectors = [torch.cat([s[:half], s[2 * half : 3 * half]]) for s in states]
        for i, one in enumerate(vectors):
            for j, other in enumerate(vectors):
                if active[i].sum() == 1 and active[j].sum() == 1:
                    same = bool((active[i] & active[j]).any())
                    logit = 6 * float(one @ other / one.norm() / other.norm()) - 2
                    costs[same].append(math.log1p(math.exp(-logit if same else logit)))
        if costs[False]:
            windows.append(sum(sum(c) / len(c) for c in costs.values()) / 2)
    return sum(windows) / max(len(windows), 1)


def _draw(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 64, 16, generator=generator), torch.rand(3, 64, 3, generator=generator) < 0.4


@pytest.mark.parametrize("seed", [0, 1])
def test_it_is_the_cost_of_the_pairs(seed: int) -> None:
    hidden, activity = _draw(seed)
    activity[0, :, 1:] = False  # one speaker: nothing to tell apart
    assert float(affinity_loss(hidden, activity)) == pytest.approx(_slow(hidden, activity), rel=1e-4)


def test_nothing_to_compare_costs_nothing() -> None:
    hidden, activity = _draw(2)
    assert float(affinity_loss(hidden, torch.zeros_like(activity))) == 0.0
    assert float(affinity_loss(hidden, torch.ones_like(activity))) == 0.0


def test_it_falls_where_frames_of_a_speaker_agree() -> None:
    hidden, activity = _draw(3)
    apart = hidden.clone()
    apart[..., :3] += 20 * activity
    apart[..., 8:11] += 20 * activity
    assert affinity_loss(apart, activity) < 0.3 * affinity_loss(hidden, activity)
