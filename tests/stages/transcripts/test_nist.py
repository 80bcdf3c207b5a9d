"""CTM, STM and RTTM: examples written after SCTK's "sclite input file formats" and RT-09, appendix A."""

from collections.abc import Callable

import pytest

from schemas.transcript import TimedWord, Transcript, Utterance
from stages.transcripts.read import TranscriptError

Read = Callable[..., Transcript]

CTM = """;;
;;  Comments follow ';;'

7654 A 11.34 0.2  YES -6.763
7654 A 11.54 0.34 you 0.5
7654 A 13.30 0.5  CAN
7654 B 11.40 0.2  I 1.0
7654 B 13.40 0.1  %um <NA>
"""


def test_ctm_words_of_each_channel_are_parted_at_its_pauses(read: Read) -> None:
    found = read("7654.ctm", CTM, recording="7654")
    assert [(u.speaker, u.start_s, u.end_s, u.text) for u in found.utterances] == [
        ("A", 11.34, 11.88, "YES you"),
        ("B", 11.4, 11.6, "I"),
        ("A", 13.3, 13.8, "CAN"),
        ("B", 13.4, 13.5, "%um"),  # within what A says
    ]
    assert found.utterances[0].words == (
        TimedWord(text="YES", start_s=11.34, end_s=11.54),
        TimedWord(text="you", start_s=11.54, end_s=11.88, confidence=0.5),
    )
    assert found.notes == ("left out: confidences that are not from 0 to 1 (1)",)


def test_ctm_keeps_the_first_reading_of_an_alternation(read: Read) -> None:
    found = read(
        "talk.ctm",
        "talk A * * <ALT_BEGIN>\ntalk A 12.00 0.34 UM\ntalk A * * <ALT>\ntalk A 12.00 0.34 UH\n"
        "talk A * * <ALT>\ntalk A * * <ALT_END>\ntalk A 12.34 0.2 so\n",
    )
    assert [u.text for u in found.utterances] == ["UM so"]
    assert found.notes == ("left out: words of further readings (1)",)


def test_ctm_words_without_duration_are_counted(read: Read) -> None:
    found = read("talk.ctm", "talk 1 1.0 0.0 a\ntalk 1 1.0 0.5 b\ntalk 1 2.0 0 c\n")
    assert [u.text for u in found.utterances] == ["b"]
    assert found.notes == ("left out: words without duration (2)",)


def test_ctm_of_the_rt_evaluations_names_the_speaker(read: Read) -> None:
    found = read(
        "talk.ctm", "talk 1 1.0 0.3 a 0.9 lex anna\ntalk 1 1.1 0.3 b 0.9 lex ben\ntalk 1 5 1 c 1 lex unknown\n"
    )
    assert [(u.speaker, u.text) for u in found.utterances] == [("anna", "a"), ("ben", "b"), ("1", "c")]


def test_a_file_of_several_recordings_is_searched(read: Read) -> None:
    lines = "one 1 0 1 a\ntalk 1 2 1 b\nthree 1 4 1 c\n"
    assert [u.text for u in read("all.ctm", lines).utterances] == ["b"]
    with pytest.raises(
        TranscriptError, match=r"all.ctm: has 3 recordings \('one', 'talk', 'three'\), none is 'other'"
    ):
        read("all.ctm", lines, recording="other")
    only = read("all.ctm", "one 1 0 1 a\n")
    assert [u.text for u in only.utterances] == ["a"]
    assert only.notes == ("its file is named 'one', not 'talk'",)


STM = """;; LABEL "M" "Male" "Male Talkers"
;; comment
2345 A 2345-a 0.10 2.03 uh huh yes i thought
2345 B 2345-b 1.50 3.04 <O,M,00> dog   walking is { a / the / @ } very
2345 A inter_segment_gap 3.04 3.50 <O,M,00> ignore_time_segment_in_scoring
2345 A inter_segment_gap 3.04 3.50 IGNORE_TIME_SEGMENT_IN_SCORING
2345 A 2345-a 3.50 4.59 <laugh> yes {SMACK} but it's { @ / uh } worth it
2345 A 2345-a 4.59 4.70 <M> {{ no }
2345 A 2345-a 4.80 4.90
"""


