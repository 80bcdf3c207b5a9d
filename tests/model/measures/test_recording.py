"""A whole recording's score, and pools of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.measures.activity import active_frames, merged
from model.measures.pooling import _weighted_quantile, pooled
from model.measures.recording import Activity, RecordingScore, in_channel_order, score_recording
from model.measures.separation import CAP_DB, FrameSums, frame_sums
from schemas.conversation import Segment

LENGTH_S = 20.0


def draw(seed: int) -> tuple[Activity, np.ndarray]:
    """Two speakers in turn with overlaps, and a noise for each."""
    rng = np.random.default_rng(seed)
    segments, at, who = [], 0.3, 0
    while at < LENGTH_S - 3:
        end = at + rng.uniform(0.3, 3)
        segments.append(Segment(channel=who, start_s=float(at), end_s=float(end)))
        at, who = end + rng.uniform(-0.5, 0.4), 1 - who
    segments = merged(segments)
    active = active_frames(segments, 2, int(LENGTH_S * 100))
    audio = rng.normal(scale=0.1, size=(2, active.shape[1] * 240)) * np.repeat(active, 240, axis=1)
    return Activity(speakers=("anna", "ben"), segments=segments, covered=((0.0, LENGTH_S),)), audio.astype(np.float32)


def turned(activity: Activity) -> Activity:
    return replace(activity, segments=merged(replace(s, channel=1 - s.channel) for s in activity.segments))


def sums(found: np.ndarray, truth: np.ndarray) -> FrameSums:
    return frame_sums(found, truth, truth.sum(axis=0))


def bare(score: RecordingScore) -> tuple[object, ...]:
    turns = score.turns
    return (
        score.der, score.der_collar, score.jer, turns.wrong_speaker_s, turns.swaps, turns.overlap_recall,
        turns.overlap_precision, turns.short_overlap_recall, turns.backchannel_recall, turns.onsets.unmatched,
        sorted(turns.onsets.errors_ms), sorted(turns.offsets.errors_ms), {c.speaker: c for c in score.channels},
    )  # fmt: skip


@settings(max_examples=12)
@given(st.integers(0, 1_000))
def test_turning_the_output_round_changes_nothing(seed: int) -> None:
    truth, audio = draw(seed)
    rng = np.random.default_rng(seed)
    heard = tuple(
        replace(s, start_s=max(0.0, s.start_s + float(rng.normal(0, 0.1))), end_s=s.end_s + 0.1)
        for s in truth.segments
        if rng.random() < 0.9
    )
    found = replace(truth, segments=merged(heard))
    made = audio + np.float32(0.2) * audio[::-1]
    straight = score_recording("x", truth, found, sums(made, audio), 0.25)
    other = score_recording("x", truth, turned(found), sums(made[::-1], audio), 0.25)
    assert bare(straight) == bare(other)


def test_the_truth_itself_is_perfect() -> None:
    truth, audio = draw(1)
    score = score_recording("x", truth, turned(truth), sums(audio[::-1], audio), 0.25)
    assert score.der.rate == score.der_collar.rate == pytest.approx(0.0, abs=1e-9)
    assert score.jer.rate == pytest.approx(0.0, abs=1e-9)
    assert (score.turns.wrong_speaker_s, score.turns.swaps.count) == (0.0, 0)
    for found in (score.turns.overlap_recall, score.turns.overlap_precision, score.turns.short_overlap_recall):
        assert found.share == 1.0
    assert [c.si_sdr_db.overall for c in score.channels] == [CAP_DB, CAP_DB]
    assert {c.speaker for c in score.channels} == {"anna", "ben"}
    assert score.turns.onsets.errors_ms.tolist() == [0.0] * score.turns.onsets.errors_ms.size


def test_a_swap_halfway_is_paid_for_everywhere() -> None:
    truth, audio = draw(2)
    half = audio.shape[1] * 2 // 3
    swapped = np.concatenate([audio[:, :half], audio[::-1, half:]], axis=1)
    at_s = half / 24_000
    heard = merged(
        replace(s, channel=s.channel if before else 1 - s.channel, start_s=a, end_s=b)
        for s in truth.segments
        for before, a, b in ((True, s.start_s, min(s.end_s, at_s)), (False, max(s.start_s, at_s), s.end_s))
        if b > a
    )
    score = score_recording("x", truth, replace(truth, segments=heard), sums(swapped, audio), 0.0)
    assert score.turns.swaps.count == 1
    assert score.der.confused_s == pytest.approx(score.turns.wrong_speaker_s, abs=0.1)
    assert score.der.confused_s > 3.0
    assert max(c.si_sdr_db.overall for c in score.channels) < 10.0


def test_only_what_is_covered_is_scored() -> None:
    truth, audio = draw(3)
    found = replace(truth, covered=((0.0, 8.0),))
    late = replace(truth, segments=(*truth.segments, Segment(channel=1, start_s=19.0, end_s=19.9)))
    score = score_recording("x", late, found, sums(audio, audio), 0.0)
    assert (score.covered_s, score.duration_s) == (8.0, LENGTH_S)
    assert score.der.rate == pytest.approx(0.0, abs=1e-9)
    assert score.der.speech_s == pytest.approx(sum(max(0.0, min(s.end_s, 8.0) - s.start_s) for s in truth.segments))
    nothing = score_recording("x", truth, replace(truth, covered=()), None, 0.0)
    assert (nothing.covered_s, nothing.der.speech_s) == (0.0, 0.0)


def test_three_speakers_have_der_and_two_channels() -> None:
    truth, audio = draw(4)
    third = Segment(channel=2, start_s=18.0, end_s=19.5)
    three = replace(truth, speakers=("a", "b", "c"), segments=merged((*truth.segments, third)))
    padded = np.concatenate([audio, audio[:1] * 0])
    score = score_recording("x", three, truth, sums(audio, padded), 0.0)
    assert score.der.missed_s == pytest.approx(1.5)
    assert [c.speaker for c in score.channels] == ["a", "b"]


def test_unordered_speakers_are_put_in_the_order_of_the_channels() -> None:
    truth, audio = draw(5)
    energy = sums(audio, audio).truth
    given_names = replace(turned(truth), speakers=("ben", "anna"))
    assert in_channel_order(given_names, energy) == truth


def test_pools_are_by_time_and_repeatable() -> None:
    scores = []
    for seed in range(6):
        truth, audio = draw(seed)
        heard = replace(truth, segments=truth.segments[seed:])
        scores.append(score_recording(str(seed), truth, heard, sums(audio, audio), 0.25))
    figures = pooled(scores)
    assert figures["der"].value == pytest.approx(
        sum(s.der.errors_s for s in scores) / sum(s.der.speech_s for s in scores)
    )
    assert figures["der"].low < figures["der"].value < figures["der"].high
    assert figures["der_worst"].value == max(s.der.rate for s in scores)
    assert figures["si_sdr_db_median"].value == CAP_DB
    assert repr(figures) == repr(pooled(scores))  # kinds of events that are not there are NaN
    one = pooled(scores[:1])["der"]
    assert one.value == scores[0].der.rate
    assert math.isnan(one.low)
    assert math.isnan(pooled([replace(s, channels=()) for s in scores])["leakage_db_mean"].value)


@given(
    st.lists(st.tuples(st.floats(-9, 9), st.integers(0, 3)), min_size=1, max_size=8), st.sampled_from([0.5, 0.9, 1.0])
)
def test_weighted_quantiles(values: list[tuple[float, int]], share: float) -> None:
    ordered = np.array(sorted(v for v, _ in values))
    counts = np.array([n for _, n in sorted(values)])
    spread = np.repeat(ordered, counts)
    got = _weighted_quantile(ordered, counts, share)
    assert math.isnan(got) if not spread.size else got == pytest.approx(np.quantile(spread, share))
