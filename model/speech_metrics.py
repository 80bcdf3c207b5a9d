"""How much of speech survives a codec: intelligibility, quality, pitch, spectrum, level.

Needs `pystoi` (and, where it is installed, `pesq`): both are for developers, so they are looked up when used.
"""

import importlib
import importlib.util
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray

from model.codec_dsp import mel_filters
from model.codec_types import SAMPLE_RATE_HZ, FloatArray

HOP = 240
YIN_WINDOW = 960
YIN_MIN_HZ, YIN_MAX_HZ = 60.0, 500.0
YIN_THRESHOLD = 0.15
YIN_VOICED = 0.25
PITCH_CUTOFF_HZ = 1_500.0
ACTIVE_DB = -40.0
"""Frames this far below the loudest count as silent."""
GROSS = 0.2
"""A pitch off by more than this share is a gross error (Rabiner et al. 1976)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Figures of one decoded signal against its original; NaN where a figure cannot be had."""

    stoi: float
    estoi: float
    pesq_wb: float
    pitch_gross: float
    voicing_error: float
    mel_db: float
    level_db: float


def quality(original: FloatArray, decoded: FloatArray) -> Quality:
    """Every figure of decoded against original, both float32 [samples] at 24 kHz, aligned."""
    gross, voicing = pitch_errors(original, decoded)
    return Quality(
        stoi=stoi(original, decoded),
        estoi=stoi(original, decoded, extended=True),
        pesq_wb=pesq_wb(original, decoded),
        pitch_gross=gross,
        voicing_error=voicing,
        mel_db=mel_distance_db(original, decoded),
        level_db=level_db(decoded) - level_db(original),
    )


def optional(name: str) -> ModuleType | None:
    """A module that may be absent."""
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def stoi(original: FloatArray, decoded: FloatArray, *, extended: bool = False) -> float:
    """STOI (Taal et al. 2011) or ESTOI (Jensen and Taal 2016), 0 to 1; NaN without the package `pystoi`."""
    package = optional("pystoi")
    if package is None:
        return float("nan")
    return float(package.stoi(original, decoded, SAMPLE_RATE_HZ, extended=extended))


def pesq_wb(original: FloatArray, decoded: FloatArray) -> float:
    """PESQ, wide band at 16 kHz (ITU-T P.862.2), 1.04 to 4.64; NaN without the package `pesq`."""
    package = optional("pesq")
    if package is None:
        return float("nan")
    wide = [
        torchaudio.functional.resample(torch.from_numpy(x), SAMPLE_RATE_HZ, 16_000).numpy()
        for x in (original, decoded)
    ]
    return float(package.pesq(16_000, wide[0], wide[1], "wb"))


def level_db(audio: FloatArray) -> float:
    """Root mean square level over all samples, dB re full scale, not below -120."""
    return float(10 * np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-12))


def mel_distance_db(original: FloatArray, decoded: FloatArray) -> float:
    """Mean absolute difference of 80 mel bands in dB, over frames above -40 dB, floored 60 dB below the loudest."""
    filters = mel_filters(YIN_WINDOW // 2 + 1, 80).numpy()
    window = np.hanning(YIN_WINDOW).astype(np.float32)
    powers = [np.square(np.abs(np.fft.rfft(_frames(x, YIN_WINDOW) * window))) @ filters for x in (original, decoded)]
    floor = powers[0].max() * 1e-6 + 1e-12
    made_db = [10 * np.log10(p + floor) for p in powers]
    return float(np.abs(made_db[0] - made_db[1])[active_frames(original)].mean())


def active_frames(audio: FloatArray) -> NDArray[np.bool_]:
    """Which frames (960 samples every 240) are within 40 dB of the loudest."""
    power = np.square(_frames(audio, YIN_WINDOW)).mean(-1)
    loud: NDArray[np.bool_] = power > max(power.max() * 10 ** (ACTIVE_DB / 10), 1e-9)
    return loud


def pitch_errors(original: FloatArray, decoded: FloatArray) -> tuple[float, float]:
    """Gross pitch errors as a share of frames voiced in both, voicing disagreements as a share of active frames."""
    true_hz, made_hz = yin_pitch_hz(original), yin_pitch_hz(decoded)
    both = (true_hz > 0) & (made_hz > 0)
    active = active_frames(original)
    off = np.abs(made_hz[both] / true_hz[both] - 1) > GROSS
    differs = (true_hz > 0)[active] != (made_hz > 0)[active]
    return float(off.mean()) if both.any() else float("nan"), float(differs.mean()) if active.any() else float("nan")


def yin_pitch_hz(audio: FloatArray) -> NDArray[np.float64]:
    """Pitch every 240 samples by YIN (de Cheveigné and Kawahara 2002), 0 where unvoiced or silent."""
    low = torchaudio.functional.lowpass_biquad(torch.from_numpy(audio), SAMPLE_RATE_HZ, PITCH_CUTOFF_HZ).numpy()
    longest = int(SAMPLE_RATE_HZ / YIN_MIN_HZ)
    frames = _frames(low, YIN_WINDOW).astype(np.float64)
    size = YIN_WINDOW - longest
    spectrum = np.fft.rfft(frames, 2 * YIN_WINDOW) * np.conj(np.fft.rfft(frames[:, :size], 2 * YIN_WINDOW))
    correlation = np.fft.irfft(spectrum)[:, : longest + 1]
    energy = np.cumsum(np.pad(np.square(frames), ((0, 0), (1, 0))), axis=1)
    energies = energy[:, size : size + longest + 1] - energy[:, : longest + 1]
    difference = energies[:, :1] + energies - 2 * correlation
    mean = np.cumsum(difference[:, 1:], axis=1) / np.arange(1, longest + 1)
    normalised = np.concatenate([np.ones((len(frames), 1)), difference[:, 1:] / (mean + 1e-12)], axis=1)
    lag, depth = _first_dip(normalised, int(SAMPLE_RATE_HZ / YIN_MAX_HZ))
    voiced = (depth < YIN_VOICED) & active_frames(audio)
    return np.where(voiced, SAMPLE_RATE_HZ / lag, 0.0)


def _first_dip(normalised: NDArray[np.float64], shortest: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lag (by parabola) and depth of the first minimum below the threshold, else of the lowest."""
    inner = normalised[:, shortest:-1]
    dip = (inner <= normalised[:, shortest - 1 : -2]) & (inner <= normalised[:, shortest + 1 :])
    good = dip & (inner < YIN_THRESHOLD)
    lag = np.where(good.any(1), good.argmax(1), inner.argmin(1)) + shortest
    rows = np.arange(len(normalised))
    left, mid, right = (normalised[rows, lag + k] for k in (-1, 0, 1))
    curve = np.maximum(left - 2 * mid + right, 1e-9)
    return lag + np.clip(0.5 * (left - right) / curve, -0.5, 0.5), mid


def _frames(audio: FloatArray, size: int) -> NDArray[np.float32]:
    """Frames [n, size] every 240 samples, the first centred on sample 0."""
    padded = np.pad(audio, (size // 2, size // 2))
    return np.lib.stride_tricks.sliding_window_view(padded, size)[::HOP]
