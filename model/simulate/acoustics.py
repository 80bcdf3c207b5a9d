"""From dry channels to what a microphone, a recorder and a line make of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.simulate.codecs import through
from model.simulate.phrases import HOP, SAMPLE_RATE_HZ, Float32, good_size
from model.simulate.rooms import image_room
from model.simulate.scene import Scene
from model.simulate.sounds import Sounds

Random = np.random.Generator
_EDGE_HZ: Final = 60.0
_TILT_HZ: Final = 500.0
_TILT_FROM_HZ: Final = 60.0
_PEAK: Final = 0.99


@dataclass(slots=True)
class Heard:
    """Mixture float32 [S]; dry channels and images (in their room) float32 [n, S], all at their level in it."""

    mixture: Float32
    channels: Float32
    images: Float32


def hear(channels: Float32, activity: NDArray[np.bool_], scene: Scene, sounds: Sounds, random: Random) -> Heard:
    """What a scene makes of dry channels float32 [n, S].

    Channels and images go through the line's band too, which is linear, so that without noise and codec the images
    add up to the mixture; clipping, offset and codec are the mixture's alone.
    """
    gains = np.power(10.0, np.array(scene.levels_db[: len(channels)]) / 20).astype(np.float32)
    channels = _toned(channels * gains[:, None], scene.tilts_db)
    responses = _responses(scene, sounds, len(channels), random)
    images = (
        channels
        if responses is None
        else np.stack([_filtered(c, r, None) for c, r in zip(channels, responses, strict=True)])
    )
    speech = images.sum(axis=0)
    level = _level(speech, activity)
    mixture = speech + _underneath(scene, sounds, random, speech.size, level)
    if scene.band_hz is not None:
        channels, images = (_banded(sound, scene.band_hz) for sound in (channels, images))
        mixture = _filtered(mixture, None, scene.band_hz)
        level = _level(images.sum(axis=0), activity)
    gain = 10.0 ** (scene.level_dbfs / 20) / level if level > 0 else 1.0
    gain = np.float32(min(gain, _PEAK / max(float(np.abs(mixture).max()), 1e-9)))
    mixture = mixture * gain
    if scene.floor_dbfs is not None:
        hiss = random.standard_normal(mixture.size, np.float32) * np.float32(10.0 ** (scene.floor_dbfs / 20))
        mixture = mixture + hiss
    return Heard(_recorded(mixture, activity, scene), channels * gain, images * gain)


def _responses(scene: Scene, sounds: Sounds, count: int, random: Random) -> list[Float32] | None:
    """A response per speaker; recorded ones are one-place recordings, so that each speaker has another one."""
    if not scene.room:
        return None
    if scene.room == "recorded" and sounds.rooms:
        order = random.permutation(len(sounds.rooms))
        return [sounds.rooms[order[i % len(order)]] for i in range(count)]
    room = image_room(scene.room_number, far=scene.room.startswith("far"), reverberant=scene.room.endswith("live"))
    return list(room[:count])


def _underneath(scene: Scene, sounds: Sounds, random: Random, samples: int, level: float) -> Float32:
    """Noise and music at their ratios to the level of speech."""
    under = np.zeros(samples, np.float32)
    if scene.noise_db is not None:
        noise = sounds.noise(random, samples, coloured=scene.coloured)
        under += noise * np.float32((level or 0.05) * 10.0 ** (-scene.noise_db / 20))
    if scene.music_db is not None:
        under += sounds.song(random, samples) * np.float32((level or 0.05) * 10.0 ** (-scene.music_db / 20))
    return under


def _recorded(mixture: Float32, activity: NDArray[np.bool_], scene: Scene) -> Float32:
    """Offset, clipping, codec and full scale."""
    if scene.clipped > 0:
        spoken = np.repeat(activity.any(axis=0), HOP)[: mixture.size]
        loud = np.abs(mixture[spoken] if spoken.any() else mixture)
        ceiling = np.float32(max(float(np.quantile(loud, 1.0 - scene.clipped)), 1e-6))
        mixture = mixture.clip(-ceiling, ceiling)
    if scene.dc:
        mixture = mixture + np.float32(scene.dc)
    if scene.codec:
        mixture = through(mixture, scene.codec, scene.bit_rate)
    return mixture.clip(-1.0, 1.0).astype(np.float32)


def _level(audio: Float32, activity: NDArray[np.bool_]) -> float:
    """RMS where anyone is active."""
    frames = np.square(audio[: audio.size // HOP * HOP].reshape(-1, HOP)).mean(axis=1)
    anyone: NDArray[np.bool_] = np.any(activity, axis=0)
    spoken = frames[anyone[: frames.size]]
    return float(np.sqrt(spoken.mean())) if spoken.size else 0.0


def _toned(channels: Float32, tilts_db: Sequence[float]) -> Float32:
    """Each channel with the tilt of its microphone: linear phase, within 20 dB of what it is at 500 Hz."""
    pairs = zip(channels, tilts_db, strict=False)
    return np.stack([_filtered(c, None, None, tilt_db=tilt) if tilt else c for c, tilt in pairs])


def _banded(sounds: Float32, band_hz: tuple[float, float]) -> Float32:
    return np.stack([_filtered(sound, None, band_hz) for sound in sounds])


def _filtered(
    audio: Float32, response: Float32 | None, band_hz: tuple[float, float] | None, *, tilt_db: float = 0.0
) -> Float32:
    """Convolved with a response, held to a band, tilted; float32 [S] like the audio."""
    if not audio.any():
        return audio
    taps = response.size if response is not None else SAMPLE_RATE_HZ // 20
    size = good_size(audio.size + taps)
    spectrum = np.fft.rfft(audio, size)
    if response is not None:
        spectrum *= np.fft.rfft(response, size)
    if band_hz is not None:
        spectrum *= _band(size, *band_hz)
    if tilt_db:
        octaves = np.log2(_frequencies(size).clip(_TILT_FROM_HZ, None) / _TILT_HZ)
        spectrum *= np.power(10.0, (tilt_db * octaves).clip(-20.0, 20.0) / 20).astype(np.float32)
    out: Float32 = np.fft.irfft(spectrum, size)[: audio.size].astype(np.float32, copy=False)
    return out


@lru_cache(maxsize=8)
def _frequencies(size: int) -> Float32:
    return np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ).astype(np.float32)


def _band(size: int, low_hz: float, high_hz: float) -> Float32:
    """Zero-phase gain per frequency: raised-cosine edges, 60 Hz wide around the two frequencies."""
    hz = _frequencies(size)
    rise = ((hz - low_hz) / _EDGE_HZ + np.float32(0.5)).clip(0.0, 1.0) if low_hz > 0 else np.float32(1.0)
    fall = ((high_hz - hz) / _EDGE_HZ + np.float32(0.5)).clip(0.0, 1.0)
    gain: Float32 = (np.sin(0.5 * np.pi * rise * fall) ** 2).astype(np.float32)
    return gain
