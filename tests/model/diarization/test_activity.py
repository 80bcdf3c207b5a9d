"""Overlaps, solos and margins of two speakers."""

import numpy as np

from model.diarization.activity import nearest, overlaps, solo, widened

ACTIVITY = np.zeros((2, 30), np.bool_)
ACTIVITY[0, 5:15] = True
ACTIVITY[1, 12:20] = True


def test_overlaps_and_solos() -> None:
    assert overlaps(ACTIVITY) == [(12, 15)]
    alone = solo(ACTIVITY)
    assert np.flatnonzero(alone[0]).tolist() == list(range(5, 12))
    assert np.flatnonzero(alone[1]).tolist() == list(range(15, 20))


def test_margins_never_reach_into_the_others_speech() -> None:
    wide = widened(ACTIVITY, 2, 3)
    assert np.flatnonzero(wide[0]).tolist() == list(range(3, 15))
    assert np.flatnonzero(wide[1]).tolist() == list(range(12, 23))


def test_the_nearest_frames_make_up_for_what_is_missing_inside() -> None:
    frames = np.zeros((2, 40), np.bool_)
    frames[0, [2, 8, 12, 14, 18, 31]] = True
    frames[1, 10:20] = True
    kept = nearest(frames, 10, 20, 5)
    assert np.flatnonzero(kept[0]).tolist() == [2, 8, 12, 14, 18]
    assert np.flatnonzero(kept[1]).tolist() == list(range(10, 20))
