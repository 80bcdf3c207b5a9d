"""What holds for every format: encodings, sizes, times within the recording, and files that are none."""

import codecs
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.transcript import Transcript
from stages.transcripts.read import SUFFIXES, TranscriptError, read_transcript

Read = Callable[..., Transcript]


def textgrid(start: float, end: float, word: str) -> str:
    return f'"ooTextFile" "TextGrid" 0 99 <exists> 1 "IntervalTier" "ä b" 0 99 1 {start} {end} "{word}"\n'


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{seconds % 60:06.3f}"


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


TIMED: dict[str, Callable[[float, float, str], str]] = {
    "talk.TextGrid": textgrid,
    "talk.ctm": lambda a, b, w: f"talk ä/b {a} {b - a:.3f} {w}\n",
    "talk.stm": lambda a, b, w: f"talk 1 ä/b {a} {b} {w}\n",
    "talk.rttm": lambda a, b, w: f"SPEAKER talk 1 {a} {b - a:.3f} <NA> <NA> ä/b <NA> <NA>\n",
    "talk.vtt": lambda a, b, w: f"WEBVTT\n\n{clock(a)} --> {clock(b)}\n<v ä/b>{w}\n",
    "talk.srt": lambda a, b, w: f"1\n{clock(a)} --> {clock(b)}\n[ä/b]: {w}\n",
    "talk.json": lambda a, b, w: as_json({"segments": [{"start": a, "end": b, "text": w, "speaker": "ä/b"}]}),
    "words.json": lambda a, b, w: as_json([{"speaker": "ä/b", "word": w, "start": a, "end": b}]),
    "talk.jsonl": lambda a, b, w: as_json(
        {"recording_id": "talk", "start": a, "duration": round(b - a, 6), "text": w, "speaker": "ä/b"}
    ),
    "talk.csv": lambda a, b, w: f"speaker,start,end,text\nä/b,{a},{b},{w}\n",
    "talk.tsv": lambda a, b, w: f"speaker\tstart\tend\tword\nä/b\t{a}\t{b}\t{w}\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", TIMED)
def test_every_format_in_every_encoding(read: Read, name: str, encoding: str) -> None:
    found = read(name, TIMED[name](1.5, 2.25, "größer").encode(encoding), duration_s=10.0)
    (said,) = found.utterances
    speaker = "ä b" if name == "talk.TextGrid" else "ä/b"
    text = "" if name == "talk.rttm" else "größer"
    assert (said.speaker, said.start_s, said.end_s, said.text) == (speaker, 1.5, 2.25, text)
    assert found.notes == ()


def test_big_endian_utf_16(read: Read) -> None:
    text = codecs.BOM_UTF16_BE + TIMED["talk.csv"](1, 2, "größer").encode("utf-16-be")
    assert read("talk.csv", text).utterances[0].text == "größer"


@pytest.mark.parametrize("name", [name for name in TIMED if name != "talk.TextGrid"])
def test_what_is_not_utf_8_names_the_byte(read: Read, name: str) -> None:
    text = TIMED[name](1.5, 2.25, "gut")
    at = len(text[: text.index("ä")].encode())
    with pytest.raises(TranscriptError, match=rf"is not UTF-8 text \(.* at byte {at}\): save it as UTF-8"):
        read(name, text.encode("latin-1"))


def test_the_byte_is_named_wherever_it_stands(read: Read) -> None:
    head = codecs.BOM_UTF8 + "ö 1 0 1 a\n".encode() * 120_000  # more than is decoded at a time
    with pytest.raises(TranscriptError, match=rf"at byte {len(head) + 2}\)"):
        read("talk.ctm", head + b"ab\xe9 c")
    with pytest.raises(TranscriptError, match=r"is not UTF-16 text \(truncated data at byte 6\)"):
        read("talk.ctm", "ab".encode("utf-16") + b"a")


