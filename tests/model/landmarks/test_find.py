"""Landmarks against their definition, and what must not change them."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from model.landmarks.find import UNIT_HZ, UNIT_S, landmarks, spectrogram, unpacked
from schemas.conversation import Segment

Int16 = NDArray[np.int16]
Babble = Callable[..., Int16]


def whole(pcm: Int16) -> tuple[Segment, ...]:
    return (Segment(channel=0, start_s=0.0, end_s=pcm.shape[1] / 24_000),)


def marks(pcm: Int16) -> NDArray[np.uint32]:
    return landmarks(pcm, whole(pcm))


def found_again(one: NDArray[np.uint32], other: NDArray[np.uint32], offset_s: float = 0.0) -> float:
    """Share of the first's landmarks with one of the other's within 24 ms and 24 Hz."""
    (t, f), (u, g) = unpacked(one), unpacked(other)
    near = (abs(t[:, None] - u - offset_s / UNIT_S) <= 3) & (abs(f[:, None] - g) <= 6)
    return float(near.any(axis=1).mean())


def test_a_burst_of_a_tone_is_a_landmark_where_it_is() -> None:
    t = np.arange(4 * 24_000) / 24_000
    burst = 8_000 * np.exp(-(((t - 2.0) / 0.05) ** 2)) * np.sin(2 * np.pi * 1_234.0 * t)
    pcm = np.stack([burst, np.zeros_like(burst)]).astype(np.int16)
    times, tones = unpacked(marks(pcm))
    loudest = np.abs(times * UNIT_S - 2.0).argmin()
    assert times[loudest] * UNIT_S == pytest.approx(2.0, abs=UNIT_S)
    assert tones[loudest] * UNIT_HZ == pytest.approx(1_234.0, abs=UNIT_HZ)


def test_they_are_the_greatest_of_their_neighbourhood_and_all_of_those(babble: Babble) -> None:
    pcm = babble(1)
    power = spectrogram(pcm)
    greatest = power == maximum_filter(power, size=(41, 57), mode="constant")
    greatest[[0, -1]] = greatest[:, [0, -1]] = False
    loudest = maximum_filter(power.max(axis=1), 251, mode="nearest")[:, None]
    frames, bins = np.nonzero(greatest & (power > 1e-3 * loudest) & (power > 16.0))
    times, tones = unpacked(marks(pcm))
    assert len(times) == len(frames) > 40
    order = np.lexsort((bins, frames))
    assert (
        abs(times * UNIT_S - frames[order] * 0.016).max() <= 0.02 + 0.016
    )  # a vertex, and neighbours that change places
    assert sorted(tones * UNIT_HZ // 16) == pytest.approx(sorted((bins + 18) * 15.625 // 16), abs=1)


def test_the_spectrogram_is_that_of_the_low_band(babble: Babble) -> None:
    t = np.arange(24_000) / 24_000
    for tone_hz, loud in ((600.0, True), (2_000.0, True), (6_000.0, False), (10_000.0, False)):
        power = spectrogram((8_000 * np.sin(2 * np.pi * tone_hz * t)).astype(np.int16)[None])
        level_db = 10 * np.log10(power[20:40].max() / (8_000 * 512 / 4) ** 2)  # a Hann window has half the area
        assert (abs(level_db) < 1.0) if loud else (level_db < -35.0), tone_hz


@pytest.mark.parametrize("seed", range(3))
def test_exchanged_channels_have_the_same_landmarks(babble: Babble, seed: int) -> None:
    pcm = babble(seed)
    assert marks(pcm[::-1]).tolist() == marks(pcm).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_gain_does_not_matter(babble: Babble, seed: int) -> None:
    pcm = babble(seed)
    assert marks(2 * pcm).tolist() == marks(pcm).tolist()
    quiet = np.rint(pcm * 0.37).astype(np.int16)
    assert found_again(marks(pcm), marks(quiet)) > 0.95


@pytest.mark.parametrize("cut", [1, 384, 12_345])
def test_where_a_copy_begins_does_not_matter(babble: Babble, cut: int) -> None:
    pcm = babble(4)
    mono = np.rint(pcm[:, cut:].mean(axis=0)).astype(np.int16)[None]
    assert found_again(marks(mono), marks(pcm), -cut / 24_000) > 0.8


def test_nothing_is_found_in_silence_or_where_nobody_is_active(babble: Babble) -> None:
    assert marks(np.zeros((2, 240_000), np.int16)).size == 0
    assert marks(np.zeros((2, 700), np.int16)).size == 0
    pcm = babble(5)
    assert landmarks(pcm, ()).size == 0
    times, _ = unpacked(landmarks(pcm, (Segment(channel=1, start_s=5.0, end_s=8.0),)))
    assert 0 < len(times) < 40
    assert (times * UNIT_S > 4.85).all()
    assert (times * UNIT_S < 8.15).all()


def test_a_long_clip_is_as_its_parts_are(babble: Babble) -> None:
    pcm = babble(6, 30.0)
    part = marks(pcm[:, : 20 * 24_000])
    times, _ = unpacked(part)
    whole_clip = set(marks(pcm).tolist())
    assert set(part[times * UNIT_S < 17.5].tolist()) <= whole_clip
