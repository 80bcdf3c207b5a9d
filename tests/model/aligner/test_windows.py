"""Windows over long audio: whatever a search that is right finds is put together right."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.aligner.windows import MODEL_RATE_HZ, WINDOW_S, WORDS_PER_S, Found, Span, in_windows
from model.resample import Float32

Item = tuple[float, float]
STEP = 160


def clock(length_s: float) -> Float32:
    """Audio whose samples say when they are, in steps of 10 ms."""
    return (np.arange(round(length_s * MODEL_RATE_HZ)) // STEP).astype(np.float32)


def perfect(audio: Float32, items: Sequence[Item], open_end: bool) -> Found:
    """Finds the items that are in the window, as far as the first that is not."""
    assert audio.size <= WINDOW_S * MODEL_RATE_HZ
    assert len(items) <= WINDOW_S * WORDS_PER_S
    if audio.size == 0:
        return [None] * len(items)
    begin_s = float(audio[0]) * STEP / MODEL_RATE_HZ
    end_s = begin_s + audio.size / MODEL_RATE_HZ
    found: Found = [Span(a - begin_s, b - begin_s, 1.0) for a, b in items]
    first_out = next((i for i, (a, b) in enumerate(items) if a < begin_s - 0.02 or b > end_s + 0.02), len(items))
    assert open_end or first_out == len(items)
    return [span if i < first_out else None for i, span in enumerate(found)]


def spoken(gaps_s: Sequence[float], lengths_s: Sequence[float]) -> list[Item]:
    at, items = 0.0, []
    for gap_s, length_s in zip(gaps_s, lengths_s, strict=True):
        items.append((at + gap_s, at + gap_s + length_s))
        at += gap_s + length_s
    return items


pairs = st.lists(
    st.tuples(st.sampled_from([0.0, 0.05, 0.4, 2.0, 70.0]), st.floats(0.1, 0.8)), min_size=1, max_size=200
)


@given(pairs, st.floats(0.0, 40.0))
def test_every_item_of_any_length_of_audio_is_found(said: list[tuple[float, float]], rest_s: float) -> None:
    items = spoken(*zip(*said, strict=True))
    found = in_windows(perfect, clock(items[-1][1] + rest_s), items)
    assert [span is not None for span in found] == [True] * len(items)
    spans = [(span.start_s, span.end_s) for span in found if span]
    np.testing.assert_allclose(spans, items, atol=0.02)


@pytest.mark.parametrize("length_s", [0.0, 5.0, 29.9, 30.1, 95.0])
def test_where_nothing_is_found_everything_is_none(length_s: float) -> None:
    def blind(_audio: Float32, items: Sequence[int], _open_end: bool) -> Found:
        return [None] * len(items)

    assert in_windows(blind, clock(length_s), range(500)) == [None] * 500


def test_a_search_that_finds_too_much_too_early_comes_to_an_end() -> None:
    def eager(audio: Float32, items: Sequence[int], _open_end: bool) -> Found:
        return [Span(0.01 * i, 0.01 * (i + 1), 0.5) if i < 3 else None for i in range(len(items))]

    found = in_windows(eager, clock(200.0), range(40))
    assert len(found) == 40
    spans = [span for span in found if span]
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(spans))
