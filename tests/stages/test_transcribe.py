"""A span gets the words of its recording's transcript; times by a made aligner."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.aligner.place import PAD_S
from schemas.conversation import Diarized, Segment, Span, Worded
from schemas.recording import LaidOut, Layout, LayoutKind, Recording
from schemas.transcript import DOUBT, TimedWord
from stages.ingest import with_transcript
from stages.transcribe import Transcribe, with_words
from stages.transcripts.read import read_transcript

SRT = """1
00:00:11,000 --> 00:00:13,000
ANNA: did you call

2
00:00:12,500 --> 00:00:14,500
BEN: not yet

3
00:00:31,000 --> 00:00:32,000
ANNA: then do
"""


@pytest.fixture
def row(make_recording: Callable[..., Recording], tmp_path: Path) -> Diarized:
    """Ten to thirty seconds of forty; channel 1 is Anna's, by when she speaks."""
    path = tmp_path / "call.srt"
    path.write_text(SRT)
    made = make_recording("call.wav")
    source = replace(made.source, uri=str(tmp_path / "call.wav"), speakers=None, transcript=(str(path),))
    recording = with_transcript(replace(made, source=source, duration_s=40.0))
    layout = Layout(kind=LayoutKind.SEPARATE, leakage_db=(-120, -120), leakage_delay_s=(0.0, 0.0), coherence=0.0)
    pcm = np.zeros((2, 20 * 24_000), np.int16)
    pcm[1] = 7
    return Diarized(
        span=Span(
            source=LaidOut(recording=recording, layout=layout, n_samples=40 * 24_000),
            start_sample=10 * 24_000,
            end_sample=30 * 24_000,
            pcm=pcm.tobytes(),
            speech=b"",
        ),
        segments=(Segment(channel=1, start_s=1.0, end_s=3.0), Segment(channel=0, start_s=2.5, end_s=4.5)),
    )


class EverySecond:
    """Places words half a second apart from the utterance's start on, but the last; it hears whose channel it is."""

    name = "made"
    digest = ""

    def missing(self, language: str | None) -> str | None:
        return None if language == "en" else "it knows English"

    def align(
        self, audio: NDArray[np.float32], words: Sequence[str], *, language: str | None
    ) -> list[TimedWord | None]:
        assert ("did" in words) == (audio[0] > 0.0)
        placed = [
            TimedWord(text=w, start_s=PAD_S + i / 2, end_s=PAD_S + i / 2 + 0.4, confidence=0.0001)
            for i, w in enumerate(words)
        ]
        return [*placed[:-1], None]


def test_words_go_to_the_channel_of_who_says_them_on_the_clips_clock(row: Diarized) -> None:
    recording = row.span.source.recording
    assert recording.transcript is not None
    read = read_transcript([Path(p) for p in recording.source.transcript], recording="call", duration_s=40.0)
    made = with_words(row, recording.transcript, read, EverySecond)
    assert [(w.channel, w.text, w.start_s) for w in made.words] == [
        (1, "did", 1.0),
        (1, "you", 1.5),
        (1, "call", 1.9),
        (0, "not", 2.5),
        (0, "yet", 2.9),
    ]
    assert [w.confidence for w in made.words] == [0.001, 0.001, 0.0, 0.001, 0.0]
    assert made.transcript is not None
    assert made.transcript.speakers == ("BEN", "ANNA")
    assert made.transcript.certain
    assert made.transcript.aligner == "made"
    assert made.transcript.approximate == 2
    assert made.transcript.file.names == ("call.srt",)
    assert made.transcript.notes == ("words share out their utterance's time: it knows English",)


def test_times_that_the_transcript_has_are_kept_and_no_aligner_is_asked(row: Diarized, tmp_path: Path) -> None:
    path = tmp_path / "call.ctm"
    path.write_text("call A 12.6 0.4 not 0\ncall A 13.0 0.5 yet\ncall B 11.1 0.3 did\n")
    recording = row.span.source.recording
    assert recording.transcript is not None
    read = read_transcript(path, recording="call", duration_s=40.0)

    def never() -> EverySecond:
        raise AssertionError

    made = with_words(row, recording.transcript, read, never)
    assert [(w.channel, w.text, w.start_s, w.end_s, w.confidence) for w in made.words] == [
        (1, "did", 1.1, 1.4, 1.0),
        (0, "not", 2.6, 3.0, 0.001),
        (0, "yet", 3.0, 3.5, 1.0),
    ]
    assert made.transcript is not None
    assert (made.transcript.aligner, made.transcript.approximate) == (None, 0)


def with_csv(row: Diarized, tmp_path: Path, text: str) -> Worded:
    """A span with the words of a transcript that ends in `.csv`, or else in `.json`."""
    path = tmp_path / ("call.json" if text.startswith("{") else "call.csv")
    path.write_text(text)
    read = read_transcript(path, recording="call", duration_s=40.0)
    recording = row.span.source.recording
    assert recording.transcript is not None
    return with_words(row, recording.transcript, read, Everywhere)


class Everywhere:
    """Places the words evenly, sure of those that are `said`, and not at all of others."""

    name = "made"
    digest = ""

    def missing(self, language: str | None) -> str | None:
        return None

    def align(
        self, audio: NDArray[np.float32], words: Sequence[str], *, language: str | None
    ) -> list[TimedWord | None]:
        step_s = audio.size / 24_000 / len(words)
        return [
            TimedWord(text=w, start_s=i * step_s, end_s=(i + 0.9) * step_s, confidence=0.9 if w == "said" else 0.02)
            for i, w in enumerate(words)
        ]


