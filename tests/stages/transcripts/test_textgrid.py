"""Praat's TextGrid: examples written after the manual's page "TextGrid file formats"."""

from collections.abc import Callable

import pytest

from schemas.transcript import TimedWord, Transcript, Utterance
from stages.transcripts.read import TranscriptError

Read = Callable[..., Transcript]

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 6.5
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "IntervalTier"
        name = "Anna/Berlin é"
        xmin = 0
        xmax = 6.5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 5.25
            text = "So I said ""go"",
 and he went."
        intervals [3]:
            xmin = 5.25
            xmax = 6.5
            text = ""
    item [2]:
        class = "IntervalTier"
        name = "ben"
        xmin = 0
        xmax = 6.5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 2
            text = ""
        intervals [2]:
            xmin = 2
            xmax = 2.4
            text = " mhm <laugh> "
        intervals [3]:
            xmin = 2.4
            xmax = 6.5
            text = ""
    item [3]:
        class = "TextTier"
        name = "bell"
        xmin = 0
        xmax = 6.5
        points: size = 1
        points [1]:
            number = 1.5
            mark = "ding"
"""

SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
6.5
<exists>
3
"IntervalTier"
"Anna/Berlin é"
0
6.5
1
0.5
5.25
"So I said ""go"",
 and he went."
"IntervalTier"
"ben"
0 6.5 1 ! a comment with "quotes and 12 numbers
2 2.4
" mhm <laugh> "
"TextTier"
"bell"
0
6.5
1
1.5
"ding"
"""

SAID = (
    Utterance(speaker="Anna/Berlin é", start_s=0.5, end_s=5.25, text='So I said "go", and he went.'),
    Utterance(speaker="ben", start_s=2.0, end_s=2.4, text="mhm <laugh>"),
)


