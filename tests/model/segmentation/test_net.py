"""The network: sizes, the powerset, levels, and weights on disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from model.fitting import FitError, load_net, save_net
from model.segmentation import net as seg

SMALL = seg.NetConfig(lstm_size=8, lstm_layers=1, linear_size=8, linear_layers=1)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return seg.build_net(SMALL).eval()


@pytest.mark.parametrize("samples", [1_531, 1_532, 12_345, seg.WINDOW_SAMPLES])
def test_frames_are_those_of_the_network(network: torch.nn.Module, samples: int) -> None:
    assert network(torch.zeros(1, 1, samples)).shape == (1, seg.frames_of(samples), 7)


def test_frames_stand_where_the_package_says(network: torch.nn.Module) -> None:
    assert seg.frames_of(seg.WINDOW_SAMPLES) == seg.WINDOW_FRAMES
    assert network.receptive_field_center(0) == seg.FRAME_CENTRE
    assert network.receptive_field_center(7) - network.receptive_field_center(0) == 7 * seg.FRAME_SAMPLES
    assert network.receptive_field_size(1) == seg.FRAME_SEES


def test_scores_are_log_probabilities(network: torch.nn.Module) -> None:
    scores = network(torch.randn(2, 1, 16_000, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(scores.exp().sum(dim=2), torch.ones(2, seg.frames_of(16_000)))


def test_the_default_is_the_size_of_pyannotes_own() -> None:
    config = seg.NetConfig()
    lstm = sum(2 * 4 * h * (i + h + 2) for i, h in [(60, 128), (256, 128)])
    linear = (256 + 1) * 128 + (128 + 1) * 128 + (128 + 1) * 7
    sincnet = 2 + 80 + (80 * 5 + 1) * 60 + (60 * 5 + 1) * 60 + 2 * (80 + 60 + 60)
    assert sum(p.numel() for p in seg.build_net(config).parameters()) == lstm + linear + sincnet


@pytest.mark.parametrize("gain", [0.01, 0.3, 4.0])
def test_level_and_offset_do_not_matter(gain: float) -> None:
    audio = 0.1 * torch.randn(3, 8_000, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(seg.normalised(audio * gain + 0.05), seg.normalised(audio), atol=1e-4, rtol=1e-4)


def test_silence_stays_silence() -> None:
    assert not seg.normalised(torch.zeros(2, 1_000)).any()
    assert seg.normalised(torch.full((1, 1_000), 0.25)).abs().max() < 1e-3


def test_weights_come_back_from_disk(network: torch.nn.Module, tmp_path: Path) -> None:
    path = save_net(network, tmp_path / "w.safetensors")
    torch.manual_seed(5)
    other = seg.build_net(SMALL).eval()
    load_net(other, path)
    audio = torch.randn(1, 1, 16_000, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(other(audio), network(audio), atol=5e-3, rtol=0)
    filters = [n.get_submodule("sincnet.conv1d.0.filterbank").filters() for n in (network, other)]
    torch.testing.assert_close(filters[0], filters[1], atol=2e-2, rtol=0)


def test_weights_of_another_size_are_refused(network: torch.nn.Module, tmp_path: Path) -> None:
    path = save_net(network, tmp_path / "w.safetensors")
    with pytest.raises(FitError, match="another network"):
        load_net(seg.build_net(seg.NetConfig(lstm_size=16, lstm_layers=1, linear_size=8)), path)


def test_pyannote_warns_of_nothing_and_sends_nothing() -> None:
    code = (
        "import sys, threading; sys.modules['torchcodec'] = None\n"  # as on a machine without FFmpeg's libraries
        "from model.segmentation.net import build_net; build_net()\n"
        "from pyannote.audio.telemetry.metrics import is_metrics_enabled; assert not is_metrics_enabled()\n"
        "assert threading.active_count() == 1"
    )
    env = {**os.environ, "PYANNOTE_METRICS_ENABLED": "true"}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, check=False, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
