"""Sound with landmarks, and landmarks without sound; both seeded."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from model.landmarks.find import FREQUENCY_BITS, UNIT_HZ, UNIT_S

Int16 = NDArray[np.int16]
UInt32 = NDArray[np.uint32]


def _pack(times_s: NDArray[np.float64], tones_hz: NDArray[np.float64]) -> UInt32:
    times, tones = np.rint(times_s / UNIT_S).astype(np.uint32), np.rint(tones_hz / UNIT_HZ).astype(np.uint32)
    return np.unique(times << np.uint32(FREQUENCY_BITS) | tones)


@pytest.fixture(scope="session")
def pack() -> Callable[..., UInt32]:
    """(times in s, frequencies in Hz) -> landmarks."""
    return _pack


@pytest.fixture(scope="session")
def made() -> Callable[..., UInt32]:
    """made(seed, seconds=60): three landmarks a second, anywhere."""

    def make(seed: int, seconds: float = 60.0) -> UInt32:
        rng = np.random.default_rng(seed)
        n = int(3 * seconds)
        return _pack(rng.uniform(0, seconds, n), rng.uniform(300, 3_000, n))

    return make


@pytest.fixture(scope="session")
def babble() -> Callable[..., Int16]:
    """babble(seed, seconds=20): speech-like sound on two channels in turns, int16 [2, n] at 24 kHz."""

    def make(seed: int, seconds: float = 20.0) -> Int16:
        rng = np.random.default_rng(seed)
        n = int(seconds * 24_000)
        audio = rng.standard_normal((2, n)) * 2.0
        at = 0
        while at < n:
            length = min(int(24_000 * rng.uniform(0.1, 0.3)), n - at)
            t = np.arange(length) / 24_000
            pitch, formants = rng.uniform(90, 220), rng.uniform((300, 900), (900, 2_500))
            tones = pitch * np.arange(1, int(3_400 / pitch))
            gains = sum(np.exp(-(((tones - f) / 200) ** 2)) for f in formants) + 0.01
            sound = (gains[:, None] * np.sin(2 * np.pi * tones[:, None] * t)).sum(axis=0) * np.hanning(length)
            audio[(at // 72_000) % 2, at : at + length] += 2_000 * sound * rng.uniform(0.5, 1.0)
            at += length + int(24_000 * rng.exponential(0.05))
        return np.rint(audio).astype(np.int16)

    return make
