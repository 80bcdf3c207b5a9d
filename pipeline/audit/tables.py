"""Tables on a terminal: values of others on one line each, cut, with nothing in them that the terminal obeys."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.console import Group as Lines
from rich.table import Column, Table
from rich.text import Text

from pipeline.clip_trace import Step
from pipeline.visible import shown
from schemas.plain_text import counted

VALUE: Final = 100
"""Characters of a value in a table."""
MOST: Final = 8
"""Columns of an answer that stand beside one another."""
FACT: Final = 2_000
NAME: Final = 28
"""Columns of the names of facts."""


def plain(value: Any, most: int = VALUE) -> str:
    """A value in words: yes and no, and what nobody stated."""
    if value is None or value in ("", []):
        return "(not stated)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown(", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value), most)


def made(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1, last: Sequence[str] | None = None
) -> Table:
    """A table whose first `left` columns are text and fold, the others figures; `last`: a line of sums."""
    columns = [
        Column(head, overflow="fold", ratio=1 if at == 0 else None)
        if at < left
        else Column(head, justify="right", no_wrap=True)
        for at, head in enumerate(heads)
    ]
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    if last is not None:
        table.add_section()
        table.add_row(*(Text(cell) for cell in last))
    return table


def console(*, stderr: bool = False) -> Console:
    """A terminal on which nothing is coloured by guess."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=False, stderr=stderr)


def chain_lines(title: str, steps: Iterable[Step]) -> Lines:
    """Facts by steps, a heading each; a name that comes again is printed once."""
    parts: list[Text | Table] = [Text(title, style="bold")]
    for step in steps:
        table = Table.grid(
            Column(width=NAME, overflow="fold"), Column(overflow="fold", ratio=1), padding=(0, 2, 0, 2)
        )
        before = ""
        for name, value in step.facts:
            table.add_row(Text("" if name == before else shown(name, 200)), Text(plain(value, FACT)))
            before = name
        parts += [Text(""), Text(shown(step.title), style="bold"), table]
    return Lines(*parts)


def answer_lines(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> Lines | Table:
    """Whatever rows: a table whose figures stand on the right; of many columns a line each, row by row."""
    if len(heads) > MOST:
        steps = [
            Step(f"row {number}", tuple(zip(heads, map(_answer, row), strict=True)))
            for number, row in enumerate(rows)
        ]
        return chain_lines(counted(len(rows), "row"), steps)
    cells = [[_answer(value) for value in row] for row in rows]
    figures = [all(isinstance(row[at], str) is False for row in cells) for at in range(len(heads))]
    columns = [
        Column(shown(head, 60), justify="right" if right and cells else "left", overflow="fold")
        for head, right in zip(heads, figures, strict=True)
    ]
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for row in cells:
        table.add_row(*(Text(cell if isinstance(cell, str) else _figure(cell)) for cell in row))
    return table


def _answer(value: Any) -> str | int | float | None:
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return shown(text, VALUE)


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}".rstrip("0").rstrip(".")
