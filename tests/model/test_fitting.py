"""The loop that the recipes share: exact resuming, Ctrl-C, other settings, weights that fit."""

import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from model.fit_data import POOL, Batches, WholeBatches
from model.fitting import FitConfig, FitError, learning_rate, load_net, read_state, run, save_net, start_from

STEPS = FitConfig(steps=8, warmup_steps=2, save_every=100)


class Line(WholeBatches[Tensor]):
    """Learns y = 2 x; interrupts itself before the step given."""

    def __init__(self, interrupted_at: int = -1) -> None:
        torch.manual_seed(1)
        self.net = nn.Linear(1, 1)
        self._left = interrupted_at

    def make(self, random: np.random.Generator, share_done: float) -> Tensor:
        return torch.from_numpy(random.standard_normal((8, 1), np.float32))

    def loss(self, batch: Tensor, share_done: float) -> tuple[Tensor, dict[str, float]]:
        if self._left == 0:
            signal.raise_signal(signal.SIGINT)
        self._left -= 1
        x = batch
        loss = (self.net(x) - 2 * x).square().mean()
        return loss, {"share": share_done}


def test_an_interrupted_training_is_saved_and_goes_on_exactly(tmp_path: Path) -> None:
    whole, first, second = Line(), Line(interrupted_at=3), Line()
    handler = signal.getsignal(signal.SIGINT)
    lines: list[str] = []
    run(whole, STEPS, tmp_path / "whole", lines.append)
    with pytest.raises(KeyboardInterrupt):
        run(first, STEPS, tmp_path / "parts", lines.append)
    assert signal.getsignal(signal.SIGINT) is handler
    assert lines[-1] == "stopped at step 4: the same command goes on from there"
    assert read_state(tmp_path / "parts")["progress"]["step"] == 4  # the step that it came in was done
    assert run(second, STEPS, tmp_path / "parts", lines.append).step == 8
    assert all(torch.equal(a, b) for a, b in zip(whole.net.parameters(), second.net.parameters(), strict=True))


def test_a_finished_training_is_only_loaded(tmp_path: Path) -> None:
    first, again = Line(), Line(interrupted_at=0)
    run(first, STEPS, tmp_path, lambda _: None)
    assert run(again, STEPS, tmp_path, lambda _: None).step == 8
    assert torch.equal(first.net.weight, again.net.weight)


def test_other_settings_are_named(tmp_path: Path) -> None:
    run(Line(), STEPS, tmp_path, lambda _: None)
    with pytest.raises(FitError, match=r"other settings \(steps=8\): give those, or another folder"):
        run(Line(), FitConfig(steps=9, warmup_steps=2, save_every=100), tmp_path, lambda _: None)


def test_the_state_of_another_network_is_refused(tmp_path: Path) -> None:
    other = Line()
    other.net = nn.Linear(2, 2)
    run(Line(), STEPS, tmp_path, lambda _: None)
    with pytest.raises(FitError, match="another network"):
        run(other, STEPS, tmp_path, lambda _: None)
    with pytest.raises(FitError, match=r"no state\.pt in"):
        read_state(tmp_path / "nowhere")


def test_weights_come_back_in_half_precision_and_only_into_their_network(tmp_path: Path) -> None:
    net, back = nn.Linear(3, 2), nn.Linear(3, 2)
    load_net(back, save_net(net, tmp_path / "net.safetensors"))
    assert torch.equal(back.weight, net.weight.half().float())
    with pytest.raises(FitError, match="another network"):
        load_net(nn.Linear(2, 2), tmp_path / "net.safetensors")


@pytest.mark.parametrize("uses", [1, 3])
def test_batches_made_ahead_are_those_made_in_time(tmp_path: Path, uses: int) -> None:
    config = FitConfig(steps=60, warmup_steps=2, save_every=100, uses=uses)
    alone, helped = Line(), Line()
    run(alone, config, tmp_path / "alone", lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        run(Line(interrupted_at=50), replace(config, workers=2), tmp_path / "helped", lambda _: None)
    run(helped, replace(config, workers=1), tmp_path / "helped", lambda _: None)
    assert torch.equal(alone.net.weight, helped.net.weight)


def test_each_batch_is_used_as_often_as_asked() -> None:
    class Numbers(WholeBatches[int]):
        def make(self, random: np.random.Generator, share_done: float) -> int:
            return int(random.integers(2**60))

    batches = Batches(Numbers(), 0, 0, uses=3)
    used = [batches.next(0.0) for _ in range(300)]
    assert len(set(used)) == 100 and set(used[::3]) == set(used)
    assert max(Counter(used).values()) < 15
    assert Batches(Numbers(), 0, 200, uses=3).next(0.0) == used[200]


class Pairs:
    """Parts are numbered as they are made; a batch is 4 of them, and a random number."""

    def make(self, random: np.random.Generator, share_done: float) -> list[int]:
        return [int(random.integers(2**60))]

    def join(self, parts: Sequence[list[int]], random: np.random.Generator) -> list[int]:
        return [*(number for (number,) in parts), int(random.integers(2**60))]


def test_a_batch_is_joined_from_parts_of_the_newest() -> None:
    batches = Batches(Pairs(), 0, 0, uses=8, together=4)
    made = [batches.next(0.0) for _ in range(400)]
    parts = [batch[:4] for batch in made]
    order = list(dict.fromkeys(n for batch in parts for n in batch))
    assert len(order) == 4 + 399 // 2 and len(set(parts[0])) == 4
    assert all(order.index(min(batch, key=order.index)) >= 4 + step // 2 - POOL for step, batch in enumerate(parts))
    counts = Counter(n for batch in parts for n in batch)
    assert 6.5 < np.mean(list(counts.values())) < 9.5 and max(counts.values()) < 40
    resumed = Batches(Pairs(), 0, 300, uses=8, together=4)
    assert [resumed.next(0.0) for _ in range(100)] == made[300:]


def test_weights_to_start_from(tmp_path: Path) -> None:
    net, other = nn.Linear(3, 2), nn.Linear(3, 2)
    start_from(net, FitConfig(start=str(save_net(other, tmp_path / "net.safetensors"))))
    assert torch.equal(net.weight, other.weight.half().float())
    with pytest.raises(FitError, match="no weights at"):
        start_from(net, FitConfig(start=str(tmp_path / "none")))


def test_the_learning_rate_rises_and_falls() -> None:
    config = FitConfig(learning_rate=1.0, warmup_steps=10)
    assert learning_rate(config, 0, 0.0) == pytest.approx(0.1)
    assert learning_rate(config, 50, 0.5) == pytest.approx(0.02 + 0.98 / 2)
    assert learning_rate(config, 99, 1.0) == pytest.approx(0.02)
