"""Which stretches are worth taking: each thing that makes a sample worse lowers its rank, and they are spread."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.persona.quality import Condition, measured, quality_of, spread
from model.persona.solo import Stretch
from schemas.conversation import Segment

GOOD = Stretch(start=0, end=192_000, speech_s=8.0, clear_s=1.0, speech_to_background_db=40.0)
CLEAN = Condition(leakage_db=-60.0)
MADE = Condition(leakage_db=-60.0, separated=True, confidence=0.9, speech_to_background_db=40.0)


@pytest.mark.parametrize(
    ("worse", "condition"),
    [
        (replace(GOOD, speech_s=6.0), CLEAN),
        (replace(GOOD, speech_to_background_db=20.0), CLEAN),
        (replace(GOOD, clipped=0.005), CLEAN),
        (GOOD, replace(CLEAN, leakage_db=-15.0)),
    ],
)
def test_each_fault_costs(worse: Stretch, condition: Condition) -> None:
    assert 0.0 < quality_of(worse, condition) < quality_of(GOOD, CLEAN) <= 1.0


@pytest.mark.parametrize(
    ("stretch", "condition"),
    [
        (replace(GOOD, clear_s=0.2), MADE),
        (GOOD, replace(MADE, confidence=0.4)),
        (GOOD, replace(MADE, enhanced=True)),
    ],
)
def test_of_a_separated_channel_doubt_costs_as_well(stretch: Stretch, condition: Condition) -> None:
    assert 0.0 < quality_of(stretch, condition) < quality_of(GOOD, MADE) < quality_of(GOOD, CLEAN)


def test_what_is_heard_in_the_audio() -> None:
    """Speech at -20 dB over noise at -50 dB: 30 dB. A square at full scale in the second stretch: clipped."""
    rng = np.random.default_rng(0)
    audio = rng.standard_normal(24_000 * 20) * 10 ** (-50 / 20)
    for start in (0, 10):
        audio[start * 24_000 : (start + 4) * 24_000] += rng.standard_normal(96_000) * 10 ** (-20 / 20)
    pcm = (audio * 32_768).clip(-32_768, 32_767).astype(np.int16)
    pcm[10 * 24_000 : 10 * 24_000 + 960] = 32_767
    segments = [Segment(channel=0, start_s=float(s), end_s=s + 4.0) for s in (0, 10)]
    found = [Stretch(start=s * 24_000, end=(s + 4) * 24_000, speech_s=4.0, clear_s=1.0) for s in (0, 10)]
    first, second = measured(found, pcm, segments, 0, CLEAN)
    assert first.speech_to_background_db == pytest.approx(30.0, abs=0.3)
    assert first.clipped == 0.0
    assert second.clipped == pytest.approx(0.01, abs=0.001)
    assert first.quality > second.quality > 0.0
    assert measured([], pcm, segments, 0, CLEAN) == []


def test_noise_without_speech_is_worth_nothing() -> None:
    pcm = (np.random.default_rng(0).standard_normal(240_000) * 300).astype(np.int16)
    stretch = Stretch(start=0, end=96_000, speech_s=4.0, clear_s=1.0)
    (noise,) = measured([stretch], pcm, [Segment(channel=0, start_s=0.0, end_s=4.0)], 0, CLEAN)
    assert noise.quality == 0.0
    assert spread([noise], 4) == []


qualities = st.lists(st.floats(0.01, 1.0), min_size=1, max_size=30)


@given(qualities, st.integers(0, 4))
def test_the_best_are_taken_from_all_over_the_conversation(values: list[float], most: int) -> None:
    stretches = [replace(GOOD, start=i * 240_000, end=i * 240_000 + 192_000, quality=q) for i, q in enumerate(values)]
    chosen = spread(stretches, most)
    assert len(chosen) == min(most, len(values))
    assert all(a.quality >= b.quality for a, b in pairwise(chosen))
    if most and len(values) > most:
        places = sorted(s.start // 240_000 for s in chosen)
        third = len(values) / 3
        if most > 1:
            assert places[-1] - places[0] >= third - 1, "the first and the last are far apart"
        if most == 1:
            assert chosen[0].quality == max(values)


def test_of_each_part_the_best() -> None:
    values = [0.1, 0.9, 0.2, 0.3, 0.2, 0.8, 0.4, 0.1]
    stretches = [replace(GOOD, start=i * 240_000, end=i * 240_000 + 192_000, quality=q) for i, q in enumerate(values)]
    assert [s.quality for s in spread(stretches, 4)] == [0.9, 0.8, 0.4, 0.3]
    assert [s.quality for s in spread(stretches, 2)] == [0.9, 0.8]
