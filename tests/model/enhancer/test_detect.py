"""Whether something lies under the speech: levels by their definition, bounded memory, cuts that change nothing."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.enhancer.detect import LIMIT_DB, MOST_PROBES, PROBE, BackgroundMeter, Levels
from model.enhancer.sounds import active_db

Float32 = NDArray[np.float32]
RATE = 24_000


def _measured(net: torch.nn.Module, audio: NDArray[np.generic], block: int = RATE) -> Levels:
    meter = BackgroundMeter(net)  # type: ignore[arg-type]
    for start in range(0, audio.size, block):
        meter.push(audio[start : start + block])
    return meter.result()


def _hiss(samples: int) -> Float32:
    """Noise above 6.5 kHz at 0 dB."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(samples))
    spectrum[np.fft.rfftfreq(samples, 1 / RATE) < 6_500] = 0
    noise = np.fft.irfft(spectrum, samples)
    return (noise / noise.std()).astype(np.float32)


@pytest.mark.parametrize("snr_db", [15.0, 25.0, 40.0])
def test_noise_between_the_words_is_measured(
    lowpass: torch.nn.Module, voice: Callable[..., Float32], snr_db: float
) -> None:
    speech = voice(12.0)
    level_db = active_db(speech)
    found = _measured(lowpass, speech + _hiss(speech.size) * np.float32(10 ** ((level_db - snr_db) / 20)))
    assert found.ratio_db == found.over_pauses_db
    assert found.ratio_db == pytest.approx(snr_db, abs=2.0)
    assert found.speech_db == pytest.approx(level_db, abs=1.5)


def test_clean_speech_is_at_the_limit(lowpass: torch.nn.Module, voice: Callable[..., Float32]) -> None:
    found = _measured(lowpass, voice(12.0))
    assert found.ratio_db == LIMIT_DB
    assert found.over_rest_db == pytest.approx(-20 * np.log10(0.03), abs=1.0)


def test_where_nobody_pauses_the_rest_decides(lowpass: torch.nn.Module) -> None:
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(8 * RATE) / RATE).astype(np.float32)
    found = _measured(lowpass, tone)
    assert found.pause_share == 0.0
    assert found.ratio_db == found.over_rest_db


@pytest.mark.parametrize("samples", [0, 100, 30 * RATE])
def test_silence_has_no_background(lowpass: torch.nn.Module, samples: int) -> None:
    found = _measured(lowpass, np.zeros(samples, np.int16))
    assert found.speech_db == -np.inf
    assert found.ratio_db == LIMIT_DB


def test_how_the_stream_is_cut_changes_nothing(lowpass: torch.nn.Module, voice: Callable[..., Float32]) -> None:
    audio = voice(33.0)
    assert _measured(lowpass, audio, 777) == _measured(lowpass, audio, audio.size) == _measured(lowpass, audio, PROBE)


def test_int16_is_full_scale_at_one(lowpass: torch.nn.Module, voice: Callable[..., Float32]) -> None:
    pcm = (voice(9.0) * 32_768).astype(np.int16)
    assert _measured(lowpass, pcm) == _measured(lowpass, pcm.astype(np.float32) / np.float32(32_768))


def test_a_few_words_in_a_long_silence_are_heard(lowpass: torch.nn.Module, voice: Callable[..., Float32]) -> None:
    meter = BackgroundMeter(lowpass)  # type: ignore[arg-type]
    quiet = np.zeros(10 * RATE, np.float32)
    for number in range(120):
        meter.push(voice(3.0) if number == 77 else quiet)
        assert len(meter._probes) <= MOST_PROBES
        assert meter._held < PROBE
    assert meter.result().speech_db == pytest.approx(active_db(voice(3.0)), abs=1.5)