@pytest.mark.parametrize("name", TIMED)
def test_times_past_the_end_are_an_error(read: Read, name: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        read(name, TIMED[name](63.2, 64.0, "a"), duration_s=61.6)
    assert "times are past the end of the recording (63.2 s of 61.6 s)" in str(caught.value)
    assert "is it the transcript of another recording?" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", TIMED)
def test_an_end_that_overshoots_is_cut(read: Read, name: str) -> None:
    found = read(name, TIMED[name](60.0, 64.0, "a"), duration_s=61.6)
    assert [(u.start_s, u.end_s) for u in found.utterances] == [(60.0, 61.6)]
    assert [n for n in found.notes if n.startswith("cut at the end of the recording: ")] == list(found.notes)
    assert len(found.notes) == 1


@pytest.mark.parametrize("name", TIMED)
def test_what_starts_just_past_the_end_is_left_out(read: Read, name: str) -> None:
    found = read(name, TIMED[name](62.0, 63.0, "a"), duration_s=61.6)
    assert found.utterances == ()
    assert [n for n in found.notes if n.startswith("left out: ") and n.endswith("without duration (1)")]


@pytest.mark.parametrize("name", [name for name in TIMED if name not in ("talk.vtt", "talk.srt", "talk.TextGrid")])
@pytest.mark.parametrize("start", [-1.0, float("nan"), float("inf")])
def test_impossible_times_are_an_error(read: Read, name: str, start: float) -> None:
    with pytest.raises(TranscriptError, match=r"(start|duration)( is|.: the start is) (-1|nan|inf) s"):
        read(name, TIMED[name](start, 2.0, "a"))


@pytest.mark.parametrize("name", [*(f"talk{s}" for s in SUFFIXES if s != ".jsonl.gz"), "segments", "talk.anna.txt"])
@pytest.mark.parametrize("content", [b"", b"\n \r\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE])
def test_an_empty_file_is_an_error(read: Read, name: str, content: bytes) -> None:
    with pytest.raises(TranscriptError, match=r"is empty"):
        read(name, content)


def test_an_empty_gzip_file_is_an_error(read: Read) -> None:
    with pytest.raises(TranscriptError, match=r"is empty"):
        read("talk.jsonl.gz", gzip.compress(b""))


@pytest.mark.parametrize("suffix", [s for s in SUFFIXES if "jsonl" not in s])
def test_a_file_that_is_too_large_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"talk{suffix}"
    with path.open("wb") as file:
        file.truncate(64_000_001)
    with pytest.raises(TranscriptError, match=r"has 64 MB, more than the 64 MB that are read"):
        read_transcript(path, recording="talk", duration_s=None)


def test_a_corpus_may_be_larger(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    line = json.dumps({"recording_id": "other", "start": 0, "duration": 1, "text": "x" * 900_000}) + "\n"
    with path.open("w") as file:
        for _ in range(72):
            file.write(line)
        file.write('{"recording_id": "talk", "start": 0, "duration": 1, "text": "hi"}\n')
    assert [u.text for u in read_transcript(path, recording="talk", duration_s=None).utterances] == ["hi"]


@pytest.mark.parametrize("suffix", [s for s in SUFFIXES if s not in (".json", ".jsonl.gz")])
def test_a_line_that_is_too_long_is_an_error(read: Read, suffix: str) -> None:
    with pytest.raises(TranscriptError, match=r"line 3: longer than 1 MB"):
        read(f"talk{suffix}", "\n\n" + "x" * 1_000_001)


def test_characters_that_are_no_text_are_an_error(read: Read) -> None:
    with pytest.raises(TranscriptError, match=r"line 1: has the character U\+0000"):
        read("talk.stm", "talk 1 a 0 1 he\x00llo\n")


def test_what_is_not_there_or_no_transcript_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "talk.docx").write_bytes(b"x")
    for name, words in (
        ("none.vtt", "is not there"),
        ("x" * 300 + ".vtt", "cannot be read"),
        ("talk.docx", "is no kind of transcript that is read: give .textgrid, .json"),
        ("", "is no kind of transcript that is read"),
        ("a\nb.vtt", "a b.vtt is not there"),
    ):
        with pytest.raises(TranscriptError) as caught:
            read_transcript(tmp_path / name, recording="talk", duration_s=None)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_speakers_may_talk_over_others_and_themselves(read: Read) -> None:
    rows = [("a", 0, 9, "all"), ("b", 2, 3, "in it"), ("a", 2, 3, "too"), ("b", 8, 12, "after")]
    text = "speaker,start,end,text\n" + "".join(f"{s},{a},{b},{t}\n" for s, a, b, t in rows)
    assert [(u.speaker, u.start_s, u.end_s, u.text) for u in read("talk.csv", text).utterances] == rows
