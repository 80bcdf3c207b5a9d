"""Turn states from activity."""

import numpy as np

from schemas.conversation import Segment
from stages.label import active_frames, turn_states


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
