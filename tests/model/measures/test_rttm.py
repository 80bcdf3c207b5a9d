"""RTTM: read, written, and what is wrong with a line."""

import pytest

from model.measures.rttm import Diarization, RttmError, read_rttm, write_rttm
from schemas.conversation import Segment

TEXT = """\
;; a comment
SPKR-INFO call 1 <NA> <NA> <NA> adult_female anna <NA> <NA>
SPEAKER call 1 2.50 1.50 <NA> <NA> ben <NA> <NA>

SPEAKER call 1 0.25 2.00 <NA> <NA> anna <NA> <NA>
SPEAKER call 1 4.00 0.50 <NA> <NA> ben <NA>
"""


def test_turns_in_the_order_of_time() -> None:
    read = read_rttm(TEXT, "call.rttm")
    assert read.speakers == ("anna", "ben")
    assert read.segments == (
        Segment(channel=0, start_s=0.25, end_s=2.25),
        Segment(channel=1, start_s=2.5, end_s=4.5),  # touching turns are one
    )
    assert read_rttm(TEXT, "call.rttm", ["carl", "ben"]).speakers == ("carl", "ben", "anna")


def test_what_is_written_is_read() -> None:
    read = read_rttm(TEXT, "call.rttm")
    assert read_rttm(write_rttm("my call", read), "x") == read
    assert write_rttm("my call", Diarization(("a b",), read.segments[:1])) == (
        "SPEAKER my_call 1 0.250 2.000 <NA> <NA> a_b <NA> <NA>\n"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("SPEAKER call 1 0.25", "line 1: not RTTM"),
        ("0.25 2.25 anna", "line 1: not RTTM"),
        ("SPEAKER call 1 soon 2.0 <NA> <NA> anna <NA> <NA>", "start 'soon'"),
        ("SPEAKER call 1 1.0 -2.0 <NA> <NA> anna <NA> <NA>", "duration -2 s"),
        ("SPEAKER call 1 nan 2.0 <NA> <NA> anna <NA> <NA>", "start nan s"),
        (f"{TEXT}SPEAKER other 1 9 1 <NA> <NA> ben <NA> <NA>", "turns of 2 recordings (call, other)"),
    ],
)
def test_a_broken_line_is_named(line: str, words: str) -> None:
    with pytest.raises(RttmError, match=r"call\.rttm") as caught:
        read_rttm(line, "call.rttm")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
