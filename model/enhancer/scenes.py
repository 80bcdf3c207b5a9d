"""Training examples for the enhancer: simulated conversations in a room, over a line, with something under them.

An example follows from the material and a seeded generator alone.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.enhancer.music import made_music, made_noise
from model.enhancer.net import NOMINAL_DB, SAMPLE_RATE_HZ
from model.enhancer.sounds import Material, active_db
from model.simulate.codecs import CODECS, available, through
from model.simulate.conversation import simulate
from model.simulate.scene import draw_scene

Float32 = NDArray[np.float32]
Random = np.random.Generator

CLEAN_SHARE: Final = 0.08
NEARLY_CLEAN_SHARE: Final = 0.06  # hiss at 30 to 50 dB
SILENT_SHARE: Final = 0.04
CODED_SHARE: Final = 0.08
TALKING_OVER_SHARE: Final = 0.25
LOWEST_SNR_DB: Final = -5.0
HIGHEST_SNR_DB: Final = 20.0
_CURVE: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """float32 [samples] each. The mixture is speech and background; the speech keeps its room, line and codec."""

    mixture: Float32
    speech: Float32


def draw(material: Material, length_s: float, random: Random) -> Example:
    """An example of training, of a length in whole hundredths of a second."""
    speech = conversation(material, length_s, random)
    gains = _equaliser(speech.size, random) * _line(speech.size, random)
    speech = _through(speech, gains)
    if random.random() < SILENT_SHARE:
        speech = np.zeros_like(speech)
    kind, snr_db = random.random(), random.uniform(LOWEST_SNR_DB, HIGHEST_SNR_DB)
    if kind < CLEAN_SHARE:
        background = np.zeros_like(speech)
    elif kind < CLEAN_SHARE + NEARLY_CLEAN_SHARE:
        background, snr_db = made_noise(speech.size, random), random.uniform(30, 50)
    else:
        background = _through(_backgrounds(material, speech.size, random), gains)
    made = mixed(speech, background, snr_db, random.normal(0, 5))
    return _coded(made, random) if random.random() < CODED_SHARE else made


def mixed(speech: Float32, background: Float32, snr_db: float, louder_db: float = 0.0) -> Example:
    """Speech at the level that the network knows, `louder_db` above it, and a background `snr_db` below it.

    Both levels are those of the active frames; without speech the background stands where it would stand.
    """
    speech_db, background_db = active_db(speech), active_db(background)
    gain = 10 ** ((NOMINAL_DB - speech_db + louder_db) / 20) if np.isfinite(speech_db) else 0.0
    clean = (speech * np.float32(gain)).astype(np.float32)
    if not np.isfinite(background_db):
        return Example(mixture=clean, speech=clean)
    under = 10 ** ((NOMINAL_DB - snr_db - background_db + louder_db) / 20)
    return Example(mixture=clean + background * np.float32(under), speech=clean)


def conversation(material: Material, length_s: float, random: Random) -> Float32:
    """Speech of up to three people in a room with nothing under it, float32 [24,000 * length_s].

    A quarter of it is two people who talk whatever the other does: more overlap than any conversation has.
    """
    if random.random() < TALKING_OVER_SHARE:
        second = _speech(material, length_s, 1, random) * np.float32(10 ** (random.uniform(-12, 0) / 20))
        return _speech(material, length_s, 1, random) + second
    return _speech(material, length_s, int(random.choice([1, 2, 2, 2, 3])), random)


def _speech(material: Material, length_s: float, n_speakers: int, random: Random) -> Float32:
    drawn = draw_scene(random, "train")
    scene = replace(
        drawn,
        noise_db=None,
        music_db=None,
        floor_dbfs=None,
        band_hz=None,
        dc=0.0,
        clipped=0.0,
        codec="",
        level_dbfs=NOMINAL_DB,
    )
    made = simulate(random, material.voices, material.timing, scene, material.sounds, length_s, n_speakers)
    speech: Float32 = made.images.sum(axis=0)
    return speech


def _backgrounds(material: Material, samples: int, random: Random) -> Float32:
    """Noise, music or both, float32 [samples]."""
    out = one_background(material, samples, random)
    if random.random() < 0.2:
        out = out + one_background(material, samples, random) * np.float32(10 ** (random.uniform(-12, 0) / 20))
    return _through(out, _equaliser(samples, random))


def one_background(material: Material, samples: int, random: Random) -> Float32:
    """One kind of background, active at 0 dB, float32 [samples]."""
    kind, noises, music = random.random(), material.sounds.noises, material.sounds.music
    if kind < 0.45 and noises:
        made: Float32 = excerpt(noises[int(random.integers(len(noises)))], samples, random, 1.15)
    elif 0.45 <= kind < 0.65 and music:
        made = excerpt(music[int(random.integers(len(music)))], samples, random, 1.4)
    else:
        made = made_music(samples, random) if kind < 0.85 else made_noise(samples, random)
    level_db = active_db(made)
    factor = np.float32(10 ** (-level_db / 20)) if np.isfinite(level_db) else np.float32(1)
    return made * factor


def excerpt(sound: Float32, samples: int, random: Random, most: float = 1.0) -> Float32:
    """Anywhere in a sound, which goes on from its start again, faster or slower by up to a factor of `most`."""
    at = random.integers(sound.size) + np.arange(samples) * most ** random.uniform(-1, 1)
    before = at.astype(np.int64)
    share = (at - before).astype(np.float32)
    out: Float32 = sound[before % sound.size] * (1 - share) + sound[(before + 1) % sound.size] * share
    return out


def _through(audio: Float32, gains: Float32) -> Float32:
    out: Float32 = np.fft.irfft(np.fft.rfft(audio) * gains, audio.size).astype(np.float32, copy=False)
    return out


def _equaliser(samples: int, random: Random) -> Float32:
    """Smooth random gains per bin of a spectrum, within 15 dB."""
    gains_db = np.cumsum(random.normal(0, 1.5 * random.random(), 10))
    curve_db = np.interp(np.linspace(0, 9, _CURVE), np.arange(10), np.clip(gains_db - gains_db.mean(), -15, 15))
    gains: Float32 = (10 ** (curve_db / 20)).astype(np.float32)
    bins = samples // 2 + 1
    return gains[np.arange(bins) * _CURVE // bins]


def _line(samples: int, random: Random) -> Float32:
    """The gains of a telephone, a narrow recording or the full band per bin of a spectrum."""
    kind = random.random()
    if kind < 0.5:
        return np.ones(samples // 2 + 1, np.float32)
    hz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ).astype(np.float32)
    low_hz, high_hz = (random.uniform(100, 300), random.uniform(3_300, 3_900)) if kind < 0.8 else (-100.0, 7_800.0)
    gains = np.clip((hz - low_hz) / 60 + 0.5, 0, 1) * np.clip((high_hz - hz) / 120 + 0.5, 0, 1)
    return gains.astype(np.float32)


def _coded(example: Example, random: Random) -> Example:
    """Both sides through a codec of telephones or of the net: what it does to speech is not to be undone."""
    names = available()
    name = names[int(random.integers(len(names)))]
    rates = CODECS[name].bit_rates
    bit_rate = rates[int(random.integers(len(rates)))]
    mixture, speech = (through(audio, name, bit_rate) for audio in (example.mixture, example.speech))
    return Example(mixture=mixture, speech=speech)
