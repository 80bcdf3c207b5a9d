"""Turn-taking found against the truth: pairs of events, floor-transfer offsets, matching of channels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.measures.turn_taking import EVENT_KINDS, turn_taking
from schemas.conversation import Segment, TurnKind

# 0 talks, 1 says "mhm" inside, 0 goes on, pauses, goes on; 1 comes in 0.3 s before the end; 0 answers after 0.4 s.
TALK = (
    Segment(channel=0, start_s=0.0, end_s=4.0),
    Segment(channel=1, start_s=2.0, end_s=2.5),
    Segment(channel=0, start_s=4.6, end_s=7.0),
    Segment(channel=1, start_s=6.7, end_s=10.0),
    Segment(channel=0, start_s=10.4, end_s=12.0),
)
WHOLE = ((0.0, 12.0),)
SAME = ((0, 0), (1, 1))


def test_the_truth_itself_has_every_event() -> None:
    """All kinds count as found, and no offset is wrong."""
    taking = turn_taking(TALK, TALK, SAME, WHOLE)
    assert {k: c.true for k, c in taking.counts.items()} == {
        TurnKind.TURN: 3,
        TurnKind.BACKCHANNEL: 1,
        TurnKind.PAUSE: 1,
        TurnKind.GAP: 1,
        TurnKind.TRANSFER: 2,
        TurnKind.OVERLAP_BACKCHANNEL: 1,
        TurnKind.OVERLAP_TERMINAL: 1,
        TurnKind.OVERLAP_INTERRUPTION: 0,
        TurnKind.OVERLAP_COMPETITIVE: 0,
    }
    assert all(c.found == c.true == c.made for c in taking.counts.values())
    assert taking.offset_errors_ms.tolist() == [0.0, 0.0]


def test_speakers_of_a_swapped_output_are_matched() -> None:
    """Channel 1 of the output is speaker 0."""
    swapped = tuple(Segment(channel=1 - s.channel, start_s=s.start_s, end_s=s.end_s) for s in TALK)
    assert turn_taking(TALK, swapped, ((0, 1), (1, 0)), WHOLE).counts[TurnKind.TURN].f1 == 1.0
    assert turn_taking(TALK, swapped, SAME, WHOLE).counts[TurnKind.TURN].f1 < 0.5


def test_a_lost_backchannel_costs_its_events_alone() -> None:
    """Turns and transfers stay; the backchannel and its overlap are missed."""
    counts = turn_taking(TALK, tuple(s for s in TALK if s.end_s != 2.5), SAME, WHOLE).counts
    assert counts[TurnKind.BACKCHANNEL].f1 == counts[TurnKind.OVERLAP_BACKCHANNEL].f1 == 0.0
    assert counts[TurnKind.TURN].f1 == counts[TurnKind.TRANSFER].f1 == 1.0


def test_a_late_onset_shows_in_the_offset_and_turns_an_overlap_into_a_gap() -> None:
    """Speaker 1 found 0.4 s late: the transfer is still there, 400 ms late; the overlap is not."""
    late = tuple(Segment(channel=1, start_s=7.1, end_s=10.0) if s.start_s == 6.7 else s for s in TALK)
    taking = turn_taking(TALK, late, SAME, WHOLE)
    np.testing.assert_allclose(taking.offset_errors_ms, [400.0, 0.0], atol=1e-6)
    overlap, gap = taking.counts[TurnKind.OVERLAP_TERMINAL], taking.counts[TurnKind.GAP]
    assert (overlap.found, overlap.true, overlap.made) == (0, 1, 0)
    assert (gap.found, gap.true, gap.made) == (1, 1, 2)


def test_only_what_the_output_covers_counts() -> None:
    """Of two stretches, events between them are none on either side."""
    taking = turn_taking(TALK, TALK, SAME, ((0.0, 4.3), (10.2, 12.0)))
    assert taking.counts[TurnKind.TRANSFER].true == 0
    assert taking.counts[TurnKind.TURN].true == taking.counts[TurnKind.TURN].found == 2


def test_one_channel_for_two_speakers_loses_the_other_ones_turns() -> None:
    """An output that knows one speaker: the second one's events are missed, not forgotten."""
    one = tuple(s for s in TALK if s.channel == 0)
    counts = turn_taking(TALK, one, ((0, 0),), WHOLE).counts
    assert (counts[TurnKind.TURN].true, counts[TurnKind.BACKCHANNEL].true) == (3, 1)
    assert counts[TurnKind.BACKCHANNEL].found == counts[TurnKind.TRANSFER].found == 0


def test_turns_of_three_are_not_scored() -> None:
    """Three matched pairs give no events."""
    counts = turn_taking(TALK, TALK, ((0, 0), (1, 1), (2, 2)), WHOLE).counts
    assert all(c.true == c.made == 0 for c in counts.values())


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 200), st.integers(1, 40)), max_size=12),
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 200), st.integers(1, 40)), max_size=12),
)
def test_no_event_is_paired_twice(true: list[tuple[int, int, int]], made: list[tuple[int, int, int]]) -> None:
    """Never more pairs than events, and the two sides are alike: swapping them swaps the counts."""
    sides = [
        tuple(Segment(channel=c, start_s=a / 10, end_s=(a + n) / 10) for c, a, n in side) for side in (true, made)
    ]
    counts = turn_taking(sides[0], sides[1], SAME, ((0.0, 24.0),)).counts
    back = turn_taking(sides[1], sides[0], SAME, ((0.0, 24.0),)).counts
    for kind in EVENT_KINDS:
        assert counts[kind].found <= min(counts[kind].true, counts[kind].made)
        assert (counts[kind].true, counts[kind].made) == (back[kind].made, back[kind].true)
