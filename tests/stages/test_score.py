"""Measurements of a conversation."""

import numpy as np
import pytest

from schemas.conversation import Segment
from stages.score import level_db, overlap_s, spoken_s


def segments(*rows: tuple[int, float, float]) -> list[Segment]:
    return [Segment(channel=c, start_s=a, end_s=b) for c, a, b in rows]


def test_speech_and_overlap() -> None:
    talk = segments((0, 0.0, 3.0), (1, 1.0, 1.5), (1, 2.5, 4.0), (0, 5.0, 6.0))
    assert spoken_s(talk, 0) == pytest.approx(4.0)
    assert spoken_s(talk, 1) == pytest.approx(2.0)
    assert overlap_s(talk) == pytest.approx(1.0)


def test_turns_that_touch_do_not_overlap() -> None:
    assert overlap_s(segments((0, 0.0, 1.0), (1, 1.0, 2.0), (0, 2.0, 3.0))) == 0.0


def test_level_of_a_sine_is_three_db_below_its_peak() -> None:
    t = np.arange(48_000) / 24_000
    pcm = (0.5 * 32768 * np.sin(2 * np.pi * 440 * t)).astype(np.int16)
    assert level_db(pcm, segments((0, 0.0, 2.0)), 0) == pytest.approx(-6.02 - 3.01, abs=0.02)


def test_level_counts_only_the_own_active_time() -> None:
    pcm = np.zeros(48_000, dtype=np.int16)
    pcm[24_000:] = 16_384
    assert level_db(pcm, segments((0, 1.0, 2.0), (1, 0.0, 1.0)), 0) == pytest.approx(-6.02, abs=0.01)
    assert level_db(pcm, segments((1, 0.0, 1.0)), 0) == -120.0
