"""Answers as JSON and CSV, in a file or on standard output (`-`); a spreadsheet runs nothing of what is in them."""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from pipeline.outputs import OutputError, check_output
from pipeline.visible import shown
from schemas.atomic import whole_file

STDOUT: Final = "-"
CELL: Final = 10_000
"""Characters of a cell, as many as a field of a licence may have."""
_FORMULA: Final = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\x00-\x1f\x7f]")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def check_targets(**targets: str | None) -> bool:
    """Look at the files of options, by name, before any work; whether one is standard output.

    Raises OutputError for a folder, for a place that is none, or where two are standard output.
    """
    for name, target in targets.items():
        if target is not None and target != STDOUT:
            check_output(Path(target), f"--{name}")
    at_once = [f"--{name}" for name, target in targets.items() if target == STDOUT]
    if len(at_once) > 1:
        raise OutputError(f"{' and '.join(at_once)} cannot both go to standard output: give one of them a file")
    return bool(at_once)


def put_json(target: str | None, value: Any) -> None:
    """Write a value. On standard output every character beyond ASCII is an escape, which no terminal obeys."""
    if target == STDOUT:
        sys.stdout.write(json.dumps(value, indent=1, default=str) + "\n")
    elif target is not None:
        with whole_file(Path(target)) as temporary, temporary.open("w", encoding="utf-8") as file:
            json.dump(value, file, indent=1, ensure_ascii=False, default=str)
            file.write("\n")


@contextmanager
def json_rows(target: str | None, name: str, around: Mapping[str, Any]) -> Iterator[Callable[[Any], None]]:
    """Write an object whose list `name` is given row by row; `around`: the rest, as it is when all rows are there.

    Yields what takes a row; it does nothing where there is no target.
    """
    if target is None:
        yield lambda row: None
        return
    with ExitStack() as stack:
        if target == STDOUT:
            file: TextIO = sys.stdout
        else:
            file = stack.enter_context(stack.enter_context(whole_file(Path(target))).open("w", encoding="utf-8"))
        written = 0

        def put(row: Any) -> None:
            nonlocal written
            text = json.dumps(row, ensure_ascii=target == STDOUT, default=str)
            file.write(f"{',' if written else ''}\n  {text}")
            written += 1

        file.write(f'{{\n "{name}": [')
        yield put
        rest = "".join(
            f",\n {json.dumps(key)}: {json.dumps(value, ensure_ascii=target == STDOUT, default=str)}"
            for key, value in around.items()
        )
        file.write(f"{chr(10) if written else ''}]{rest}\n}}\n")


def put_csv(target: str | None, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows as they come."""
    if target == STDOUT:
        _rows(sys.stdout, heads, rows)
    elif target is not None:
        with whole_file(Path(target)) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            _rows(file, heads, rows)


def _rows(file: TextIO, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    table = csv.writer(file, lineterminator="\n")
    table.writerow([cell(head) for head in heads])
    for row in rows:
        table.writerow([cell(value) for value in row])


def cell(value: Any) -> Any:
    """A value as a cell: on one line, with every character visible, and no formula.

    Texts that a spreadsheet would run begin with an apostrophe, which it takes for "this is text".
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    visible = shown(text, CELL)
    return f"'{visible}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else visible
