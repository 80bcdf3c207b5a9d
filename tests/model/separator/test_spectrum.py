"""Spectra and their bands."""

import numpy as np
import pytest
import torch

from model.separator.spectrum import BAND_EDGES, BANDS, BINS, in_bands, looked_at, spectrum, spread, waveform


def test_back_and_forth_is_exact() -> None:
    audio = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 24_000)).astype(np.float32))
    made = waveform(spectrum(audio), 24_000)
    assert torch.allclose(made, audio, atol=2e-6)


def test_a_tone_lies_in_its_bin() -> None:
    tone = torch.sin(2 * torch.pi * 1_000 * torch.arange(24_000) / 24_000)
    power = looked_at(spectrum(tone[None])).abs()[0, 10:-10].mean(0)
    assert int(power.argmax()) == 1_000 // 25 - 1


def test_bands_hold_every_bin_once() -> None:
    assert (BAND_EDGES[0], BAND_EDGES[-1], len(BAND_EDGES)) == (0, BINS, BANDS + 1)
    magnitude = torch.arange(1.0, BINS + 1)[None]
    bands = in_bands(magnitude)
    assert bands.shape == (1, BANDS)
    assert float(bands.sum()) == pytest.approx(float(magnitude.sum()))
    assert torch.equal(bands[0, :64], magnitude[0, :64])


def test_a_mask_goes_on_above_8_khz() -> None:
    mask = torch.linspace(0, 1, BINS)[None]
    whole = spread(mask)
    assert whole.shape == (1, 481)
    assert torch.equal(whole[:, 1 : BINS + 1], mask)
    assert float(whole[0, 400]) == pytest.approx(float(mask[0, 240:].mean()))
