"""Transcripts that were not read: told by reason, with how many and a few names."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from pipeline.build import BuildResult
from pipeline.report.flow import Flow
from pipeline.summary import result_table
from pipeline.unread import Unread
from pipeline.view import View
from schemas.clip import Clip
from schemas.prepared import recording_row
from schemas.recording import Recording
from schemas.shard import RecordingRow
from schemas.transcript import UNREAD, Transcribed

ROW = RecordingRow(
    uri="a.wav", uri_b=None, origin="test", recording_id="0", licence="MIT", unlicensed=False, language=None,
    duration_s=1.0, kept_s=1.0, n_clips=1, lost=(),
)  # fmt: skip


def row(name: str, *notes: str) -> RecordingRow:
    return replace(ROW, uri=name, notes=notes)


def told(*rows: RecordingRow) -> str:
    unread = Unread()
    for one in rows:
        unread.add(one)
    return unread.words()


def test_none_where_all_were_read() -> None:
    assert told(row("a.wav"), row("b.wav", "transcript: b.srt: cues out of order (3)")) == ""


def test_one_is_told_in_its_own_words() -> None:
    said = told(row("a.wav", "another note", "left without words: a.srt, line 3: no time '1:x'"), row("b.wav"))
    assert said == "1 transcript was not read: a.srt, line 3: no time '1:x' (a.wav)"


def test_reasons_are_grouped_whatever_the_file_the_line_and_the_quote() -> None:
    rows = [row(f"c{n}.wav", f"left without words: c{n}.srt, line {n}: no time '{n}:x'") for n in range(5)]
    said = told(row("x.wav", "left without words: x.json is not JSON"), *rows)
    assert said == (
        "6 transcripts were not read: 5 as c0.srt, line 0: no time '0:x' (c0.wav, c1.wav, c2.wav, ...); "
        "x.json is not JSON (x.wav)"
    )


def test_rare_reasons_are_counted_together() -> None:
    words = ("one", "two", "three", "four", "five")
    said = told(*(row(f"{word}.wav", f"left without words: because of {word}") for word in words))
    assert said.startswith("5 transcripts were not read: because of five (five.wav); because of four")
    assert said.endswith("; 2 for other reasons")


def test_a_transcript_that_turns_out_to_be_wrong_later_is_a_note_of_the_recording_too(
    make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]
) -> None:
    recording, late = make_recording("a.wav"), f"{UNREAD}a.srt ends past the end of the recording"
    infos = [
        replace(make_clip(recording, n).info, transcript=Transcribed(notes=(late, "two words left out")))
        for n in (0, 1)
    ]
    made = recording_row(replace(recording, notes=("transcript: odd",)), infos, [])
    assert made.notes == ("transcript: odd", late)
    said = io.StringIO()
    with View(Console(file=said, width=300), interactive=False) as view:
        for n in (0, 1):
            view.row(replace(make_clip(recording, n), info=infos[n]))
        view.finished(made)
    assert said.getvalue().count(late) == 1
    assert said.getvalue().count("two words left out") == 2


def test_the_summary_and_the_flow_of_the_report_tell_them(tmp_path: Path) -> None:
    rows = [row("b.wav", "left without words: b.json is not JSON"), row("a.wav")]
    flow, said = Flow(), io.StringIO()
    for one in rows:
        flow.add(one)
    result = BuildResult(recordings=rows, shards=[], packed_now=0, quarantined=[])
    Console(file=said, width=300).print(result_table(result, tmp_path))
    words = "1 transcript was not read: b.json is not JSON (b.wav)"
    assert flow.transcripts.words() == words
    assert f"{words}; see notes in {tmp_path}/index/recordings.parquet" in said.getvalue()
