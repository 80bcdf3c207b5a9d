"""What `audit summary` prints, fitting a terminal of 80 columns, and what it writes."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Group as Lines
from rich.table import Table
from rich.text import Text

from pipeline.audit.summary import Group, Summary
from pipeline.audit.tables import made, plain
from schemas.plain_text import counted

ROWS: Final = 20
"""Values of a kind that are printed; all of them are in the JSON and the CSV."""
HEADS: Final = ("by", "value", "hours", "clips", "recordings", "speakers", "named_speakers")
_FIGURES: Final = ("hours", "clips", "recordings", "speakers", "named")


def summary_lines(summary: Summary) -> Lines:
    """Tables by kind, the licence of the whole, what nobody stated, what is not in the data."""
    parts: list[Table | Text] = []
    for name, groups in summary.groups.items():
        parts += [_table(name, groups, summary.whole), Text("")]
    parts.append(Text("May be used together:"))
    parts += [Text(f"  {line}") for line in summary.licence.lines()]
    if summary.missing:
        rows = [(name, _hours(s), f"{n:,}") for name, (n, s) in summary.missing.items()]
        parts += [Text(""), made(("nobody stated", "hours", "clips"), rows)]
    if summary.losses:
        lost = [(one.stage, one.reason, f"{one.count:,}", _hours(one.seconds)) for one in summary.losses]
        parts += [Text(""), made(("not in the data", "reason", "times", "hours"), lost, left=2)]
    if summary.withdrawn[0]:
        n, s = summary.withdrawn
        line = f"withdrawn.jsonl names {counted(n, 'clip')} ({_hours(s)} h) that the shards still hold: build again"
        parts += [Text(""), Text(line, style="bold")]
    return Lines(*parts)


def _table(name: str, groups: Sequence[Group], whole: Group) -> Table:
    rows = [(plain(group.value), *_figures(group)) for group in groups[:ROWS]]
    if len(groups) > ROWS:
        rest = groups[ROWS:]
        sums = (_hours(sum(g.seconds for g in rest)), f"{sum(g.clips for g in rest):,}", "", "", "")
        rows.append((f"... {len(rest):,} more", *sums))
    return made((name, *_FIGURES), rows, last=("all", *_figures(whole)))


def _figures(group: Group) -> tuple[str, ...]:
    numbers = (group.clips, group.recordings, group.speakers, group.named)
    return (_hours(group.seconds), *(f"{number:,}" for number in numbers))


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.2f}"


def as_json(summary: Summary) -> dict[str, Any]:
    """Everything, in seconds; `hours` are rounded."""
    return {
        "whole": _row(summary.whole),
        "by": {name: [{"value": g.value, **_row(g)} for g in groups] for name, groups in summary.groups.items()},
        "licence": summary.licence.written(),
        "not_stated": {name: _sum(*sums) for name, sums in summary.missing.items()},
        "lost": [asdict(one) for one in summary.losses],
        "withdrawn_in_shards": _sum(*summary.withdrawn),
    }


def _row(group: Group) -> dict[str, Any]:
    return {
        **_sum(group.clips, group.seconds),
        "recordings": group.recordings,
        "speakers": group.speakers,
        "named_speakers": group.named,
    }


def _sum(clips: int, seconds: float) -> dict[str, Any]:
    return {"hours": round(seconds / 3600, 4), "seconds": round(seconds, 3), "clips": clips}


def csv_rows(summary: Summary) -> Iterator[tuple[Any, ...]]:
    """A row of HEADS for each value of each kind, and one for the whole; "" where nobody stated a value."""
    for name, group in (
        *((name, group) for name, groups in summary.groups.items() for group in groups),
        ("all", summary.whole),
    ):
        value = "" if name == "all" else group.value
        hours = round(group.seconds / 3600, 4)
        yield name, value, hours, group.clips, group.recordings, group.speakers, group.named
