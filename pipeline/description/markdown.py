"""Markdown with text from outside in it: tables and lists in which nothing of that text is markup."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from pipeline.visible import shown

_CELL: Final = 200
"""Characters of a text that are shown."""
_MARKUP: Final = re.compile(r"[&<>|`*\[\]\\#~!$@{}]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?i:(?<=www))\.")
_FIRST: Final = re.compile(r"^(?:[-+=:]|\d+(?=[.)]))")


def escaped(text: str, most: int = _CELL) -> str:
    """A text as it is, on one line, wherever it stands: what Markdown or HTML would obey is a character reference.

    Addresses are no links.
    """
    safe = _MARKUP.sub(lambda sign: f"&#{ord(sign.group())};", shown(text, most).strip())
    return _FIRST.sub(lambda sign: "".join(f"&#{ord(letter)};" for letter in sign.group()), safe)


def code(text: str, most: int = _CELL) -> str:
    """A text as code; the two signs that would end it or its cell are others."""
    return f"`{shown(text, most).replace('`', chr(39)).replace('|', '/').strip() or ' '}`"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, figures: bool = False) -> list[str]:
    """The lines of a table; cells are Markdown already. None where there are no rows.

    figures: every column but the first is of figures, to the right.
    """
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return []
    return [f"| {' | '.join(heads)} |", "|---|" + ("---:|" if figures else "---|") * (len(heads) - 1), *lines]


def items(lines: Iterable[str]) -> list[str]:
    """A list; lines are Markdown already."""
    return [f"- {line}" for line in lines]
