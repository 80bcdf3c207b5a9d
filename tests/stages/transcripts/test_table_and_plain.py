"""CSV and TSV with column names, and plain text with names or a file a speaker."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.transcript import TimedWord, Transcript, Utterance
from stages.transcripts.read import TranscriptError, read_transcript

Read = Callable[..., Transcript]

SAID = (
    Utterance(speaker="Anna", start_s=0.5, end_s=5.0, text='So, I said "go"'),
    Utterance(speaker="ben", start_s=2.0, end_s=2.3, text="mhm"),
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", 'speaker,start,end,text\nben,2,2.3,mhm\nAnna,0.5,5,"So, I said\n ""go"""\n'),
        ("t.csv", 'Text;STOP;begin;Channel\r\n"So, I said ""go""";5.0;0.5;Anna\r\n\r\nmhm;2.3;2.0;ben\r\n'),
        ("t.tsv", 'start_s\tend_s\tspeaker\ttranscript\n0.5\t5.0\tAnna\t"So, I said ""go"""\n2.0\t2.3\tben\tmhm'),
    ],
)
def test_utterances_whatever_the_columns_are_called(read: Read, name: str, text: str) -> None:
    assert read(name, text) == Transcript(utterances=SAID)


def test_a_column_word_gives_the_times_of_words(read: Read) -> None:
    found = read(
        "t.tsv",
        "speaker\tword\tstart\tend\tconfidence\tpos\ttext\n"
        "a\tgood\t1\t1.5\t0.5\tADJ\tgood day\na\tday\t1.5\t2\t\tNOUN\tgood day\nb\thm\t1.2\t1.4\t1.5\tX\thm\n",
    )
    assert [(u.speaker, u.text) for u in found.utterances] == [("a", "good day"), ("b", "hm")]
    assert found.utterances[0].words == (
        TimedWord(text="good", start_s=1.0, end_s=1.5, confidence=0.5),
        TimedWord(text="day", start_s=1.5, end_s=2.0, confidence=1.0),
    )
    assert found.notes == (
        "left out: columns 'pos', 'text'",
        "left out: confidences that are not from 0 to 1 (1)",
    )


def test_what_is_not_read_is_noted(read: Read) -> None:
    found = read("t.csv", "speaker,start,end,text,confidence,start\na,1,2,hi,0.5,9\nb,3,4, ,1,9\nb,3,3,x,1,9\n")
    assert [(u.speaker, u.start_s, u.text) for u in found.utterances] == [("a", 1.0, "hi")]
    assert found.notes == (
        "left out: columns 'start'",
        "left out: column 'confidence', which is for words",
        "left out: utterances without text (1)",
        "left out: utterances without duration (1)",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("who,start,end,text\na,1,2,hi\n", "line 1: names no column speaker: the first line is"),
        ("anna,0.5,5.0,hello\n", "line 1: names no column speaker, start, end, text"),
        (",,,\n", "line 1: names no column speaker, start, end, text"),
        ("speaker,start,end,text\na,1,2\n", "line 2: has 3 fields under 4 columns"),
        ("speaker,start,end,text\na,1,2,hi,there\n", "line 2: has 5 fields under 4 columns"),
        ("speaker,start,end,text\na,,2,hi\n", "line 2: the start '' is no number of seconds"),
        ("speaker,start,end,text\n\na,NaN,2,hi\n", "line 3: the start is nan s"),
        ("speaker,start,end,text\na,-1,2,hi\n", "line 2: the start is -1 s"),
        ("speaker,start,end,text\na,3,2,hi\n", "line 2: ends at 2 s, before it starts at 3 s"),
        ("speaker,start,end,word,confidence\na,1,2,hi,good\n", "line 2: the confidence 'good' is no number"),
        ('speaker,start,end,text\na,1,2,"hi\n', "not CSV"),
        ('speaker,start,end,text\na,1,2,"hi" you\n', "line 2: not CSV"),
    ],
)
def test_a_wrong_row_is_named(read: Read, text: str, words: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        read("t.csv", text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def untimed(speaker: str, text: str) -> Utterance:
    return Utterance(speaker=speaker, start_s=None, end_s=None, text=text)


def test_plain_text_with_names(read: Read) -> None:
    found = read("talk.txt", "Anna: So, I said:  go\nand he went\n\n[Ben B.] mhm <laugh>\nAnna: yes\n李雷：好\n")
    assert found.utterances == (
        untimed("Anna", "So, I said: go and he went"),
        untimed("Ben B.", "mhm <laugh>"),
        untimed("Anna", "yes"),
        untimed("李雷", "好"),
    )


def test_plain_text_without_a_name_says_what_to_do(read: Read) -> None:
    with pytest.raises(TranscriptError) as caught:
        read("talk.txt", "\nhello there\nAnna: hi\n")
    assert "line 2: 'hello there' names no speaker: begin it with 'NAME: '" in str(caught.value)
    assert "talk.NAME.txt" in str(caught.value)


def test_a_file_a_speaker(tmp_path: Path) -> None:
    (tmp_path / "talk.v2.Anna Å.txt").write_text("So: I said\n\n  go  now \n", encoding="utf-16")
    (tmp_path / "talk.v2.ben.TXT").write_text("\ufeffmhm\r\n", encoding="utf-8")
    paths = [tmp_path / "talk.v2.Anna Å.txt", tmp_path / "talk.v2.ben.TXT"]
    found = read_transcript(paths, recording="talk.v2", duration_s=1.0)
    assert found.utterances == (untimed("Anna Å", "So: I said"), untimed("Anna Å", "go now"), untimed("ben", "mhm"))
    assert read_transcript(paths[1], recording="talk.v2", duration_s=1.0).utterances == (untimed("ben", "mhm"),)


def test_several_files_are_text_files(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match="only as text files"):
        read_transcript([tmp_path / "a.txt", tmp_path / "a.vtt"], recording="a", duration_s=None)
    with pytest.raises(TranscriptError, match="no transcript of 'a' is given"):
        read_transcript([], recording="a", duration_s=None)
