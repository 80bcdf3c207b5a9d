"""Overlaps, backchannels and edges, counted by hand."""

import math

import numpy as np
import pytest

from model.measures.activity import active_frames, joined_stretches, merged, stretch_frames, to_segments, within
from model.measures.events import (
    backchannel_recall,
    backchannels,
    edges,
    overlap_precision,
    overlap_recall,
    paired_errors_s,
    short_overlap_recall,
)
from schemas.conversation import Segment

MATCH = ((0, 0), (1, 1))
EVERYTHING = np.ones(2_000, dtype=bool)


def turns(*spans: tuple[int, float, float]) -> tuple[Segment, ...]:
    return tuple(Segment(channel=c, start_s=a, end_s=b) for c, a, b in spans)


def frames(*spans: tuple[int, float, float]) -> np.ndarray:
    return active_frames(turns(*spans), 2, 2_000)


def test_frames_are_active_where_their_middle_is() -> None:
    active = active_frames(turns((0, 0.0, 0.03), (1, 0.016, 0.024), (1, 0.026, 0.034)), 2, 5)
    assert active.tolist() == [[True, True, True, False, False], [False, False, False, False, False]]
    assert active_frames(turns((0, 0.57, 0.58)), 1, 100)[0].nonzero()[0].tolist() == [57]
    assert to_segments(active_frames(turns((0, 0.57, 1.23)), 1, 200)) == turns((0, 0.57, 1.23))


def test_segments_are_joined_and_cut() -> None:
    joined = merged(iter(turns((0, 1, 2), (0, 1.5, 3), (1, 2, 3), (0, 3.1, 4), (1, 5, 5))))
    assert joined == turns((0, 1, 3), (1, 2, 3), (0, 3.1, 4))
    assert merged(joined, 0.2) == turns((0, 1, 4), (1, 2, 3))
    assert within(turns((0, 1, 5)), [(0, 2), (4, 9)]) == turns((0, 1, 2), (0, 4, 5))
    assert joined_stretches([(4, 9), (0, 2), (2, 3)]) == ((0, 3), (4, 9))
    assert stretch_frames([(0.01, 0.03)], 4).tolist() == [False, True, True, False]


def test_overlap_recall_and_precision() -> None:
    truth = frames((0, 0, 10), (1, 8, 12), (0, 11, 14))  # together 8-10 and 11-12
    found = frames((0, 0, 9), (1, 8, 12), (0, 11.5, 13), (1, 12, 13))  # together 8-9 and 11.5-13
    assert overlap_recall(found, truth).share == pytest.approx(1.5 / 3)
    assert overlap_precision(found, truth).share == pytest.approx(1.5 / 2.5)
    assert math.isnan(overlap_recall(found, frames((0, 0, 1))).share)


def test_short_overlaps_are_found_by_half() -> None:
    truth = frames((0, 0, 4), (1, 3.5, 8), (0, 7.2, 12), (1, 10, 11.5), (0, 14, 16), (1, 15.9, 17))
    found = frames((0, 0, 4), (1, 3.75, 8), (0, 7.61, 12), (1, 10, 11.5), (0, 14, 16), (1, 15.9, 17))
    counted = short_overlap_recall(found, truth, EVERYTHING)  # 3.5-4 yes, 7.2-8 no, 10-11.5 is long, 15.9-16 yes
    assert (counted.found, counted.of) == (2, 3)
    partly = EVERYTHING.copy()
    partly[1_595:] = False  # the last overlap is not whole in what is covered
    assert short_overlap_recall(found, truth, partly).of == 2


def test_backchannels_by_rule() -> None:
    segments = turns((0, 0, 10), (1, 2, 2.4), (1, 5, 6.2), (1, 9.8, 10.2), (0, 12, 12.3), (1, 13, 20), (0, 15, 15.9))
    assert backchannels(segments) == turns((1, 2, 2.4), (0, 15, 15.9))


def test_a_backchannel_must_be_on_its_own_speakers_channel() -> None:
    events = turns((1, 2, 2.4), (1, 5, 5.5), (0, 8, 8.4), (1, 9, 12))
    found = frames((1, 2.2, 3), (0, 0, 7), (1, 5.3, 6))
    counted = backchannel_recall(found, events, MATCH, EVERYTHING)  # 2.2-2.4 of 0.4 yes; 5.3-5.5 of 0.5 no; 8 no
    assert (counted.found, counted.of) == (1, 3)
    crossed = backchannel_recall(found[::-1], events, ((0, 1), (1, 0)), EVERYTHING)
    assert crossed == counted
    assert backchannel_recall(found[:1], events, ((0, 0),), EVERYTHING).of == 3  # the other has no channel at all


def test_edges_are_paired_nearest_first() -> None:
    errors = paired_errors_s(np.array([1.0, 1.4, 9.0]), np.array([1.3, 1.9, 9.5]))
    assert sorted(errors.round(6).tolist()) == [-0.1, 0.5]  # 1.4 takes 1.3; 9.0 takes 9.5; 1.0 is left
    assert paired_errors_s(np.array([1.0]), np.array([1.51])).size == 0
    assert paired_errors_s(np.zeros(0), np.array([1.0])).size == 0


def test_edges_of_speakers_with_short_pauses_closed() -> None:
    truth = turns((0, 1, 2), (0, 2.1, 3), (1, 5, 6), (0, 8, 9))
    found = turns((1, 1.05, 3.2), (0, 4.98, 6), (0, 12, 13))
    onsets, offsets = edges(truth, found, ((0, 1), (1, 0)))
    assert sorted(onsets.errors_ms.round(3).tolist()) == [-20.0, 50.0]
    assert sorted(offsets.errors_ms.round(3).tolist()) == [0.0, 200.0]
    assert (onsets.unmatched, offsets.unmatched) == (1, 1)
    assert onsets.unmatched_share == pytest.approx(1 / 3)
    assert onsets.quantile_ms(0.5) == pytest.approx(35.0)
    nothing, _ = edges(truth, (), MATCH)
    assert (nothing.unmatched_share, math.isnan(nothing.quantile_ms(0.5))) == (1.0, True)