@pytest.mark.parametrize("text", [LONG, SHORT, LONG.replace("\n", "\r\n"), SHORT.replace("\n", "\r")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_both_text_forms_in_every_encoding_of_praat(read: Read, text: str, encoding: str) -> None:
    found = read("talk.TextGrid", text.encode(encoding), duration_s=6.5)
    assert found.utterances == SAID
    latin = ["it is not UTF-8 and was read as Latin-1"] if encoding == "latin-1" else []
    assert list(found.notes) == [*latin, "left out: point tiers (1)"]


def test_the_form_of_older_versions(read: Read) -> None:
    older = SHORT.replace(
        'File type = "ooTextFile"\nObject class = "TextGrid"', 'File type = "ooTextFile short"\n"TextGrid"'
    )
    assert read("talk.textgrid", older).utterances == SAID


def grid(*tiers: tuple[str, list[tuple[float, float, str]]]) -> str:
    """A TextGrid in the short form; its xmax is 100 s."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", "100", "<exists>", str(len(tiers))]
    for name, intervals in tiers:
        lines += ['"IntervalTier"', f'"{name}"', "0", "100", str(len(intervals))]
        for start, end, text in intervals:
            lines += [str(start), str(end), f'"{text}"']
    return "\n".join(lines) + "\n"


def test_word_tiers_give_the_times_of_words(read: Read) -> None:
    found = read(
        "talk.TextGrid",
        grid(
            ("anna", [(1.0, 2.0, "That's all, Ben."), (4.0, 4.5, "Bye!")]),
            ("anna - words", [(1.0, 1.3, "that's"), (1.3, 1.5, "all"), (1.6, 2.0, "ben"), (4.0, 4.4, "bye")]),
            ("anna/phones", [(1.0, 1.1, "DH"), (1.1, 1.3, "AE")]),
        ),
    )
    first, second = found.utterances
    assert (first.text, first.start_s, first.end_s) == ("That's all, Ben.", 1.0, 2.0)
    assert first.words == (
        TimedWord(text="That's", start_s=1.0, end_s=1.3),
        TimedWord(text="all,", start_s=1.3, end_s=1.5),
        TimedWord(text="Ben.", start_s=1.6, end_s=2.0),
    )
    assert second.words == (TimedWord(text="Bye!", start_s=4.0, end_s=4.4),)
    assert found.notes == ("left out: tiers of phones (1)",)


def test_word_tiers_alone_are_parted_at_pauses(read: Read) -> None:
    found = read(
        "talk.TextGrid",
        grid(
            ("anna - words", [(1.0, 1.3, "good"), (1.4, 1.6, "day"), (1.8, 2.0, "ben")]),
            ("anna - phones", [(1.0, 1.3, "g")]),
            ("ben - words", [(1.2, 1.4, "hm")]),
            ("words", [(9.0, 9.5, "who")]),
        ),
    )
    assert [(u.speaker, u.start_s, u.end_s, u.text) for u in found.utterances] == [
        ("anna", 1.0, 1.6, "good day"),
        ("ben", 1.2, 1.4, "hm"),
        ("anna", 1.8, 2.0, "ben"),
        ("", 9.0, 9.5, "who"),
    ]
    assert all(" ".join(w.text for w in u.words) == u.text for u in found.utterances)


def test_words_that_are_not_the_text_are_left_out(read: Read) -> None:
    found = read(
        "talk.TextGrid", grid(("anna", [(1.0, 2.0, "Number 12")]), ("anna - words", [(1.0, 2.0, "number twelve")]))
    )
    assert [(u.text, u.words) for u in found.utterances] == [("Number 12", ())]
    assert found.notes == ("left out: the word times of utterances whose text has other words (1)",)


def test_a_speaker_whose_name_ends_like_a_part_is_a_speaker(read: Read) -> None:
    found = read("talk.TextGrid", grid(("anna-phone", [(0, 1, "hello")]), ("keywords", [(1, 2, "hi")])))
    assert [u.speaker for u in found.utterances] == ["anna-phone", "keywords"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (grid(("anna", [(0, 2, "a"), (1.5, 3, "b")])), ["line 16, tier 'anna'", "starts at 1.5 s", "overlap"]),
        (grid(("anna", [(2, 1, "a")])), ["tier 'anna'", "ends at 1 s, before it starts at 2 s"]),
        (grid(("anna", [(float("nan"), 1, "a")])), ["line 13, tier 'anna'", "start is nan"]),
        (grid(("anna", [(-1, 1, "a")])), ["line 13, tier 'anna'", "start is -1 s"]),
        (grid(("anna", [(0, 1, "a"), (1, 2, 'b"')])), ["line", "quote that is not closed"]),
        (
            grid(("anna", [(1, 2, "hey you")]), ("anna - words", [(1, 1.5, "hey"), (1.5, 2.6, "you")])),
            ["tier 'anna'", "the word 'you' (1.5-2.6 s)", "outside its utterance (1-2 s)"],
        ),
        (SHORT[: SHORT.index('"bell"')], ["ends where the name of a tier is expected"]),
        (SHORT.replace("<exists>\n3", "<exists>\n2"), ["goes on with 'TextTier' after its last tier"]),
        (SHORT.replace("IntervalTier", "Tier"), ["'Tier' is no class of a tier"]),
        (SHORT.replace("<exists>\n3", "<exists>\n-3"), ["line 7: states -3 tiers"]),
        (SHORT.replace('"TextGrid"', '"Pitch 1"'), ["is no TextGrid"]),
        (
            SHORT.replace("2 2.4\n", "2 x\n"),
            ["line 21", "has the text ' mhm <laugh> ' where an end is expected, a number"],
        ),
        ('"Praat chronological TextGrid text file"\n0 1\n', ["chronological TextGrid", "Save as text file"]),
        ("anna: hello\n", ["'ooTextFile' is expected"]),
    ],
)
def test_a_damaged_file_is_one_line(read: Read, text: str, words: list[str]) -> None:
    with pytest.raises(TranscriptError) as caught:
        read("talk.TextGrid", text)
    assert "talk.TextGrid" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_binary_file_says_how_to_save_it(read: Read) -> None:
    with pytest.raises(TranscriptError, match="binary or chronological"):
        read("talk.TextGrid", b"ooBinaryFile\x08TextGrid\x00\x00\xff\xfe")
