"""Sound for the demo: resampling, levels, noise, a line, music, and files in several codecs. Seeded throughout."""

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]  # [samples] or [channels, samples], full scale 1


def gain(level_db: float) -> float:
    """dB to an amplitude factor."""
    return float(10.0 ** (level_db / 20.0))


def resample(samples: Samples, rate_hz: float, to_hz: float) -> Samples:
    """Exact band-limited resampling of a stretch that starts and ends in silence (by its spectrum)."""
    n = round(len(samples) * to_hz / rate_hz)
    spectrum = np.fft.rfft(samples)[: n // 2 + 1]
    resampled: Samples = np.fft.irfft(spectrum, n) * (n / len(samples))
    return resampled


def band_pass(samples: Samples, rate_hz: float, low_hz: float, high_hz: float) -> Samples:
    """Keeps a band along the last axis, with edges a tenth of the edge frequency wide."""
    f_hz = np.fft.rfftfreq(samples.shape[-1], 1.0 / rate_hz)
    rise = np.clip((f_hz / low_hz - 0.95) / 0.1, 0.0, 1.0)
    fall = np.clip((1.05 - f_hz / high_hz) / 0.1, 0.0, 1.0)
    filtered: Samples = np.fft.irfft(np.fft.rfft(samples) * rise * fall, samples.shape[-1])
    return filtered


def pink_noise(rng: np.random.Generator, n_channels: int, n_samples: int, level_dbfs: float) -> Samples:
    """Noise of equal power per octave (above a 1,000th of the rate), independent per channel."""
    f = np.maximum(np.fft.rfftfreq(n_samples), 1e-3)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal((n_channels, n_samples))) / np.sqrt(f), n_samples)
    scaled: Samples = noise * (gain(level_dbfs) / noise.std(axis=1, keepdims=True))
    return scaled


def crosstalk(channels: Samples, level_db: float, delay_samples: int) -> Samples:
    """Two channels, each with the other one added, lower and later."""
    leaked = np.roll(channels[::-1], delay_samples, axis=1)
    leaked[:, :delay_samples] = 0.0
    mixed: Samples = channels + gain(level_db) * leaked
    return mixed


CHORDS_HZ = ((220.0, 261.63, 329.63), (174.61, 220.0, 261.63), (196.0, 246.94, 293.66), (164.81, 196.0, 246.94))


def music(n_samples: int, rate_hz: int, level_dbfs: float, beat_s: float = 0.6) -> Samples:
    """Four chords going round, plucked note by note, each note eight decaying harmonics."""
    track = np.zeros(n_samples)
    t_s = np.arange(round(3.0 * rate_hz)) / rate_hz
    for beat in range(int(n_samples / rate_hz / beat_s) + 1):
        f0_hz = CHORDS_HZ[beat // 4 % 4][(0, 1, 2, 1)[beat % 4]]
        tones = (np.sin(2 * np.pi * k * f0_hz * t_s) / k**1.5 * np.exp(-k * t_s / 0.8) for k in range(1, 9))
        start = round(beat * beat_s * rate_hz)
        note = np.sum(list(tones), axis=0)[: n_samples - start]
        track[start : start + len(note)] += note
    scaled: Samples = track * (gain(level_dbfs) / track.std())
    return scaled


def to_int16(samples: Samples, bits: int = 16) -> NDArray[np.int16]:
    """[channels, samples] rounded to `bits` of resolution. Raises ValueError where it would clip."""
    step = 2 ** (16 - bits)
    pcm = np.round(samples * (32768 / step)) * step
    if np.abs(pcm).max() > 32767:
        raise ValueError(f"peak {np.abs(samples).max():.2f} of full scale: lower the speakers' levels")
    narrowed: NDArray[np.int16] = pcm.astype(np.int16)
    return narrowed


def write_audio(path: Path, pcm: NDArray[np.int16], rate_hz: int, codec: str, bit_rate: int | None = None) -> None:
    """int16 [channels, samples] into a container named by the suffix; the same input, the same bytes.

    Raises ValueError for a codec that is not for audio.
    """
    layout = "mono" if len(pcm) == 1 else "stereo"
    with av.open(str(path), "w", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        if not isinstance(stream, av.AudioStream):
            raise ValueError(f"{codec} is no audio codec")
        stream.options = {"compression_level": "12"} if codec == "flac" else {}
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        interleaved = np.ascontiguousarray(pcm.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout=layout)
        frame.sample_rate = rate_hz
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
