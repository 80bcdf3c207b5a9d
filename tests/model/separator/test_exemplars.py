"""Examples of two voices tell them apart without any training."""

import numpy as np
import pytest
import torch

from model.separator.exemplars import choose, explain
from model.separator.spectrum import looked_at, spectrum, waveform

RATE = 24_000


def voice(pitch_hz: float, seconds: float, seed: int) -> np.ndarray:
    """Harmonics of a wandering pitch under two wandering formants."""
    random = np.random.default_rng(seed)
    n = int(seconds * RATE)
    at = np.arange(n) / RATE
    wander = np.interp(at, np.linspace(0, seconds, int(6 * seconds)), random.uniform(0.94, 1.06, int(6 * seconds)))
    phase = 2 * np.pi * np.cumsum(pitch_hz * wander) / RATE
    centre = np.interp(at, np.linspace(0, seconds, int(4 * seconds)), random.uniform(400, 2_500, int(4 * seconds)))
    out = np.zeros(n)
    for k in range(1, int(5_000 / pitch_hz)):
        out += np.exp(-(((k * pitch_hz - centre) / 500) ** 2)) * np.sin(k * phase)
    return (0.1 * out / np.sqrt(np.mean(out**2))).astype(np.float32)


def si_sdr_db(made: np.ndarray, true: np.ndarray) -> float:
    target = (made @ true) / (true @ true) * true
    return float(10 * np.log10((target @ target) / ((made - target) @ (made - target))))


def test_a_mixture_is_shared_out() -> None:
    first, second = voice(110, 8, 1), voice(205, 8, 2)
    own = [choose(v[: 6 * RATE], np.arange(300), 150, np.random.default_rng(0)) for v in (first, second)]
    mixture = (first + second)[6 * RATE :]
    whole = spectrum(torch.from_numpy(mixture)[None])
    parts = explain(looked_at(whole).abs(), *own, 30)
    share = torch.nn.functional.pad(parts[0] / (parts[0] + parts[1] + 1e-9), (1, 160))
    made = waveform(whole * share, mixture.size)[0].numpy()
    assert si_sdr_db(mixture, first[6 * RATE :]) == pytest.approx(0.0, abs=0.5)
    assert si_sdr_db(made, first[6 * RATE :]) > 6.0


def test_the_explanations_add_up_to_the_mixture() -> None:
    first, second = voice(110, 4, 1), voice(205, 4, 2)
    own = [choose(v, np.arange(180), 100, np.random.default_rng(0)) for v in (first, second)]
    magnitude = looked_at(spectrum(torch.from_numpy(first + second)[None])).abs()
    parts = explain(magnitude, *own, 50)
    inside = slice(5, -5)
    assert float((parts[0] + parts[1])[:, inside].sum() / magnitude[:, inside].sum() / 3) == pytest.approx(
        1, abs=0.05
    )


def test_swapped_speakers_swap_the_parts() -> None:
    first, second = voice(110, 3, 1), voice(205, 3, 2)
    own = [choose(v, np.arange(140), 60, np.random.default_rng(0)) for v in (first, second)]
    magnitude = looked_at(spectrum(torch.from_numpy(first + second)[None])).abs()
    ours, theirs = explain(magnitude, own[0], own[1], 10), explain(magnitude, own[1], own[0], 10)
    assert torch.allclose(ours[0], theirs[1], rtol=1e-4, atol=1e-4)


def test_loudness_does_not_matter_to_examples() -> None:
    sound = voice(150, 3, 5)
    loud = choose(sound, np.arange(140), 40, np.random.default_rng(1))
    soft = choose(sound * np.float32(0.01), np.arange(140), 40, np.random.default_rng(1))
    assert torch.allclose(loud.bands, soft.bands, rtol=1e-3, atol=1e-6)


def test_nobody_alone_has_no_examples() -> None:
    with pytest.raises(ValueError, match="solo speech"):
        choose(np.zeros(24_000, np.float32), np.zeros(0, np.int64), 10, np.random.default_rng(0))
