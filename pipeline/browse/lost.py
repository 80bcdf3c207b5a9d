"""What did not get in: recordings that were rejected whole or in part, with reasons, and those in quarantine."""

from collections.abc import Iterable
from typing import Any, Final

from pipeline.browse.filters import PAGE
from pipeline.browse.store import Store
from pipeline.browse.text import BrowseError
from pipeline.quarantine import quarantined
from pipeline.visible import clean, shown

LOSSES: Final = 20
"""Losses of a recording that are shown."""
QUARANTINE: Final = 500
_WHOLE: Final = {"all": "true", "nothing kept": "n_clips = 0", "in part": "n_clips > 0"}


def lost(store: Store, parameters: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """A page of recordings that lost something, those that lost most first.

    parameters: `stage`, `reason`, `kept` (all, nothing kept, in part), `q` (part of a name or of a detail), `page`.
    Raises BrowseError.
    """
    given = dict(parameters)
    if extra := set(given) - {"stage", "reason", "kept", "q", "page"}:
        raise BrowseError(f"there is no filter {shown(sorted(extra)[0], 40)}")
    where, values = _where(given)
    at = given.get("page") or "0"
    if not (at.isascii() and at.isdecimal() and len(at) < 8):
        raise BrowseError("a page is a number from 0 on")
    (sums,) = store.ask(
        f"SELECT count(*) AS n, coalesce(sum(lost_s), 0) AS lost_s FROM recorded WHERE {where}", values
    )
    columns = "uri, uri_b, origin, recording_id, licence, duration_s, kept_s, lost_s, n_clips, notes, lost"
    order = f"ORDER BY lost_s DESC, n_clips, uri LIMIT {PAGE} OFFSET {int(at) * PAGE}"
    rows = store.ask(f"SELECT {columns} FROM recorded WHERE {where} {order}", values)
    return {
        "recordings": [_row(row) for row in rows],
        "total": sums["n"],
        "lost_s": clean(sums["lost_s"]),
        "page": int(at),
        "pages": -(-sums["n"] // PAGE),
        "reasons": reasons(store),
        "quarantined": _quarantined(store),
    }


def _where(given: dict[str, str]) -> tuple[str, list[Any]]:
    kept = given.get("kept") or "all"
    if kept not in _WHOLE:
        raise BrowseError(f"kept is one of {', '.join(_WHOLE)}")
    parts, values = ["len(lost) > 0", _WHOLE[kept]], []
    for name in ("stage", "reason"):
        if given.get(name):
            parts.append(f"list_contains([l.{name} FOR l IN lost], ?)")
            values.append(given[name])
    if given.get("q"):
        parts.append("contains(lower(concat_ws(' ', uri, uri_b, array_to_string([l.detail FOR l IN lost], ' '))), ?)")
        values.append(given["q"].lower())
    return " AND ".join(parts), values


def _row(row: dict[str, Any]) -> dict[str, Any]:
    losses = sorted(row["lost"], key=lambda loss: loss["start_s"])
    return {**clean({**row, "lost": losses[:LOSSES]}, 600), "more": max(0, len(losses) - LOSSES)}


def _quarantined(store: Store) -> list[dict[str, Any]]:
    try:
        found = quarantined(store.out)[:QUARANTINE]
    except (ValueError, OSError):
        return [{"uri": "work/quarantine", "error": "a file in it cannot be read", "duration_s": None}]
    return [clean({"uri": one.uri, "error": one.error, "duration_s": one.duration_s}, 400) for one in found]


def reasons(store: Store) -> list[dict[str, Any]]:
    """Times and seconds by stage and reason, those that cost most first."""
    counted = "SELECT unnest(lost) AS l FROM recorded"
    sums = "l.stage AS stage, l.reason AS reason, count(*) AS n, sum(l.end_s - l.start_s) AS seconds"
    return [
        clean(row) for row in store.ask(f"SELECT {sums} FROM ({counted}) GROUP BY ALL ORDER BY seconds DESC, n DESC")
    ]