def test_one_word_without_times_leaves_the_others_theirs(row: Diarized, tmp_path: Path) -> None:
    words = [("on", 11.0, 11.4), ("12", None, None), ("may", 12.0, 12.5), ("so", 12.5, 12.5), ("then", 12.5, 13.0)]
    listed = [{"word": w, **({} if a is None else {"start": a, "end": b})} for w, a, b in words]
    segment = {"start": 11.0, "end": 13.0, "speaker": "ANNA", "text": "on 12 may so then", "words": listed}
    made = with_csv(row, tmp_path, json.dumps({"segments": [segment]}))
    assert [(w.text, w.confidence) for w in made.words] == [
        ("on", 1.0),
        ("12", 0.02),
        ("may", 1.0),
        ("so", 0.0),
        ("then", 1.0),
    ]
    assert [(w.start_s, w.end_s) for w in made.words] == [
        (1.0, 1.4),
        (1.4, 1.94),
        (2.0, 2.495),
        (2.495, 2.505),
        (2.505, 3.0),
    ]
    assert made.transcript is not None
    assert made.transcript.approximate == 1


def test_a_transcript_that_lies_in_silence_is_doubted_in_one_line(row: Diarized, tmp_path: Path) -> None:
    head, right = "speaker,start,end,text\n", "ANNA,11,13,so it is\nBEN,12.5,14.5,mhm\n"
    shifted = "ANNA,16,18,so it is\nBEN,17.5,19.5,mhm\n"
    made, late = (with_csv(row, tmp_path, head + text).transcript for text in (right, shifted))
    assert made is not None and late is not None
    assert (made.certain, made.notes) == (True, ())
    assert not late.certain
    assert late.notes == (f"{DOUBT} Only 0 % of what it says lies in speech there: look at it and its times",)


def test_words_that_the_sound_is_not_of_are_doubted_and_heard_ones_vouch_for_the_times(
    row: Diarized, tmp_path: Path
) -> None:
    head = "speaker,start,end,text\n"
    other = f"ANNA,11,13,{'other ' * 6}\nBEN,12.5,14.5,{'other ' * 6}\n"
    whole = f"ANNA,10,29,{'said ' * 6}\nBEN,10,29,{'said ' * 6}\n"
    unlike, heard = (with_csv(row, tmp_path, head + text).transcript for text in (other, whole))
    assert unlike is not None and heard is not None
    assert not unlike.certain
    assert unlike.notes == (f"{DOUBT} The sound is not that of its words (median confidence 0.02): look at it",)
    assert not any(note.startswith(DOUBT) for note in heard.notes)


def test_one_speaker_who_hardly_touches_speech_is_doubted(row: Diarized, tmp_path: Path) -> None:
    text = "speaker,start,end,text\nANNA,11,13,so it is\nBEN,14.4,15.4,mhm\n"
    made = with_csv(row, tmp_path, text).transcript
    assert made is not None
    assert made.notes == (
        f"{DOUBT} Only 0 % of what it says on channel 0 lies in speech there: look at it and its times",
    )
    assert not made.certain


def test_impossibly_many_words_are_said_and_each_has_a_duration(row: Diarized, tmp_path: Path) -> None:
    made = with_csv(row, tmp_path, f"speaker,start,end,text\nANNA,11,13,{'no ' * 6_000}\nBEN,12.5,14.5,not yet\n")
    assert made.transcript is not None
    assert made.transcript.notes == ("1 utterance of more than 10 words a second: are their times right?",)
    crowd = [w for w in made.words if w.channel == 1]
    assert len(crowd) == made.transcript.approximate == 6_000
    assert all(1.0 <= w.start_s < w.end_s <= 3.0 for w in crowd)
    assert all(a.end_s <= b.start_s for a, b in pairwise(crowd))


def test_our_own_mark_of_a_word_without_a_place_stays(row: Diarized, tmp_path: Path) -> None:
    ours = {
        "alignments": [["did", [11.1, 11.4], "ANNA"], ["not", [12.6, 13.0], "BEN"]],
        "duplexset": {"confidence": [0.0, 0.5]},
    }
    made = with_csv(row, tmp_path, json.dumps(ours))
    assert [(w.text, w.confidence) for w in made.words] == [("did", 0.0), ("not", 0.5)]
    assert made.transcript is not None
    assert made.transcript.approximate == 1


def test_without_a_transcript_there_are_no_words(row: Diarized) -> None:
    recording = replace(row.span.source.recording, transcript=None)
    source = replace(row.span.source, recording=recording)
    bare = replace(row, span=replace(row.span, source=source))
    made = Transcribe().load("cpu")(bare)
    assert (made.words, made.transcript) == ((), None)


def test_one_that_turns_out_to_be_past_the_end_leaves_the_clip_without_words_and_says_so(row: Diarized) -> None:
    source = replace(row.span.source, n_samples=20 * 24_000)
    made = Transcribe().load("cpu")(replace(row, span=replace(row.span, source=source)))
    assert made.words == ()
    assert made.transcript is not None
    assert len(made.transcript.notes) == 1
    assert made.transcript.notes[0].startswith("left without words: call.srt")
    assert "past the end of the recording" in made.transcript.notes[0]


def test_ingest_notes_what_is_wrong_with_a_transcript_and_keeps_the_recording(
    make_recording: Callable[..., Recording], tmp_path: Path
) -> None:
    path = tmp_path / "call.json"
    path.write_text("{")
    made = make_recording("call.wav")
    given = replace(made, source=replace(made.source, transcript=(str(path),)))
    found = with_transcript(given)
    assert found.transcript is None
    (note,) = found.notes
    assert note.startswith("left without words: call.json")
    assert str(tmp_path) not in note
    assert replace(found, notes=()) == given
