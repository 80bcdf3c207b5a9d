"""Music and noise made up on the spot, so that the enhancer is not taught the few real pieces by heart.

Tones are wavetables whose bright and dull version are cross-faded while they decay: cheap enough to be made for each
training example.
"""

import numpy as np
from numpy.typing import NDArray

from model.speech_audio import SAMPLE_RATE_HZ

Float32 = NDArray[np.float32]
Random = np.random.Generator

TABLE = 2_048
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 3, 5, 7, 10), (0, 2, 4, 7, 9))


def made_music(samples: int, random: Random) -> Float32:
    """A stretch of made-up music, float32 [samples]: chords, a melody, a bass and drums, any of them left out."""
    out = np.zeros(samples, np.float32)
    beat = int(SAMPLE_RATE_HZ * 60 / random.uniform(60, 170))
    scale = SCALES[int(random.integers(len(SCALES)))]
    key_hz = 55.0 * 2 ** random.uniform(0, 1)
    parts = random.random(4) < (0.65, 0.6, 0.4, 0.4)
    if parts[0] or not parts.any():
        _chords(out, beat * int(random.integers(1, 5)), key_hz * 4, scale, random)
    if parts[1]:
        _line(out, max(beat // int(random.choice([1, 2, 2, 4])), 1_200), key_hz * 8, scale, random)
    if parts[2]:
        _line(out, beat, key_hz, scale, random)
    if parts[3]:
        _drums(out, beat // 2, random)
    if not out.any():  # a rest all along
        _chords(out, beat, key_hz * 4, scale, random)
    return out


def made_noise(samples: int, random: Random) -> Float32:
    """Noise with a random colour, sometimes with a hum, sometimes swelling, float32 [samples]."""
    spectrum = np.fft.rfft(random.standard_normal(samples, np.float32))
    hz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ)
    knots = np.geomspace(40, SAMPLE_RATE_HZ / 2, 10)
    tilt_db = -random.uniform(0, 6) * np.log2(np.maximum(hz, 40) / 1_000)
    shape_db = tilt_db + np.interp(hz, knots, random.normal(0, random.uniform(0, 8), knots.size))
    out = np.fft.irfft(spectrum * 10 ** (np.clip(shape_db, -60, 30) / 20), samples).astype(np.float32)
    out /= max(float(out.std()), 1e-9)
    seconds = np.arange(samples, dtype=np.float32) / SAMPLE_RATE_HZ
    if random.random() < 0.25:
        table = _table(random, 12, random.uniform(0.3, 1.5))
        hum = table[(seconds * random.choice([50.0, 60.0, 100.0, 120.0]) * TABLE).astype(np.int64) % TABLE]
        out += hum * np.float32(random.uniform(0.2, 2.0))
    if random.random() < 0.3:
        swell = np.sin(2 * np.pi * (seconds * random.uniform(0.1, 4.0) + random.random()))
        out *= 1 + np.float32(random.uniform(0.2, 0.9)) * swell
    return out


def _table(random: Random, harmonics: int, fall: float) -> Float32:
    """One period of a tone, its harmonics falling with their number to the power of `fall`; unit power."""
    numbers = np.arange(1, harmonics + 1)
    spectrum = np.zeros(TABLE // 2 + 1, np.complex128)
    sizes = numbers**-fall * random.uniform(0.2, 1.0, harmonics)
    spectrum[1 : harmonics + 1] = sizes * np.exp(2j * np.pi * random.random(harmonics))
    table = np.fft.irfft(spectrum, TABLE)
    unit: Float32 = (table / table.std()).astype(np.float32)
    return unit


def _tone(hz: float, samples: int, tables: tuple[Float32, Float32], decay_s: float, random: Random) -> Float32:
    """A tone: attack, decay, its timbre from bright to dull, perhaps a vibrato."""
    seconds = np.arange(samples, dtype=np.float32) / SAMPLE_RATE_HZ
    phase = seconds * np.float32(hz)
    if random.random() < 0.3:
        phase += np.float32(hz * 0.004) * np.sin(2 * np.pi * 5.5 * seconds) / np.float32(2 * np.pi * 5.5) * 5
    at = (phase * TABLE).astype(np.int64) % TABLE
    bright = np.exp(-seconds / np.float32(decay_s / 2))
    attack = np.minimum(seconds / np.float32(random.uniform(0.003, 0.08)), 1.0)
    release = np.minimum((seconds[-1] - seconds) / np.float32(0.02), 1.0)
    tone: NDArray[np.floating] = (tables[0][at] * bright + tables[1][at] * (1 - bright)) * np.exp(
        -seconds / np.float32(decay_s)
    )
    shaped: Float32 = (tone * attack * release).astype(np.float32)
    return shaped


def _timbre(hz: float, random: Random) -> tuple[Float32, Float32]:
    most = max(1, min(30, int(10_000 / hz)))
    fall = random.uniform(0.4, 2.5)
    return _table(random, most, fall), _table(random, max(1, most // 2), fall + 1)


def _step_hz(key_hz: float, scale: tuple[int, ...], step: int) -> float:
    octave, degree = divmod(step, len(scale))
    return float(key_hz * 2 ** (octave + scale[degree] / 12))


def _chords(out: Float32, every: int, key_hz: float, scale: tuple[int, ...], random: Random) -> None:
    timbre = _timbre(key_hz * 2, random)
    decay_s = random.uniform(0.2, 4.0)
    for at in range(-int(random.integers(every)), out.size, every):
        root = int(random.integers(len(scale)))
        for step in (root, root + 2, root + 4, root + 7)[: int(random.integers(2, 5))]:
            tone = _tone(_step_hz(key_hz, scale, step), every, timbre, decay_s, random)
            _add(out, tone * np.float32(random.uniform(0.3, 1.0)), at)


def _line(out: Float32, every: int, key_hz: float, scale: tuple[int, ...], random: Random) -> None:
    timbre = _timbre(key_hz * 2, random)
    decay_s = random.uniform(0.15, 5.0)
    loudness = random.uniform(0.4, 1.5)
    step = int(random.integers(len(scale)))
    at = -int(random.integers(every))
    while at < out.size:
        length = every * int(random.integers(1, 4))
        step = int(np.clip(step + random.integers(-3, 4), -2, 10))
        if random.random() < 0.85:
            _add(out, _tone(_step_hz(key_hz, scale, step), length, timbre, decay_s, random) * loudness, at)
        at += length


def _drums(out: Float32, every: int, random: Random) -> None:
    seconds = np.arange(SAMPLE_RATE_HZ // 4, dtype=np.float32) / SAMPLE_RATE_HZ
    hiss = random.standard_normal(seconds.size, np.float32)
    kick = 2 * np.sin(2 * np.pi * (45 * seconds + 4 * (1 - np.exp(-seconds * 30)))) * np.exp(-seconds * 15)
    snare = (hiss + np.sin(2 * np.pi * 190 * seconds)) * np.exp(-seconds * random.uniform(12, 30))
    hat = np.diff(hiss, prepend=np.float32(0)) * np.exp(-seconds * random.uniform(30, 90)) * np.float32(0.4)
    loudness = random.uniform(0.5, 1.5)
    for number, at in enumerate(range(-int(random.integers(every)), out.size, every)):
        if number % 4 == 0:
            _add(out, kick * loudness, at)
        if number % 4 == 2:
            _add(out, snare * loudness, at)
        if random.random() < 0.8:
            _add(out, hat * loudness, at)


def _add(out: Float32, sound: NDArray[np.floating], at: int) -> None:
    """Add a sound at a place, which may lie before the start; what hangs over is left out."""
    first, last = max(0, at), min(out.size, at + sound.size)
    if last > first:
        out[first:last] += sound[first - at : last - at].astype(np.float32)
