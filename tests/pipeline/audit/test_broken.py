"""Folders that are no datasets, or broken ones: a line that says what is wrong and what to do, for every command."""

import re
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import UserError

COMMANDS = (
    ("summary", "{out}"),
    ("show", "{out}", "0"),
    ("query", "{out}", "SELECT 1"),
    ("query", "{out}", "--columns"),
    ("notice", "{out}"),
    ("diff", "{out}", "{whole}"),
    ("diff", "{whole}", "{out}"),
    ("check", "{out}", "--quick"),
)


def broken(kind: str, out: Path) -> str:
    """Break a dataset; what a message must say."""
    index = out / "index"
    if kind == "no index":
        (index / "clips.parquet").unlink()
        return "clips.parquet"
    if kind == "no recordings":
        (index / "recordings.parquet").unlink()
        return r"recordings\.parquet"
    if kind == "cut off":
        (index / "clips.parquet").write_bytes((index / "clips.parquet").read_bytes()[:-100])
        return "cannot be read"
    if kind == "not Parquet":
        (index / "clips.parquet").write_text("clip_id,kept\n")
        return "cannot be read"
    if kind == "withdrawn is no JSON":
        (out / "withdrawn.jsonl").write_text("nonsense\n")
        return r"withdrawn\.jsonl"
    (out / "withdrawn.jsonl").write_bytes(b"\xff\xfe")
    return r"withdrawn\.jsonl"


@pytest.mark.parametrize(
    "kind", ["no index", "no recordings", "cut off", "not Parquet", "withdrawn is no JSON", "withdrawn is no text"]
)
def test_a_broken_dataset(kind: str, dataset: Any, stated: Any, run: Any) -> None:
    made, whole = dataset({"a.wav": stated}), dataset({"a.wav": stated}, out="whole")
    words = broken(kind, made.out)
    for command in COMMANDS:
        with pytest.raises(UserError, match=r"^[^\n]+$") as error:
            run(*(part.replace("{out}", str(made.out)).replace("{whole}", str(whole.out)) for part in command))
        assert re.search(words, str(error.value)), command


def test_no_dataset_and_a_file_in_its_place(dataset: Any, stated: Any, run: Any, tmp_path: Path) -> None:
    whole = dataset({"a.wav": stated}, out="whole")
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for name in ("file", "empty", "none"):
        for command in COMMANDS:
            with pytest.raises(UserError, match=r"^[^\n]+$") as error:
                parts = (part.replace("{out}", str(tmp_path / name)) for part in command)
                run(*(part.replace("{whole}", str(whole.out)) for part in parts))
            assert str(tmp_path / name) in str(error.value)


def test_a_build_that_was_taken_away_leaves_what_an_auditor_needs(dataset: Any, stated: Any, run: Any) -> None:
    """Nothing of work/ is read."""
    import shutil

    made = dataset({"a.wav": stated})
    shutil.rmtree(made.out / "work")
    for command in COMMANDS:
        parts = [part.replace("{out}", str(made.out)).replace("{whole}", str(made.out)) for part in command]
        parts = [min(made.clips) if part == "0" else part for part in parts]
        assert run(*parts).exit_code == 0, command


def test_without_a_command_there_is_help(run: Any) -> None:
    printed = run()
    for command in ("summary", "show", "query", "notice", "diff", "check"):
        assert command in printed.output
