"""Which files beside a recording are its transcript."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.recording import Recording, Source
from stages.ingest import transcript_of, with_transcript
from stages.transcripts.beside import beside
from stages.transcripts.read import SUFFIXES, TranscriptError, read_channel_files


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"x")


def names_of(folder: Path, audio: str) -> list[str]:
    return [p.name for p in beside(folder / audio)]


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".TextGrid", ".VTT"])
def test_every_kind_by_the_name_of_the_recording(tmp_path: Path, suffix: str) -> None:
    touch(tmp_path, "talk.wav", "talker.wav", "talker.vtt", "talk2.json", f"talk{suffix}", "talk.md")
    assert names_of(tmp_path, "talk.wav") == [f"talk{suffix}"]
    assert names_of(tmp_path, "other.wav") == []


def test_of_several_the_one_that_tells_most(tmp_path: Path) -> None:
    touch(tmp_path, "talk.wav", "talk.txt", "talk.rttm", "talk.stm", "talk.TextGrid")
    assert names_of(tmp_path, "talk.wav") == ["talk.TextGrid"]


def test_a_text_for_each_speaker(tmp_path: Path) -> None:
    touch(tmp_path, "talk.v2.wav", "talk.v2.anna.txt", "talk.v2.ben b.txt", "talk.v2.ben b.txt.md5", "talk.v2.rttm")
    assert names_of(tmp_path, "talk.v2.wav") == ["talk.v2.anna.txt", "talk.v2.ben b.txt"]
    touch(tmp_path, "talk.v2.txt")
    assert names_of(tmp_path, "talk.v2.wav") == ["talk.v2.txt"]


def test_texts_of_other_recordings_are_not_taken(tmp_path: Path) -> None:
    touch(tmp_path, "k.wav", "k.left.wav", "k.right.wav", "k.left.txt", "k.right.txt")
    assert names_of(tmp_path, "k.wav") == []
    assert names_of(tmp_path, "k.left.wav") == ["k.left.txt"]


def test_the_names_of_a_large_folder_are_listed_once(tmp_path: Path) -> None:
    names = sorted([*(f"{k:05d}.wav" for k in range(999)), *(f"{k:05d}.vtt" for k in range(500))])
    found = [beside(tmp_path / f"{k:05d}.wav", names) for k in range(999)]
    assert [len(paths) for paths in found] == [1] * 500 + [0] * 499
    assert found[7] == (tmp_path / "00007.vtt",)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match="cannot be read"):
        beside(tmp_path / "none" / "talk.wav")


VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\n{first}\n\n00:05.000 --> 00:06.000\n{second}\n"


def test_a_transcript_for_each_file_of_a_pair_is_of_its_channel(tmp_path: Path) -> None:
    (tmp_path / "k.left.vtt").write_text(VTT.format(first="<v Anna>hello", second="<v Anna>bye"))
    (tmp_path / "k.right.txt").write_text("well: yes\nno\n")
    pair = Source(
        uri="/x/k.left.wav",
        uri_b="/x/k.right.wav",
        origin="test",
        transcript=(str(tmp_path / "k.left.vtt"), str(tmp_path / "k.right.txt")),
    )
    said = {(u.speaker, u.text, u.start_s) for u in transcript_of(pair, 10.0).utterances}
    assert said == {
        ("left", "hello", 1.0),
        ("left", "bye", 5.0),
        ("right", "well: yes", None),
        ("right", "no", None),
    }


def test_a_file_of_one_channel_that_names_two_speakers_is_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "k.left.vtt", tmp_path / "k.right.vtt"]
    paths[0].write_text(VTT.format(first="<v Anna>hello", second="<v Ben>bye"))
    paths[1].write_text(VTT.format(first="<v Ben>hello", second="<v Ben>bye"))
    with pytest.raises(
        TranscriptError, match=r"k\.left\.vtt: names 2 speakers \('Anna', 'Ben'\), but is of one channel"
    ):
        read_channel_files(paths, duration_s=10.0)


def test_files_of_speakers_that_are_not_named_as_the_pair_are_told_apart_by_their_names(tmp_path: Path) -> None:
    paths = [tmp_path / "ben.txt", tmp_path / "anna.txt"]
    for path in paths:
        path.write_text("hello\n")
    pair = Source(uri="/x/k.left.wav", uri_b="/x/k.right.wav", origin="test", transcript=tuple(map(str, paths)))
    assert {u.speaker for u in transcript_of(pair, None).utterances} == {"anna", "ben"}


SRT = "1\n00:00:01,000 --> 00:00:02,000\nANNA: hello\n"


def call(
    make_recording: Callable[..., Recording], folder: Path, *transcript: str, name: str = "a/k.wav"
) -> Recording:
    """A recording of a manifest in `folder`."""
    made = make_recording(name)
    paths = tuple(text if "://" in text else str(folder / text) for text in transcript)
    source = replace(made.source, uri=str(folder / name), name=name, transcript=paths, origin="m.csv line 2")
    return with_transcript(replace(made, source=source, duration_s=10.0))


def test_one_that_is_broken_leaves_the_next_kind(make_recording: Callable[..., Recording], tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    touch(tmp_path / "a", "k.TextGrid", "k.json", "k.wav")
    (tmp_path / "a" / "k.TextGrid").write_bytes(b"")
    (tmp_path / "a" / "k.json").write_text("[]")
    (tmp_path / "a" / "k.srt").write_text(SRT)
    found = call(make_recording, tmp_path, "a/k.TextGrid")
    assert found.transcript is not None
    assert found.transcript.names == ("k.srt",)
    assert found.source.transcript == (str(tmp_path / "a/k.srt"),)
    assert found.notes == (
        "transcript: left out: a/k.TextGrid is empty (0 bytes): write the transcript to it, or take it away",
        "transcript: left out: a/k.json: it has no utterances",
    )


def test_a_second_one_that_is_not_read_is_said(make_recording: Callable[..., Recording], tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "k.srt").write_text(SRT)
    (tmp_path / "a" / "k.vtt").write_text(VTT.format(first="<v Anna>hello", second="<v Anna>bye"))
    touch(tmp_path / "a", "k2.stm", "k.wav")
    found = call(make_recording, tmp_path, "a/k.vtt")
    assert found.notes == ("transcript: k.vtt and k.srt lie beside k.wav: k.vtt is used",)
    assert call(make_recording, tmp_path, "a/k.srt").notes == ()  # another one was named


def test_of_a_pair_each_file_has_its_own(make_recording: Callable[..., Recording], tmp_path: Path) -> None:
    (tmp_path / "k.left.vtt").write_text("")
    for name in ("k.left.srt", "k.right.srt"):
        (tmp_path / name).write_text(SRT)
    made = make_recording("k.left.wav")
    texts = (str(tmp_path / "k.left.vtt"), str(tmp_path / "k.right.srt"))
    uris = {"uri": str(tmp_path / "k.left.wav"), "uri_b": str(tmp_path / "k.right.wav")}
    found = with_transcript(replace(made, source=replace(made.source, transcript=texts, **uris), duration_s=10.0))
    assert found.transcript is not None
    assert found.transcript.names == ("k.left.srt", "k.right.srt")
    assert len(found.notes) == 1


@pytest.mark.parametrize(
    ("transcript", "note"),
    [
        ("words/nope.csv", "words/nope.csv is not there, or no file: correct the path of the transcript"),
        ("../outside.csv", "../outside.csv is not there, or no file: correct the path of the transcript"),
        (
            "https://x.org/a.vtt",
            "https://x.org/a.vtt: transcripts are read from local files: fetch it and give its path",
        ),
        ("|", "| is no kind of transcript that is read"),
    ],
)
def test_one_that_is_missing_is_named_as_the_manifest_names_it(
    make_recording: Callable[..., Recording], tmp_path: Path, transcript: str, note: str
) -> None:
    found = call(make_recording, tmp_path, transcript)
    assert found.transcript is None
    (said,) = found.notes
    assert said.startswith(f"left without words: {note}")
    assert said.endswith(" (m.csv line 2)")
