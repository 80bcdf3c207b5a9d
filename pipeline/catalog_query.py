"""A question in SQL, written by a person, to the indexes of a dataset.

It runs in a process of its own, which can write no file and has bounded memory and time; the database in it reads the
two indexes and nothing else (`pipeline.catalog`). Only a single SELECT is accepted.
"""

import json
import os
import re
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from pipeline.catalog import TIMEOUT_S, CatalogError, bounded, one_line, open_catalog
from schemas.errors import UserError

ADDRESSES: Final = 3 * 2**30
ANSWER: Final = 64 * 2**20
"""Bytes of an answer, as JSON."""
LONGEST: Final = 100_000
"""Characters of a question."""
_START_S: Final = 10.0


class QueryError(CatalogError):
    """A question that is not answered: what is wrong with it, in a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`rows`: at most as many as were asked for; `more`: whether there are others."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool


def select(out: Path, sql: str, limit: int = 1_000, timeout_s: float = TIMEOUT_S) -> Answer:
    """The first `limit` rows that a SELECT over `clips`, `recordings` and `losses` gives. Raises CatalogError.

    Dates and decimals come as text, structs as dictionaries, lists as lists.
    """
    if len(sql) > LONGEST or "\0" in sql or any("\ud800" <= letter <= "\udfff" for letter in sql):
        raise QueryError(f"a question is text of at most {LONGEST} characters")
    question = json.dumps({"out": str(out), "sql": sql, "limit": limit, "timeout_s": timeout_s})
    root = str(Path(__file__).parents[1])
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "pipeline.catalog_query"],
            input=question.encode(),
            capture_output=True,
            timeout=timeout_s + _START_S,
            check=False,
            env={"PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])},
        )
    except subprocess.TimeoutExpired as error:
        raise QueryError(f"no answer within {timeout_s:g} s: ask for less") from error
    if done.returncode or not done.stdout:
        raise QueryError("the answer needs more memory or time than a question may take: ask for less")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise QueryError(answer["error"])
    return Answer(columns=tuple(answer["columns"]), rows=tuple(map(tuple, answer["rows"])), more=answer["more"])


def ask(catalog: duckdb.DuckDBPyConnection, sql: str, limit: int, timeout_s: float) -> Answer:
    """The same in this process, bounded only as far as the database is. Raises CatalogError."""
    with bounded(catalog, timeout_s) as cursor:
        statements = cursor.extract_statements(sql)
        if len(statements) != 1:
            raise QueryError(f"give one SELECT, not {len(statements)} statements")
        (statement,) = statements
        if (kind := _kind(statement)) != "SELECT":
            raise QueryError(f"only SELECT is answered, not {kind}: nothing can be changed from here")
        found = _answered(cursor.query(statement.query))
        rows = _without_zones(found.limit(limit + 1)).fetchall()
        return Answer(columns=tuple(found.columns), rows=tuple(rows[:limit]), more=len(rows) > limit)


def _kind(statement: duckdb.Statement) -> str:
    try:
        return str(statement.type.name)
    except ValueError:  # one that Python has no name for, as UPDATE EXTENSIONS
        return "this"


def _without_zones(found: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The same with times that have a zone as text, wherever they lie: Python has them only with another package."""
    names, kinds = [f"c{at}" for at in range(len(found.types))], [str(kind) for kind in found.types]
    if not any("WITH TIME ZONE" in kind for kind in kinds):
        return found
    texts = [re.sub(r"TIME(STAMP)? WITH TIME ZONE", "VARCHAR", kind) for kind in kinds]
    columns = ", ".join(f"{name}::{text}" for name, text in zip(names, texts, strict=True))
    return _answered(found.query("answer", f"SELECT {columns} FROM answer AS a({', '.join(names)})"))


def _answered(found: duckdb.DuckDBPyRelation | None) -> duckdb.DuckDBPyRelation:
    if found is None:
        raise QueryError("give a SELECT that has columns")
    return found


def _confine(timeout_s: float) -> None:
    """No file of this process can grow, and it ends where it takes too much."""
    seconds = int(2 * timeout_s) + 5
    for kind, most in (
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, ADDRESSES),
        (resource.RLIMIT_CPU, seconds),
    ):
        resource.setrlimit(kind, (most, most))


def _json(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else str(value)


def main() -> None:
    """Read the question from stdin, write the answer to stdout."""
    question = json.loads(sys.stdin.buffer.read().decode())
    _confine(question["timeout_s"])
    try:
        catalog = open_catalog(Path(question["out"]))
        found = ask(catalog, question["sql"], question["limit"], question["timeout_s"])
        text = json.dumps({"columns": found.columns, "rows": found.rows, "more": found.more}, default=_json)
        if len(text) > ANSWER:
            raise QueryError(f"the answer has {len(text) / 2**20:.0f} MiB: ask for fewer rows or columns")
    except UserError as error:
        text = json.dumps({"error": str(error)})
    except MemoryError:
        text = json.dumps({"error": "the answer needs more memory than a question may take: ask for less"})
    except (UnicodeError, ValueError, duckdb.Error) as error:
        text = json.dumps({"error": f"not a question that can be answered: {one_line(error)}"})
    sys.stdout.write(text)
    sys.stdout.flush()
    os._exit(0)  # threads of a broken-off question may still work


if __name__ == "__main__":
    main()
