"""What a person names to withdraw it, and the clips that this stands for."""

from dataclasses import dataclass
from typing import Any, Final

import duckdb

from pipeline.browse.filters import Condition
from pipeline.catalog import bounded
from pipeline.licences.expressions import normalise
from pipeline.visible import shown
from schemas.errors import UserError

KINDS: Final = ("recording", "speaker", "source", "licence", "clip")
LONGEST: Final = 4_000
"""Characters of a name."""
PATIENCE_S: Final = 3_600.0
_LEAST: Final = 8
"""Digits of an id that are enough, if no other begins like that."""


class WithdrawError(UserError):
    """What cannot be withdrawn: why, and what to do."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is withdrawn: a kind of KINDS, and its name."""

    kind: str
    value: str


def direct(selection: Selection) -> Condition:
    """The clips of a selection, as a condition on the flat columns of the index."""
    value = selection.value
    if selection.kind == "speaker":
        return Condition("list_contains(speakers, ?) OR list_contains(stated_speakers, ?)", (value, value))
    column = {"recording": "recording_id", "source": "source_url", "licence": "licence", "clip": "clip_id"}
    return Condition(f"{column[selection.kind]} = ?", (value,))


def ask(catalog: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows of one of our own questions. Raises CatalogError."""
    with bounded(catalog, PATIENCE_S) as cursor:
        return cursor.execute(sql, list(values)).fetchall()


def resolved(catalog: duckdb.DuckDBPyConnection, given: Selection) -> Selection:
    """The selection by whole ids and SPDX. Raises WithdrawError, LicenceError where it names nothing or several."""
    if len(given.value) > LONGEST or "\0" in given.value or not given.value:
        raise WithdrawError(f"--{given.kind}: give a name of 1 to {LONGEST:,} characters")
    if given.kind == "recording":
        return Selection("recording", _recording(catalog, given.value))
    if given.kind == "clip":
        return Selection("clip", _clip(catalog, given.value))
    if given.kind == "licence":
        there = ask(catalog, "SELECT 1 FROM recordings WHERE licence = ? LIMIT 1", given.value)
        return given if there else Selection("licence", normalise(given.value))
    return given


def _recording(catalog: duckdb.DuckDBPyConnection, name: str) -> str:
    """The id of a recording by its id, how that begins, or what the index calls its file."""
    named = ask(
        catalog,
        "SELECT DISTINCT recording_id FROM recordings WHERE recording_id IS NOT NULL"
        " AND (recording_id = ? OR uri = ? OR uri_b = ?) ORDER BY 1 LIMIT 6",
        *(name, name, name),
    )
    found = named or _beginning(catalog, "recordings", "recording_id", name)
    return _only(found, "recording", name)


def _clip(catalog: duckdb.DuckDBPyConnection, name: str) -> str:
    named = ask(catalog, "SELECT DISTINCT clip_id FROM clips WHERE clip_id = ?", name)
    return _only(named or _beginning(catalog, "clips", "clip_id", name), "clip", name)


def _beginning(catalog: duckdb.DuckDBPyConnection, view: str, column: str, start: str) -> list[tuple[Any, ...]]:
    if len(start) < _LEAST:
        return []
    sql = f"SELECT DISTINCT {column} FROM {view} WHERE starts_with({column}, ?) ORDER BY 1 LIMIT 6"
    return ask(catalog, sql, start)


def _only(found: list[tuple[Any, ...]], kind: str, name: str) -> str:
    if not found:
        raise WithdrawError(
            f"--{kind} {shown(name, 100)}: nothing in the dataset has this name, nor an id that begins like that "
            f"(give {_LEAST} digits at least); see `duplexset browse OUT`"
        )
    if len(found) > 1:
        ids = ", ".join(str(one)[:16] for (one,) in found[:5])
        raise WithdrawError(f"--{kind} {shown(name, 100)} is the name of several: give the id ({ids}, ...)")
    return str(found[0][0])
