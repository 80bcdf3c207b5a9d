"""The loop that the recipes share: exact resuming, Ctrl-C, other settings, weights that fit."""

import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from model.fitting import FitConfig, FitError, learning_rate, load_net, read_state, run, save_net

STEPS = FitConfig(steps=8, warmup_steps=2, save_every=100)


class Line:
    """Learns y = 2 x; interrupts itself before the step given."""

    def __init__(self, interrupted_at: int = -1) -> None:
        torch.manual_seed(1)
        self.net = nn.Linear(1, 1)
        self._left = interrupted_at

    def loss(self, random: np.random.Generator, share_done: float) -> tuple[Tensor, dict[str, float]]:
        if self._left == 0:
            signal.raise_signal(signal.SIGINT)
        self._left -= 1
        x = torch.from_numpy(random.standard_normal((8, 1), np.float32))
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


def test_the_learning_rate_rises_and_falls() -> None:
    config = FitConfig(learning_rate=1.0, warmup_steps=10)
    assert learning_rate(config, 0, 0.0) == pytest.approx(0.1)
    assert learning_rate(config, 50, 0.5) == pytest.approx(0.02 + 0.98 / 2)
    assert learning_rate(config, 99, 1.0) == pytest.approx(0.02)
