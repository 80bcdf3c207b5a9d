"""Units, backchannels and turns out of activity."""

from hypothesis import given
from hypothesis import strategies as st

from model.turns.units import Turn, turns_of, units_of
from schemas.conversation import Segment, Word


def speech(*spans: tuple[int, float, float]) -> list[Segment]:
    return [Segment(channel=c, start_s=a, end_s=b) for c, a, b in spans]


def said(channel: int, count: int, start_s: float, end_s: float) -> list[Word]:
    step = (end_s - start_s) / count
    return [
        Word(channel=channel, text="w", start_s=start_s + i * step, end_s=start_s + (i + 1) * step, confidence=1.0)
        for i in range(count)
    ]


def backchannels(segments: list[Segment], words: list[Word] | None = None) -> list[tuple[int, float]]:
    return [(u.channel, u.start_s) for u in units_of(segments, words or []) if u.backchannel]


def test_silence_below_200_ms_is_inside_a_unit() -> None:
    units = units_of(speech((0, 0.0, 1.0), (0, 1.19, 2.0), (0, 2.2, 3.0), (1, 1.0, 1.1)))
    assert [(u.channel, u.start_s, u.end_s) for u in units] == [(0, 0.0, 2.0), (1, 1.0, 1.1), (0, 2.2, 3.0)]


def test_short_speech_inside_the_others_is_a_backchannel_wherever_it_lies() -> None:
    long = (0, 0.0, 10.0)
    for start_s in (0.1, 3.0, 9.0):
        assert backchannels(speech(long, (1, start_s, start_s + 0.5))) == [(1, start_s)]


def test_every_one_of_many_in_a_long_turn_is_there() -> None:
    inside = [(1, float(t), t + 0.4) for t in range(1, 29)]
    assert backchannels(speech((0, 0.0, 30.0), *inside)) == [(1, start_s) for _, start_s, _ in inside]


def test_one_in_a_pause_counts_when_the_other_goes_on_in_time() -> None:
    assert backchannels(speech((0, 0.0, 4.0), (1, 4.3, 4.8), (0, 5.2, 8.0))) == [(1, 4.3)]
    assert backchannels(speech((0, 0.0, 4.0), (1, 4.3, 4.8), (0, 6.9, 8.0))) == []
    assert backchannels(speech((0, 0.0, 4.0), (1, 4.3, 4.8))) == []
    assert backchannels(speech((1, 0.3, 0.8), (0, 1.0, 8.0))) == []


def test_a_second_or_three_words_are_more_than_a_backchannel() -> None:
    long = (0, 0.0, 10.0)
    assert backchannels(speech(long, (1, 3.0, 4.0))) == []
    segments = speech(long, (1, 3.0, 3.9))
    others = said(0, 20, 0.0, 10.0)
    assert backchannels(segments, others + said(1, 2, 3.0, 3.9)) == [(1, 3.0)]
    assert backchannels(segments, others + said(1, 3, 3.0, 3.9)) == []


def test_what_begins_or_ends_a_turn_is_none() -> None:
    assert backchannels(speech((0, 0.0, 5.0), (1, 4.0, 4.4), (1, 4.7, 9.0))) == []
    assert backchannels(speech((0, 0.0, 5.0), (1, 4.0, 4.4), (1, 4.9, 9.0))) == [(1, 4.0)]


def test_turns_hold_pauses_and_pass_backchannels_over() -> None:
    segments = speech((0, 0.0, 2.0), (1, 2.1, 2.5), (0, 2.8, 5.0), (1, 5.4, 7.0), (1, 8.0, 9.0), (0, 8.8, 12.0))
    assert turns_of(units_of(segments)) == [Turn(0, 0.0, 5.0), Turn(1, 5.4, 9.0), Turn(0, 8.8, 12.0)]


def test_what_lies_inside_the_others_turn_takes_no_floor() -> None:
    turns = turns_of(units_of(speech((0, 0.0, 10.0), (1, 3.0, 5.0), (1, 9.0, 14.0))))
    assert turns == [Turn(0, 0.0, 10.0), Turn(1, 3.0, 5.0, inside=True), Turn(1, 9.0, 14.0)]


spans = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 400), st.integers(1, 90)), max_size=14)


@given(spans)
def test_every_second_of_speech_is_in_a_turn_or_a_backchannel(drawn: list[tuple[int, int, int]]) -> None:
    segments = speech(*((c, a / 10, (a + n) / 10) for c, a, n in drawn))
    units = units_of(segments)
    turns = turns_of(units)
    for s in segments:
        inside = [u for u in units if u.channel == s.channel and u.start_s <= s.start_s and s.end_s <= u.end_s]
        assert len(inside) == 1
        held = [t for t in turns if t.channel == s.channel and t.start_s <= s.start_s and s.end_s <= t.end_s]
        assert inside[0].backchannel or held


@given(spans)
def test_swapped_channels_swap_the_turns(drawn: list[tuple[int, int, int]]) -> None:
    # starts that differ, so that nothing hangs on the order of the channels
    segments = speech(*((c, a / 10 + i / 1000, (a + n) / 10 + i / 1000) for i, (c, a, n) in enumerate(drawn)))
    swapped = [Segment(channel=1 - s.channel, start_s=s.start_s, end_s=s.end_s) for s in segments]
    one = {(1 - t.channel, t.start_s, t.end_s, t.inside) for t in turns_of(units_of(segments))}
    assert one == {(t.channel, t.start_s, t.end_s, t.inside) for t in turns_of(units_of(swapped))}
