"""What `audit diff` prints and writes."""

import re
from collections.abc import Iterator
from typing import Any, Final

from rich.console import Group as Lines
from rich.table import Table
from rich.text import Text

from pipeline.audit.diff import Change, Difference, Totals
from pipeline.audit.tables import made, plain

SHOWN: Final = 5
"""Differences of a kind that are printed; all of them are in the JSON and the CSV."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
HEADS: Final = ("what", "name", "field", "old", "new", "reason", "seconds")


def diff_lines(found: Difference, totals: Totals) -> Lines:
    """How much differs, hours by licence, and the first differences of each kind."""
    parts: list[Text | Table] = [Text(note) for note in found.notes]
    if totals.same:
        return Lines(*parts, Text("nothing differs"))
    rows = [(what, more or "-", f"{n:,}", _hours(s)) for (what, more), (n, s) in totals.counts.items()]
    parts += [made(("what", "field or reason", "count", "hours"), rows, left=2), Text("")]
    hours = [
        (plain(name), _hours(before), _hours(after), f"{(after - before) / 3600:+,.2f}")
        for name, (before, after) in totals.licences.items()
    ]
    parts += [made(("licence", "hours before", "after", "change"), hours), Text("")]
    seen: dict[tuple[str, str | None], int] = {}
    for change in _first(found.changes(), totals, seen):
        parts.append(Text(_line(change)))
    left = sum(n for n, _ in totals.counts.values()) - sum(seen.values())
    if left > 0:
        parts.append(Text(f"... and {left:,} more: --json and --csv have all of them"))
    return Lines(*parts)


def _first(changes: Iterator[Change], totals: Totals, seen: dict[tuple[str, str | None], int]) -> Iterator[Change]:
    """The first SHOWN of each kind; it ends when no kind has more to show."""
    kinds = {(what, more if what == "clip changed" else None): n for (what, more), (n, _) in totals.counts.items()}
    left = sum(min(SHOWN, n) for n in kinds.values())
    for change in changes:
        kind = (change.what, change.field if change.what == "clip changed" else None)
        if seen.get(kind, 0) < SHOWN:
            seen[kind] = seen.get(kind, 0) + 1
            left -= 1
            yield change
        if left <= 0:
            return


def _line(change: Change) -> str:
    name = plain(change.name)
    if change.what in ("clip changed", "setting changed"):
        where = f"clip {name}, {change.field}" if change.field else name
        return f"{where}: {_value(change.old)} -> {_value(change.new)}"
    return f"{change.what}: {name}" + (f" ({plain(change.reason)})" if change.reason else "")


def _value(value: Any) -> str:
    """Of a digest the beginning."""
    return f"{value[:12]}..." if isinstance(value, str) and _DIGEST.fullmatch(value) else plain(value)


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.2f}"


def as_json(totals: Totals) -> dict[str, Any]:
    """Everything but the changes themselves."""
    counts = [
        {"what": what, "field_or_reason": more or None, "count": n, "seconds": round(seconds, 3)}
        for (what, more), (n, seconds) in totals.counts.items()
    ]
    licences = {
        name: {"seconds_before": round(before, 3), "seconds_after": round(after, 3)}
        for name, (before, after) in totals.licences.items()
    }
    return {"same": totals.same, "counts": counts, "licences": licences}


def csv_rows(found: Difference) -> Iterator[tuple[Any, ...]]:
    """A row of HEADS for each difference."""
    for c in found.changes():
        yield c.what, c.name, c.field or "", c.old, c.new, c.reason or "", c.seconds
