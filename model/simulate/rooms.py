"""Room responses by the image method (Allen and Berkley 1979), with a diffuse tail after the first reflections.

Several positions in one rectangular room are heard by one microphone. Images are summed up to 50 ms after the direct
sound; later reflections are so dense that decaying noise stands for them, its highs dying away faster. Responses
begin with the direct sound, whose first 2.5 ms have unit energy: the dry signal keeps its time and level.
"""

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.simulate.phrases import SAMPLE_RATE_HZ, Float32

SOUND_M_PER_S: Final = 343.0
POSITIONS: Final = 5
ROOMS: Final = 120
"""Rooms of each kind that training scenes draw from."""
_EARLY_S: Final = 0.05
_DIRECT_S: Final = 0.0025
_TAIL_SPLIT_HZ: Final = 2_000.0
_HIGHS_DIE: Final = 1.6
_LONGEST_S: Final = 0.6
_WALL_M: Final = 0.4

Vectors = NDArray[np.float64]


@lru_cache(maxsize=512)
def image_room(seed: int, *, far: bool = False, reverberant: bool = False) -> Float32:
    """Responses float32 [5, taps] of five talkers in one random room; the same seed, the same room.

    far: 1.5 to 4 m from the microphone, else 0.4 to 1.5 m. reverberant: T60 of 0.4 to 0.8 s, else 0.15 to 0.5 s.
    """
    random = np.random.default_rng([seed, far, reverberant])
    size_m = random.uniform((3.2, 3.0, 2.4), (8.0, 6.5, 3.4))
    t60_s = random.uniform(0.4, 0.8) if reverberant else random.uniform(0.15, 0.5)
    microphone = random.uniform(_WALL_M, size_m - _WALL_M)
    microphone[2] = random.uniform(0.7, 1.4)
    distances_m = random.uniform(1.5, 4.0, POSITIONS) if far else random.uniform(0.4, 1.5, POSITIONS)
    talkers = [_position(random, size_m, microphone, d) for d in distances_m]
    taps = int(min(t60_s * 0.8, _LONGEST_S) * SAMPLE_RATE_HZ)
    return np.stack([response(size_m, microphone, talker, t60_s, taps, random) for talker in talkers])


def _position(random: np.random.Generator, size_m: Vectors, microphone: Vectors, distance_m: float) -> Vectors:
    """A place in the room at about a distance from the microphone: pulled into the room where it lies outside."""
    angle = random.uniform(0.0, 2 * math.pi)
    away = np.array([math.cos(angle), math.sin(angle), random.uniform(-0.2, 0.3)]) * distance_m
    place: Vectors = np.clip(microphone + away, _WALL_M / 2, size_m - _WALL_M / 2)
    return place if np.linalg.norm(place - microphone) > 0.2 else place + 0.15


def response(  # noqa: PLR0917
    size_m: Vectors, microphone: Vectors, talker: Vectors, t60_s: float, taps: int, random: np.random.Generator
) -> Float32:
    """Response float32 [taps] of one talker. size_m, microphone, talker: metres [3]; all walls absorb alike."""
    delay_s, gain = images(size_m, microphone, talker, reflection(size_m, t60_s))
    at = delay_s * SAMPLE_RATE_HZ
    whole = at.astype(np.int64)
    part = at - whole
    out = np.zeros(max(taps, int(whole.max()) + 2))
    np.add.at(out, whole, gain * (1 - part))
    np.add.at(out, whole + 1, gain * part)
    out = out[:taps]
    out[min(int(_EARLY_S * SAMPLE_RATE_HZ), taps) :] = 0.0
    out += _tail(out, t60_s, random)
    direct = out[: int(_DIRECT_S * SAMPLE_RATE_HZ)]
    return (out / math.sqrt(float(np.square(direct).sum()))).astype(np.float32)


def reflection(size_m: Vectors, t60_s: float) -> float:
    """Pressure reflection of the walls that gives a reverberation time, by Eyring's formula."""
    volume = float(np.prod(size_m))
    surface = 2.0 * float(size_m[0] * size_m[1] + size_m[0] * size_m[2] + size_m[1] * size_m[2])
    return math.sqrt(math.exp(-0.161 * volume / (surface * t60_s)))


def images(size_m: Vectors, microphone: Vectors, talker: Vectors, bounce: float) -> tuple[Vectors, Vectors]:
    """Delay after the direct sound in seconds and gain of every image within 50 ms of it, the direct sound first."""
    axes = []
    direct_m = float(np.linalg.norm(talker - microphone))
    reach_m = direct_m + _EARLY_S * SOUND_M_PER_S
    for length, mic, source in zip(size_m, microphone, talker, strict=True):
        order = int(reach_m / (2 * length)) + 1
        n = np.arange(-order, order + 1)
        offsets = np.concatenate([2 * n * length + source - mic, 2 * n * length - source - mic])
        axes.append((offsets**2, np.concatenate([np.abs(2 * n), np.abs(2 * n - 1)])))
    (x, nx), (y, ny), (z, nz) = axes
    distance_m = np.sqrt(x[:, None, None] + y[None, :, None] + z[None, None, :]).ravel()
    count = (nx[:, None, None] + ny[None, :, None] + nz[None, None, :]).ravel()
    near = distance_m <= reach_m
    distance_m, count = distance_m[near], count[near]

    return (distance_m - direct_m).clip(0.0) / SOUND_M_PER_S, bounce**count / distance_m


def _tail(early: Vectors, t60_s: float, random: np.random.Generator) -> Vectors:
    """Noise [taps] that goes on from the end of the early part, at its level, with its decay."""
    start = int(_EARLY_S * SAMPLE_RATE_HZ)
    taps = early.size
    if taps <= start:
        return np.zeros(taps)
    time_s = np.arange(taps - start) / SAMPLE_RATE_HZ
    spectrum = np.fft.rfft(random.standard_normal(taps - start))
    hz = np.fft.rfftfreq(taps - start, 1 / SAMPLE_RATE_HZ)
    low = np.fft.irfft(np.where(hz < _TAIL_SPLIT_HZ, spectrum, 0), taps - start)
    high = np.fft.irfft(np.where(hz < _TAIL_SPLIT_HZ, 0, spectrum), taps - start)
    decay = np.exp(-math.log(1_000.0) * time_s / t60_s)
    noise = low * decay + high * decay**_HIGHS_DIE
    before_s = 0.015
    last = early[start - int(before_s * SAMPLE_RATE_HZ) : start]
    level = math.sqrt(float(np.square(last).mean())) * math.exp(-math.log(1_000.0) * before_s / 2 / t60_s)
    return np.concatenate([np.zeros(start), noise * level])


def recorded_response(sound: Float32) -> Float32:
    """A recorded response cut to begin 0.5 ms before its peak, its direct sound of unit energy, 0.6 s at most.

    The half millisecond is not made up for: it is less than what truth is held to.
    """
    peak = int(np.abs(sound).argmax())
    start = max(0, peak - SAMPLE_RATE_HZ // 2_000)
    out = sound[start : start + int(_LONGEST_S * SAMPLE_RATE_HZ)].astype(np.float64)
    direct = out[: int(_DIRECT_S * SAMPLE_RATE_HZ)]
    return (out / math.sqrt(max(float(np.square(direct).sum()), 1e-12))).astype(np.float32)
