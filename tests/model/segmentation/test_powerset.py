"""Loss and local errors against plain loops over orders and frames."""

from itertools import permutations

import pytest
import torch

from model.segmentation.powerset import PowersetLoss, local_errors

SETS = [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]


def _random(seed: int, windows: int = 3, frames: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(windows, frames, 7, generator=generator).log_softmax(dim=2)
    classes = torch.randint(7, (windows, frames), generator=generator)
    activity = torch.tensor([[[s in SETS[c] for s in range(3)] for c in window] for window in classes.tolist()])
    return scores, activity


def _slow_loss(scores: torch.Tensor, activity: torch.Tensor, weight: float) -> float:
    total = 0.0
    for window, active in zip(scores, activity, strict=True):
        costs = []
        for order in permutations(range(3)):
            cost = weights = 0.0
            for frame, who in zip(window, active, strict=True):
                named = tuple(sorted(order[s] for s in range(3) if who[s]))
                w = weight if len(named) == 2 else 1.0
                cost -= w * float(frame[SETS.index(named)])
                weights += w
            costs.append(cost / weights)
        total += min(costs)
    return total / len(scores)


@pytest.mark.parametrize("weight", [1.0, 2.5])
def test_loss_is_the_least_over_the_orders(weight: float) -> None:
    scores, activity = _random(0)
    assert float(PowersetLoss(weight)(scores, activity)) == pytest.approx(
        _slow_loss(scores, activity, weight), rel=1e-5
    )


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_names_of_speakers_do_not_matter(order: tuple[int, ...]) -> None:
    scores, activity = _random(1)
    loss = PowersetLoss()
    torch.testing.assert_close(loss(scores, activity[..., list(order)]), loss(scores, activity))
    right = activity & (activity.sum(dim=2, keepdim=True) > 0)
    errors = local_errors(right[..., list(order)], activity)
    assert (errors.der, errors.overlap_right) == (0.0, errors.overlap)


def test_classes_are_those_of_the_set() -> None:
    loss = PowersetLoss()
    rows = torch.tensor([[s in members for s in range(3)] for members in SETS])
    assert loss.classes(rows).tolist() == list(range(7))
    assert loss.classes(torch.ones(1, 3, dtype=torch.bool)).item() >= 4


def test_errors_add_up() -> None:
    # Truth: 0 0 01 1 -; found, with names exchanged and a mistake of each kind: - 1 1 1 2
    truth = torch.tensor([[[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]]], dtype=torch.bool)
    found = torch.tensor([[[0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]]], dtype=torch.bool)
    errors = local_errors(found, truth)
    assert (errors.speech, errors.missed, errors.false, errors.confused) == (5, 2, 1, 1)
    assert errors.der == pytest.approx(4 / 5)
    assert (errors.overlap, errors.overlap_found, errors.overlap_right) == (1, 0, 0)
    assert errors.figures()["overlap_recall"] == 0.0
