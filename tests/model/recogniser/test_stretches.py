"""What of a channel is listened to."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.recogniser.contract import MAX_STRETCH_S
from model.recogniser.stretches import PAD_S, stretches


def middle(start_s: float, end_s: float) -> float:
    return (start_s + end_s) / 2


def test_activity_with_some_room_and_short_pauses_inside() -> None:
    assert stretches([(1.0, 2.0), (2.5, 4.0), (8.0, 9.0)], 9.1, middle) == [
        (0.8, pytest.approx(4.2)),
        (pytest.approx(7.8), 9.1),
    ]
    assert stretches([], 10.0, middle) == []


def test_what_is_too_long_is_cut_in_the_longest_late_pause() -> None:
    active = [(0.0, 5.0), (5.9, 22.0), (22.3, 25.0), (25.6, 28.0), (28.2, 40.0)]
    assert stretches(active, 60.0, middle) == [(0.0, pytest.approx(25.3)), (pytest.approx(25.3), 40.2)]


def test_what_has_no_pause_is_cut_where_it_is_quietest() -> None:
    assert stretches([(0.0, 50.0)], 60.0, lambda a, b: b - 1.25) == [(0.0, 28.75), (28.75, 50.2)]


@given(st.lists(st.floats(0.01, 45.0), max_size=16))
def test_all_activity_is_listened_to_once(steps: list[float]) -> None:
    edges, at = [], 0.0
    for step in steps:
        at += step
        edges.append(at)
    active = list(zip(edges[::2], edges[1::2], strict=False))
    length_s = at + 0.1
    found = stretches(active, length_s, middle)
    assert all(0.0 <= a < b <= length_s and b - a <= MAX_STRETCH_S for a, b in found)
    assert all(a[1] <= b[0] for a, b in pairwise(found))
    for start_s, end_s in active:
        inside = sum(max(0.0, min(end_s, b) - max(start_s, a)) for a, b in found)
        assert inside == pytest.approx(end_s - start_s)
    most = sum(b - a for a, b in active) + len(active) * (2 * PAD_S + 1.0)
    assert sum(b - a for a, b in found) <= most
