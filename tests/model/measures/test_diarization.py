"""DER and JER against pyannote.metrics called at once on the whole, and against figures worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyannote.core import Annotation, Timeline
from pyannote.core import Segment as Stretched
from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

from model.measures.activity import merged
from model.measures.diarization import diarization_errors, jaccard_errors
from schemas.conversation import Segment


def turns(*spans: tuple[int, float, float]) -> tuple[Segment, ...]:
    return tuple(Segment(channel=c, start_s=a, end_s=b) for c, a, b in spans)


def conversation(seed: int, length_s: float, speakers: int) -> tuple[Segment, ...]:
    rng = np.random.default_rng(seed)
    found = []
    for channel in range(speakers):
        at = rng.exponential(2.0)
        while at < length_s:
            end = at + 0.1 + rng.exponential(1.5)
            found.append(Segment(channel=channel, start_s=float(at), end_s=float(end)))
            at = end + rng.exponential(2.0 * speakers)
    return merged(found)


def annotation(segments: tuple[Segment, ...]) -> Annotation:
    made = Annotation()
    for s in segments:
        made[Stretched(s.start_s, s.end_s), s.channel] = f"s{s.channel}"
    return made


def test_the_parts_by_hand() -> None:
    truth = turns((0, 0, 10), (1, 8, 20))
    found = turns((1, 0, 9), (0, 8, 15), (1, 15, 18), (0, 21, 22))
    errors = diarization_errors(truth, found, [(0, 25)], 0.0)
    # 1 is true 0: missed 9-10 of it and 18-20; 15-18 confused; 21-22 false
    assert errors.missed_s == pytest.approx(1 + 2)
    assert errors.confused_s == pytest.approx(3)
    assert errors.false_s == pytest.approx(1)
    assert errors.speech_s == pytest.approx(22)
    assert errors.rate == pytest.approx(7 / 22)


def test_the_collar_is_on_each_side() -> None:
    truth = turns((0, 1, 3), (1, 5, 8))
    late = turns((0, 1.24, 3.24), (1, 5.24, 8.24))
    assert diarization_errors(truth, late, [(0, 10)], 0.25).rate == 0.0
    assert diarization_errors(truth, late, [(0, 10)], 0.25).speech_s == pytest.approx(5 - 4 * 0.25)
    later = turns((0, 1.30, 3.30), (1, 5.30, 8.30))
    assert diarization_errors(truth, later, [(0, 10)], 0.25).missed_s == pytest.approx(0.10)


@pytest.mark.parametrize(("seed", "true_speakers", "found_speakers"), [(0, 2, 2), (1, 2, 3), (2, 4, 2), (3, 3, 3)])
@pytest.mark.parametrize("collar_s", [0.0, 0.25])
def test_pieces_add_up_to_the_whole(seed: int, true_speakers: int, found_speakers: int, collar_s: float) -> None:
    length_s = 700.0
    truth, found = conversation(seed, length_s, true_speakers), conversation(seed + 50, length_s, found_speakers)
    stretches = [(3.3, 290.0), (310.0, 695.0)]
    uem = Timeline([Stretched(*s) for s in stretches])
    whole = DiarizationErrorRate(collar=2 * collar_s)(annotation(truth), annotation(found), uem=uem, detailed=True)
    errors = diarization_errors(truth, found, stretches, collar_s)
    assert errors.missed_s == pytest.approx(whole["missed detection"], abs=1e-3)
    assert errors.false_s == pytest.approx(whole["false alarm"], abs=1e-3)
    assert errors.confused_s == pytest.approx(whole["confusion"], abs=1e-3)
    assert errors.speech_s == pytest.approx(whole["total"], abs=1e-3)
    jer = JaccardErrorRate()(annotation(truth), annotation(found), uem=uem)
    assert jaccard_errors(truth, found, stretches).rate == pytest.approx(jer)


def test_jer_by_hand() -> None:
    errors = jaccard_errors(turns((0, 0, 10), (1, 20, 30)), turns((0, 0, 5), (1, 20, 40)), [(0, 50)])
    assert errors.rate == pytest.approx((1 - 5 / 10 + 1 - 10 / 20) / 2)
    assert errors.speakers == 2


@given(st.integers(0, 10_000), st.integers(2, 4))
def test_names_do_not_matter_and_the_truth_is_perfect(seed: int, speakers: int) -> None:
    truth = conversation(seed, 20.0, speakers)
    renamed = tuple(Segment(channel=9 - s.channel, start_s=s.start_s, end_s=s.end_s) for s in truth)
    errors = diarization_errors(truth, renamed, [(0.0, 40.0)], 0.0)
    assert (errors.missed_s, errors.false_s, errors.confused_s) == pytest.approx((0, 0, 0), abs=1e-4)


def test_nobody_speaks() -> None:
    assert math.isnan(diarization_errors((), (), [(0, 5)], 0.0).rate)
    assert diarization_errors((), turns((0, 1, 2)), [(0, 5)], 0.0).false_s == pytest.approx(1)
    assert math.isnan(jaccard_errors((), (), [(0, 5)]).rate)
    assert diarization_errors(turns((0, 1, 2)), (), [(0, 5)], 0.0).rate == 1.0
