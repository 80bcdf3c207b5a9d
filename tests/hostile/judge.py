"""How every hostile input is judged: how a command ends, what it says, what it touched and whom it asked."""

import contextlib
import hashlib
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.cli import main

SECRET: Final = "decoy-7f3a-secret"
"""What decoys hold."""
OBEYED: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys, but for the end of a line."""
LONGEST: Final = 130_000
"""Characters of a line: each of the letters of the longest name that is printed may be spelled out with six."""
CODES: Final = (0, 1, 2, 3)


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


def duplexset(*arguments: object, answer: bool = False) -> Done:
    """The command in this process, judged. A bug is raised as it is. answer: what it printed is a file's content."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(sys, "argv", ["duplexset", *map(str, arguments)]))
        stack.enter_context(mock.patch.dict("os.environ", {"COLUMNS": "80", "NO_COLOR": "1"}))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    done = Done(code, out.getvalue(), err.getvalue())
    assert done.code in CODES, done
    judge_said(done.out, long=answer)
    judge_said(done.err)
    assert done.code == 0 or done.said, "it failed and said nothing"
    assert len(re.findall(r"^duplexset: ", done.err, re.MULTILINE)) <= 1, done.err
    return done


def judge_said(text: str, *, long: bool = False) -> None:
    """Nothing that a terminal obeys, no traceback, nothing of a decoy, and no line without end, unless it may be."""
    assert not OBEYED.search(text), repr(text[max(0, OBEYED.search(text).start() - 60) :][:120])
    assert "Traceback (most recent" not in text
    assert SECRET not in text
    assert long or max(map(len, text.splitlines()), default=0) < LONGEST


def judge_line(error: object) -> None:
    """The message of an error: one line of a length that is read."""
    text = str(error)
    assert "\n" not in text.strip("\n"), text
    assert len(text) < LONGEST
    assert SECRET not in text


def snapshot(folder: Path) -> dict[str, str]:
    """What lies in a folder: names, kinds, targets of links, digests."""
    return {str(path.relative_to(folder)): _state(path) for path in sorted(folder.rglob("*"))}


def _state(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{path.lstat().st_mode:o}"


def judge_files(folder: Path) -> None:
    """No file of a folder has anything of a decoy in it."""
    for path in _files(folder):
        assert SECRET not in _text(path), path


def _text(path: Path) -> str:
    if path.suffix == ".parquet":
        with contextlib.suppress(pa.ArrowException):  # a test may have made it unreadable
            return str(pq.read_table(path).to_pylist())
    return path.read_bytes().decode("latin1")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