def test_stm(read: Read) -> None:
    found = read("2345.stm", STM, recording="2345")
    assert found.utterances == (
        Utterance(speaker="2345-a", start_s=0.1, end_s=2.03, text="uh huh yes i thought"),
        Utterance(speaker="2345-b", start_s=1.5, end_s=3.04, text="dog walking is a very"),
        Utterance(speaker="2345-a", start_s=3.5, end_s=4.59, text="<laugh> yes {SMACK} but it's worth it"),
        Utterance(speaker="2345-a", start_s=4.59, end_s=4.7, text="{{ no }"),
    )
    assert sorted(found.notes) == [
        "left out: labels of segments (3)",
        "left out: segments not to be scored (2)",
        "left out: utterances without text (1)",
        "segments with several readings, of which the first is kept (2)",
    ]


def test_stm_alternations_may_be_nested(read: Read) -> None:
    found = read("talk.stm", "talk 1 a 0 1 { { um / uh } so / well } yes\n")
    assert [u.text for u in found.utterances] == ["um so yes"]


def test_stm_labels_without_a_comma_stand_in_every_segment(read: Read) -> None:
    found = read("talk.stm", "talk 1 a 0 1 <F0_M> so <sil> it is\ntalk 1 a 1 2 <F0_M> <laugh> yes\n")
    assert [u.text for u in found.utterances] == ["so <sil> it is", "<laugh> yes"]


RTTM = """;; made by hand
SPKR-INFO talk 1 <NA> <NA> <NA> adult_male ben <NA> <NA>
SPEAKER talk 1 0.5 4.5 <NA> <NA> anna <NA> <NA>
SPEAKER talk 1 2.1 0.2 <NA> <NA> ben <NA> <NA>
LEXEME talk 1 2.1 0.2 mhm lex ben 0.9 <NA>
SPEAKER talk 1 6 0 <NA> <NA> ben <NA> <NA>
"""


def test_rttm_gives_turns(read: Read) -> None:
    found = read("talk.rttm", RTTM)
    assert found.utterances == (
        Utterance(speaker="anna", start_s=0.5, end_s=5.0, text=""),
        Utterance(speaker="ben", start_s=2.1, end_s=2.3, text=""),
    )
    assert found.notes == (
        "left out: lines of type SPKR-INFO (1)",
        "left out: lines of type LEXEME (1)",
        "left out: turns without duration (1)",
    )


@pytest.mark.parametrize(
    ("name", "line", "words"),
    [
        ("t.ctm", "talk 1 0.5 0.2", "line 2: has 4 fields: write 'file channel start duration word [confidence]'"),
        ("t.ctm", "talk 1 nan 0.2 a", "line 2: the start is nan s"),
        ("t.ctm", "talk 1 0.5 -0.2 a", "line 2: the duration is -0.2 s"),
        ("t.ctm", "talk 1 inf 0.2 a", "line 2: the start is inf s"),
        ("t.ctm", "talk 1 1e999 0.2 a", "line 2: the start is inf s"),
        ("t.ctm", "talk 1 0,5 0.2 a", "line 2: the start '0,5' is no number of seconds"),
        ("t.ctm", "talk 1 1_0 0.2 a", "line 2: the start '1_0' is no number of seconds"),
        ("t.ctm", "talk 1 0.5 0.2 a high", "line 2: the confidence 'high' is no number"),
        ("t.ctm", "talk 1 * * <ALT>", "line 2: <ALT> is out of place"),
        ("t.ctm", "talk 1 * * <ALT_BEGIN>", "<ALT_BEGIN> has no <ALT_END>"),
        ("t.stm", "talk 1 a 2.5 1.0 hi", "line 2: ends at 1 s, before it starts at 2.5 s"),
        ("t.stm", "talk 1 a 2.5", "line 2: has 4 fields"),
        ("t.stm", "talk 1 a -1 1.0 hi", "line 2: the start is -1 s"),
        ("t.rttm", "SPEAKER talk 1 0.5 1", "line 2: has 5 fields: write 'SPEAKER file"),
        ("t.rttm", "TALKER talk 1 0.5 1 <NA> <NA> anna <NA> <NA>", "line 2: 'TALKER' is no type of RTTM"),
        ("t.rttm", "SPEAKER talk 1 0.5 NaN <NA> <NA> anna <NA> <NA>", "line 2: the duration is nan s"),
    ],
)
def test_a_wrong_line_is_named(read: Read, name: str, line: str, words: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        read(name, f";; a comment\n{line}\n")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
