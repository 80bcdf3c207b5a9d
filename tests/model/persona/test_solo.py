"""Solo speech: a stretch holds nothing of the other speaker, whatever the conversation."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.persona.solo import room_for, solo, without
from schemas.conversation import Segment

Span = tuple[float, float]


def segments(channel: int, spans: list[Span]) -> list[Segment]:
    return [Segment(channel=channel, start_s=start, end_s=end) for start, end in spans]


@st.composite
def channels(draw: st.DrawFn) -> list[Segment]:
    """Two channels that take no notice of one another: turns of up to 15 s and backchannels of 0.1 s."""
    found = []
    for channel in (0, 1):
        at = draw(st.floats(0.0, 4.0))
        for _ in range(draw(st.integers(0, 8))):
            length = draw(st.floats(0.1, 15.0) | st.floats(0.1, 0.6))
            found += segments(channel, [(at, at + length)])
            at += length + draw(st.floats(0.1, 1.0) | st.floats(1.0, 9.0))
    return sorted(found, key=lambda s: (s.start_s, s.channel))


@given(channels(), st.sampled_from([0, 1]), st.floats(4.0, 10.0))
def test_a_stretch_has_one_speaker_and_no_long_pause(
    conversation: list[Segment], channel: int, longest_s: float
) -> None:
    stretches = solo(conversation, channel, longest_s)
    own = [s for s in conversation if s.channel == channel]
    for stretch in stretches:
        start_s, end_s = stretch.start / 24_000, stretch.end / 24_000
        assert (stretch.end - stretch.start) % 1920 == 0
        assert 3.0 <= end_s - start_s <= longest_s + 0.001
        for s in conversation:
            if s.channel != channel:
                assert s.end_s <= start_s - 0.199 or s.start_s >= end_s + 0.199, "the other's speech is 0.2 s away"
        inside = [
            (max(s.start_s, start_s), min(s.end_s, end_s)) for s in own if s.end_s > start_s and s.start_s < end_s
        ]
        edges = [start_s, *(edge for part in sorted(inside) for edge in part), end_s]
        pauses = [b - a for a, b in zip(edges[::2], edges[1::2], strict=True)]
        assert max(pauses) <= 0.5001
        spoken = sum(b - a for a, b in inside)
        assert stretch.speech_s == pytest.approx(spoken, abs=0.081), "but for what the last whole frame leaves over"
    assert all(a.end <= b.start for a, b in pairwise(stretches))


def test_long_speech_is_cut_into_pieces_and_short_speech_gives_none() -> None:
    alone = solo(segments(0, [(1.0, 24.5)]), 0)
    assert [(s.start / 24_000, s.end / 24_000) for s in alone] == [(1.0, 11.0), (11.0, 21.0), (21.0, 24.44)]
    assert [s.clear_s for s in alone] == [1.0, 1.0, 1.0]
    assert solo(segments(0, [(1.0, 3.9), (4.5, 7.4)]), 0) == []  # 2.9 s each, 0.6 s apart
    assert len(solo(segments(0, [(1.0, 3.9), (4.4, 7.4)]), 0)) == 1


def test_a_backchannel_of_the_other_divides_a_turn() -> None:
    turn, said = segments(0, [(0.0, 9.0)]), segments(1, [(4.0, 4.3)])
    (before, after) = solo([*turn, *said], 0)
    assert (before.start / 24_000, before.end / 24_000) == (0.0, 3.76)  # 0.2 s before it, in whole frames
    assert after.start / 24_000 == pytest.approx(4.5)
    assert before.clear_s == pytest.approx(0.2)
    assert solo([*turn, *said], 1) == []


def test_a_breath_of_the_other_in_a_pause_divides_it_too() -> None:
    own, said = segments(0, [(0.0, 4.0), (4.45, 9.0)]), segments(1, [(4.2, 4.22)])
    assert len(solo(own, 0)) == 1
    assert len(solo([*own, *said], 0)) == 2


def test_what_is_left_of_intervals() -> None:
    left = list(without([(0.0, 10.0), (12.0, 13.0)], [(2.0, 3.0), (9.0, 12.5), (20.0, 21.0)]))
    assert left == [(0.0, 2.0), (3.0, 9.0), (12.5, 13.0)]


@pytest.mark.parametrize(
    ("length_s", "most", "longest_s"),
    [
        (14.0, 0, 0.0),
        (16.0, 1, 4.0),
        (120.0, 1, 6.0),
        (160.0, 2, 4.0),
        (300.0, 2, 7.5),
        (450.0, 3, 7.5),
        (600.0, 4, 7.5),
        (900.0, 4, 10.0),
    ],
)
def test_a_longer_conversation_gives_more(length_s: float, most: int, longest_s: float) -> None:
    room = room_for(length_s)
    assert (room.most, room.longest_s) == (most, pytest.approx(longest_s))
    assert room.most * room.longest_s <= max(4.0, length_s / 20 + 1e-6)
