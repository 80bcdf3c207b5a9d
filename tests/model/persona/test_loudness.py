"""Loudness against an independent BS.1770: the Recommendation's own coefficients, at 48 kHz."""

import numpy as np
import pytest
from scipy.signal import lfilter, resample_poly

from model.persona.loudness import amplified, gain_to_target, loudness_lufs

# ITU-R BS.1770-4, tables 1 and 2: both stages of the K-weighting at 48 kHz.
SHELF = ([1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585])
HIGH_PASS = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])


def reference_lufs(audio: np.ndarray) -> float:
    """Gated loudness of one channel, float [samples] at 24 kHz, block by block as the Recommendation says it."""
    heard = lfilter(*HIGH_PASS, lfilter(*SHELF, resample_poly(audio.astype(np.float64), 2, 1)))
    powers = np.array([np.mean(heard[i : i + 19_200] ** 2) for i in range(0, heard.size - 19_200 + 1, 4_800)])
    kept = powers[-0.691 + 10 * np.log10(powers) > -70.0]
    relative = -0.691 + 10 * np.log10(kept.mean()) - 10.0
    kept = kept[-0.691 + 10 * np.log10(kept) > relative]
    return float(-0.691 + 10 * np.log10(kept.mean()))


def voice_like(seed: int, level: float) -> np.ndarray:
    """4 s of a buzz with formants, in bursts with pauses."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(96_000) / 24_000
    sound = sum(np.sin(2 * np.pi * 120 * k * time_s) * np.exp(-(((120 * k - 700) / 600) ** 2)) for k in range(1, 60))
    gate = np.repeat(rng.random(40) > 0.3, 2_400)
    return (level * sound * gate / np.abs(sound).max() + 1e-4 * rng.standard_normal(96_000)).astype(np.float32)


def test_a_sine_of_997_hz_at_full_scale_has_3_lufs_less_than_nothing() -> None:
    sine = np.sin(2 * np.pi * 997 * np.arange(96_000) / 24_000).astype(np.float32)
    assert reference_lufs(sine) == pytest.approx(-3.01, abs=0.02)
    assert loudness_lufs(sine) == pytest.approx(-3.01, abs=0.3)  # torchaudio designs its filters anew for each rate


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", [0.01, 0.1, 0.9])
def test_a_voice_is_brought_to_24_lufs(seed: int, level: float) -> None:
    audio = voice_like(seed, level)
    made = gain_to_target(audio)
    assert made is not None
    gain_db, after = made
    assert after == pytest.approx(-24.0, abs=0.01)
    assert reference_lufs(amplified(audio, gain_db)) == pytest.approx(-24.0, abs=0.5)


def test_peaks_do_not_clip() -> None:
    audio = voice_like(0, 0.01)
    audio[::12_000] = 0.5  # clicks
    made = gain_to_target(audio)
    assert made is not None
    louder = amplified(audio, made[0])
    assert np.abs(louder).max() <= 1.0
    assert made[1] < -24.5
    assert reference_lufs(louder) == pytest.approx(made[1], abs=0.5)


def test_silence_has_no_loudness() -> None:
    assert gain_to_target(np.zeros(96_000, np.float32)) is None
