"""What a person sees during a build."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.build import BuildPlan
from pipeline.summary import plan_table
from pipeline.view import View, hours
from schemas.recording import Recording
from schemas.rejection import Reason, Rejection
from schemas.shard import Loss, RecordingRow


def finished(name: str, kept_s: float, *losses: tuple[str, float]) -> RecordingRow:
    return RecordingRow(
        uri=name,
        uri_b=None,
        origin="test",
        recording_id="0",
        licence="CC0-1.0",
        unlicensed=False,
        language=None,
        duration_s=kept_s + sum(s for _, s in losses),
        kept_s=kept_s,
        n_clips=int(kept_s > 0),
        lost=tuple(Loss(stage="x", reason=r, detail="", start_s=0.0, end_s=s) for r, s in losses),
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (90, "1.5 min"), (3_600, "1.00 h"), (36_360, "10.10 h")]
)
def test_durations_in_the_unit_of_a_person(seconds: float, text: str) -> None:
    assert hours(seconds) == text


def test_the_live_table_counts_what_was_done() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with View(console, interactive=True) as view:
        view.preparing(600.0, 3)
        view.finished(finished("old", 100.0), resumed=True)
        view.finished(finished("a", 200.0, ("silence", 20.0), ("too_short", 2.0)))
        view.finished(finished("b", 0.0, ("third_voice", 60.0)))
    plain = Console(file=io.StringIO(), width=100)
    plain.print(view.table())
    shown = plain.file.getvalue()  # type: ignore[attr-defined]
    assert "3 done (1 from an earlier run)" in shown
    assert "2 clips, 5.0 min" in shown
    assert "rejected: third_voice" in shown
    assert "1, 60 s" not in shown
    assert "1, 1.0 min" in shown


HOSTILE = "/data/a\x1b[2J\nb\u202ec\x9b.wav"
VISIBLE = "/data/a\\u001b[2J b\\u202ec\\u009b.wav"


def test_names_are_printed_whole_and_cannot_write_on_the_terminal() -> None:
    said = io.StringIO()
    with View(Console(file=said, width=40), interactive=False) as view:
        view.row(Rejection(uri=HOSTILE, stage="voices", reason=Reason.NO_SPEECH, detail="only [bold]music[/x]"))
        view.say("/data/نمی‌خواهم/通話/ñandú 👩‍🔬.wav " + "x" * 5_000)  # joiners as words are written with them
    first, second = said.getvalue().splitlines()
    assert first == f"rejected (no_speech) {VISIBLE}: only [bold]music[/x]"
    assert second == "/data/نمی‌خواهم/通話/ñandú 👩‍🔬.wav " + "x" * 5_000


def test_tables_print_names_as_they_are_but_for_what_a_terminal_obeys(
    make_recording: Callable[..., Recording],
) -> None:
    source = replace(make_recording("x").source, name=f"{HOSTILE}[/red]")
    missing = [replace(make_recording("x"), source=source, codec="pcm\x1b[0m")]
    said = io.StringIO()
    console = Console(file=said, width=200)
    console.print(plan_table(BuildPlan(there=0, missing=missing, refused=[]), Path("/out\x1b[2J")))
    assert "\x1b" not in said.getvalue()
    for words in (f"{VISIBLE}[/red]", "pcm\\u001b[0m", "nothing was written to /out\\u001b[2J"):
        assert words in said.getvalue()


def test_without_a_terminal_every_rejection_is_a_plain_line() -> None:
    said = io.StringIO()
    with View(Console(file=said, width=40), interactive=False) as view:
        view.row(Rejection(uri="/data/x.wav", stage="voices", reason=Reason.NO_SPEECH, detail="only music " * 9))
        view.quarantined("/data/y.wav", "ValueError: no\nnot at all", Path("/out/work/quarantine/1.txt"))
    lines = said.getvalue().splitlines()
    assert lines[0].startswith("rejected (no_speech) /data/x.wav: only music")
    assert lines[1].startswith("quarantined /data/y.wav: ValueError: no")
    assert len(lines) == 2  # never wrapped: a line stays a line for grep
    assert "\x1b" not in said.getvalue()
