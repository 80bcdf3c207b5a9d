"""The enhancer's network: exact spectra, any length, a bounded mask, small."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.enhancer.net import BINS, HOP, NOMINAL_DB, Enhancer, features, gain_for
from model.fitting import FitError, load_net, save_net

Float32 = NDArray[np.float32]


@pytest.mark.parametrize("samples", [1, HOP - 1, HOP, 5_000])
def test_the_spectrum_can_be_taken_back(net: Enhancer, samples: int) -> None:
    audio = torch.randn(2, samples, generator=torch.Generator().manual_seed(samples))
    back = net.waveform(net.spectrum(audio), samples)
    assert back.shape == audio.shape
    assert torch.allclose(back, audio, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 2_000, 24_000])
def test_any_length_comes_out_as_it_went_in(net: Enhancer, samples: int) -> None:
    out = net(torch.zeros(2, samples))
    assert out.shape == (2, samples)
    assert torch.isfinite(out).all()


def test_the_mask_never_amplifies(net: Enhancer) -> None:
    spectrum = net.spectrum(torch.randn(1, 9_600, generator=torch.Generator().manual_seed(0)))
    mask = net.mask(spectrum[:, :BINS])
    assert mask.shape == (1, BINS, spectrum.shape[2])
    assert float(mask.abs().max()) < 1.0


def test_speech_passes_before_training(net: Enhancer, voice: Callable[..., Float32]) -> None:
    audio = torch.from_numpy(voice(1.0))[None]
    out = net(audio)
    share = float((out * audio).sum() / audio.square().sum())
    error = out - share * audio
    assert float(error.square().sum() / (share * audio).square().sum()) < 0.25


def test_it_is_small_enough_to_ship(net: Enhancer) -> None:
    assert sum(parameter.numel() for parameter in net.parameters()) <= 1_600_000


def test_features_bend_magnitudes_and_tell_what_stays() -> None:
    spectrum = torch.full((1, 1, 21), 3.0 + 4.0j)
    spectrum[..., :11] = 0.1j
    found = features(spectrum)
    assert found.shape == (1, 5, 1, 21)
    size, real, imaginary, floor, mean = found[0, :, 0, 20].tolist()
    assert size == pytest.approx(5**0.3, rel=1e-5)
    assert (real, imaginary) == pytest.approx((0.6 * 5**0.3, 0.8 * 5**0.3), rel=1e-5)
    assert floor == pytest.approx(0.1**0.3, rel=1e-4)
    assert mean == pytest.approx((11 * 0.1**0.3 + 10 * 5**0.3) / 21, rel=1e-4)


def test_the_gain_brings_speech_to_the_level_of_training() -> None:
    assert 20 * np.log10(gain_for(-40.0)) == pytest.approx(NOMINAL_DB + 40.0)
    assert 20 * np.log10(gain_for(-90.0)) == pytest.approx(40.0)
    assert gain_for(float("-inf")) == 1.0


def test_weights_go_through_a_file(net: Enhancer, tmp_path: Path) -> None:
    path = save_net(net, tmp_path / "enhancer.safetensors")
    assert path.stat().st_size < 3.2e6
    other = Enhancer().eval()
    load_net(other, path)
    for name, tensor in net.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor.half().float())


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = save_net(torch.nn.Linear(3, 3), tmp_path / "linear.safetensors")
    with pytest.raises(FitError, match="another network"):
        load_net(Enhancer(), path)
