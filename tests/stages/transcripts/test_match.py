"""Speakers of a transcript against the channels."""

import pytest

from schemas.conversation import Segment
from schemas.transcript import TimedWord, Utterance
from stages.transcripts.match import channel_of_nobody, match
from stages.transcripts.placed import placed


def speech(*spans: tuple[int, float, float]) -> list[Segment]:
    return [Segment(channel=c, start_s=a, end_s=b) for c, a, b in spans]


def says(speaker: str, start_s: float | None, end_s: float | None, text: str = "so it is") -> Utterance:
    return Utterance(speaker=speaker, start_s=start_s, end_s=end_s, text=text)


TALK = speech((0, 1.0, 4.0), (1, 4.2, 6.0), (0, 5.5, 9.0), (1, 7.0, 7.4))
BY_TIME = [says("ben", 0.9, 4.1), says("anna", 4.2, 6.1), says("ben", 5.4, 9.0), says("anna", 7.0, 7.4, "mhm")]


def test_by_time_where_names_say_nothing() -> None:
    found = match(BY_TIME, TALK, None, separate=True)
    assert found.speakers() == ("ben", "anna")
    assert found.certain


def test_by_name_whatever_the_case() -> None:
    found = match(BY_TIME, TALK, ("Ben", "ANNA"), separate=True)
    assert (found.speakers(), found.certain) == (("ben", "anna"), True)
    assert match([says("ben", 1.0, 4.0)], TALK, ("ben", "anna"), separate=True).speakers() == ("ben", "")


def test_one_known_name_gives_the_other_speaker_the_other_channel() -> None:
    assert match(BY_TIME, TALK, ("ben", "the caller"), separate=True).speakers() == ("ben", "anna")


def test_names_that_the_times_contradict_are_taken_and_not_certain() -> None:
    found = match(BY_TIME, TALK, ("anna", "ben"), separate=True)
    assert found.speakers() == ("anna", "ben")
    assert not found.certain


@pytest.mark.parametrize(
    "names", [("0", "1"), ("1", "2"), ("A", "B"), ("left", "right"), ("SPEAKER_MAIN", "speaker_other")]
)
def test_a_speaker_named_as_a_channel_is_on_it_unless_the_recording_was_a_mixture(names: tuple[str, str]) -> None:
    other_way = [says(names[1], 1.0, 4.0), says(names[0], 4.2, 6.0)]
    assert match(other_way, TALK, None, separate=True).speakers() == names
    assert match(other_way, TALK, None, separate=False).speakers() == names[::-1]


def test_where_both_ways_fit_as_well_it_is_not_certain() -> None:
    both = speech((0, 1.0, 4.0), (1, 1.0, 4.0))
    assert not match([says("a1", 1.0, 4.0), says("b1", 1.0, 4.0)], both, None, separate=False).certain
    assert not match(BY_TIME, [], None, separate=False).certain


def test_a_transcript_of_a_part_is_as_certain() -> None:
    long = [*TALK, *speech((0, 20.0, 90.0), (1, 100.0, 170.0))]
    assert match(BY_TIME, long, None, separate=False).certain


def test_of_three_speakers_the_two_who_fit() -> None:
    found = match([*BY_TIME, says("carl", 20.0, 22.0)], TALK, None, separate=False)
    assert found.speakers() == ("ben", "anna")


def test_without_a_speaker_it_goes_to_who_is_active() -> None:
    assert channel_of_nobody(says("", 1.5, 3.0), TALK) == (0, True)
    assert channel_of_nobody(says("", 4.4, 5.4), TALK) == (1, True)
    assert channel_of_nobody(says("", 5.5, 6.0), TALK) == (0, False)
    assert channel_of_nobody(says("", 30.0, 31.0), TALK) == (0, False)


def test_utterances_are_cut_to_the_span_and_moved_to_its_clock() -> None:
    words = tuple(TimedWord(text=f"w{i}", start_s=9.0 + i, end_s=9.8 + i) for i in range(4))
    with_words = Utterance(speaker="ben", start_s=9.0, end_s=12.8, text="w0 w1 w2 w3", words=words)
    found = placed(
        [says("ben", 4.0, 6.0), with_words, says("anna", 19.0, 20.4), says("anna", 20.2, 23.0)],
        (10.0, 20.0),
        speech((0, 0.0, 2.8), (1, 9.0, 10.0)),
        None,
        separate=True,
        whole=False,
    )
    (first, one), (second, two) = found.utterances
    assert (first, second) == (0, 1)
    assert [(w.text, round(w.start_s, 3), round(w.end_s, 3)) for w in one.words] == [
        ("w1", 0.0, 0.8),
        ("w2", 1.0, 1.8),
        ("w3", 2.0, 2.8),
    ]
    assert one.text == "w1 w2 w3"
    assert (two.start_s, two.end_s) == (9.0, 10.0)
    assert found.notes == ()


def test_what_a_channel_says_without_times_is_one_utterance() -> None:
    given = [says("ben", None, None, "so it"), says("anna", None, None, "mhm"), says("ben", None, None, "is")]
    found = placed(given, (0.0, 10.0), TALK, ("anna", "ben"), separate=True, whole=True)
    assert [(channel, u.speaker, u.text) for channel, u in found.utterances] == [
        (0, "anna", "mhm"),
        (1, "ben", "so it is"),
    ]


def test_what_has_no_place_is_counted() -> None:
    given = [*BY_TIME, says("carl", 7.5, 8.0), says("", 5.6, 5.9), says("ben", None, None)]
    found = placed(given, (0.0, 10.0), TALK, None, separate=True, whole=False)
    assert found.notes == (
        "1 utterance of speakers who are on neither channel, left out",
        "1 utterance without a speaker, on the channel that is more active in them",
        "1 utterance without times, left out: the recording was cut in several spans",
    )
    assert not found.match.certain
    assert len(found.utterances) == 5
    assert len(placed(given, (0.0, 10.0), TALK, None, separate=True, whole=True).utterances) == 6
