"""Turn states from turns, and the future activity, per frame."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.turns.frames import NO_CLASS, active_frames, turn_states, vap_classes
from schemas.conversation import Segment


def test_states_of_a_turn_and_a_short_one() -> None:
    active = np.array([[0, 1, 1, 1, 0, 0], [0, 0, 1, 0, 0, 1]], dtype=np.bool_)
    assert turn_states(active).tolist() == [[0, 1, 2, 2, 3, 0], [0, 0, 1, 3, 0, 1]]


def test_speech_from_the_first_frame_starts_there() -> None:
    assert turn_states(np.ones((2, 3), dtype=np.bool_)).tolist() == [[1, 2, 2]] * 2


def test_a_frame_is_active_where_half_of_it_is_spoken() -> None:
    segments = [Segment(channel=0, start_s=0.03, end_s=0.21), Segment(channel=1, start_s=0.05, end_s=0.19)]
    assert active_frames(segments, 4).tolist() == [[True, True, True, False], [False, True, False, False]]


def test_the_shortest_backchannel_keeps_a_frame() -> None:
    active = active_frames([Segment(channel=1, start_s=0.130, end_s=0.145)], 5)
    assert active.sum() == 1
    assert active[1, 2]


def test_a_segment_at_the_very_end_stays_inside() -> None:
    assert active_frames([Segment(channel=0, start_s=0.39, end_s=0.40)], 5)[0].tolist() == [False] * 4 + [True]


def speech(*spans: tuple[int, float, float]) -> list[Segment]:
    return [Segment(channel=c, start_s=a, end_s=b) for c, a, b in spans]


def by_definition(segments: list[Segment], frame: int, length_s: float) -> int:
    """The class by its definition, bit by bit, on a grid of 20 ms."""
    at = round((frame + 1) * 4)
    if at + 100 > round(length_s * 50):
        return NO_CLASS
    active = np.zeros((2, 10_000), bool)
    for s in segments:
        active[s.channel, round(s.start_s * 50) : round(s.end_s * 50)] = True
    number = 0
    for bit, (channel, start, end) in enumerate(
        (c, a, b) for c in (0, 1) for a, b in ((0, 10), (10, 30), (30, 60), (60, 100))
    ):
        number += (active[channel, at + start : at + end].mean() > 0.5) << bit
    return number


def test_the_class_says_who_is_active_in_each_stretch_to_come() -> None:
    segments = speech((0, 1.0, 2.0), (1, 2.4, 3.0))
    classes = vap_classes(segments, 50, 4.0)
    # the first frame ends at 0.08 s: channel 0 speaks in most of the last stretch, 1.28 to 2.08 s, and not before
    assert classes[0] == 0b0000_1000
    # frame 24 ends at 2.0 s: channel 1 speaks from 0.4 to 1.0 s after it: in the third stretch, 0.6 to 1.2 s
    assert classes[24] == 0b0100_0000
    assert classes.dtype == np.int16


def test_where_the_future_is_not_known_there_is_no_class() -> None:
    classes = vap_classes(speech((0, 0.0, 4.0)), 50, 4.0)
    assert classes[24] == 0b1111
    assert (classes[25:] == NO_CLASS).all()
    assert (vap_classes(speech((1, 0.0, 1.0)), 13, 1.0) == NO_CLASS).all()


def test_swapped_channels_swap_the_halves_of_the_number() -> None:
    segments = speech((0, 0.3, 1.9), (1, 1.5, 2.2), (0, 2.9, 3.4), (1, 3.1, 4.8))
    swapped = [Segment(channel=1 - s.channel, start_s=s.start_s, end_s=s.end_s) for s in segments]
    one, other = vap_classes(segments, 60, 4.8), vap_classes(swapped, 60, 4.8)
    known = one != NO_CLASS
    assert known.sum() > 30
    assert (other[known] == one[known] // 16 + 16 * (one[known] % 16)).all()


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 300), st.integers(1, 80)), max_size=12),
    st.integers(100, 400),
)
def test_the_classes_are_those_of_the_definition(spans: list[tuple[int, int, int]], length: int) -> None:
    segments = speech(*((c, a / 50, min(a + n, length) / 50) for c, a, n in spans if a < length))
    length_s = length / 50
    n_frames = -(-length // 4)
    assert vap_classes(segments, n_frames, length_s).tolist() == [
        by_definition(segments, frame, length_s) for frame in range(n_frames)
    ]
