"""query: an answer as a table, JSON and CSV, and nothing but an answer."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.audit.columns import columns
from pipeline.catalog import CatalogError
from schemas.errors import UserError


@pytest.fixture
def made(dataset: Any, stated: Any, licence: Any) -> Any:
    return dataset({"a.wav": stated, "b.wav": licence("MIT", holder="=cmd|' /C calc'!A0")})


SQL = "SELECT uri, licence, holder, count(*) AS n, sum(duration_s) AS s FROM clips GROUP BY ALL ORDER BY uri"


def test_the_answer_in_every_form(made: Any, run: Any, tmp_path: Path) -> None:
    printed = run("query", made.out, SQL)
    assert (printed.exit_code, printed.stderr) == (0, "")
    assert printed.stdout.splitlines()[2].split() == ["a.wav", "CC-BY-4.0", "Ann", "2", "16"]
    run("query", made.out, SQL, "--json", tmp_path / "a.json", "--csv", tmp_path / "a.csv")
    read = json.loads((tmp_path / "a.json").read_text())
    assert read["columns"] == ["uri", "licence", "holder", "n", "s"]
    assert read["rows"][0] == ["a.wav", "CC-BY-4.0", "Ann", 2, 16.0]
    assert read["more"] is False
    rows = list(csv.reader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert rows[2][:3] == ["b.wav", "MIT", "'=cmd|' /C calc'!A0"]
    assert run("query", made.out, SQL, "--csv", "-").stdout == (tmp_path / "a.csv").read_text()


def test_more_rows_than_are_shown_are_named(made: Any, run: Any) -> None:
    some = run("query", made.out, "SELECT clip_id FROM clips", "--limit", 3, "--json", "-")
    assert len(json.loads(some.stdout)["rows"]) == 3
    assert "more than these 3 rows" in some.stderr


def test_many_columns_stand_below_one_another(made: Any, run: Any) -> None:
    printed = run("query", made.out, "SELECT * FROM clips ORDER BY clip_id LIMIT 2").stdout
    assert "row 0" in printed
    assert "row 1" in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert len(printed) < 20_000


def test_hostile_answers_are_shown(dataset: Any, licence: Any, hostile: tuple[str, ...], run: Any) -> None:
    made = dataset({f"{at}.wav": licence("MIT", holder=name) for at, name in enumerate(hostile)})
    printed = run("query", made.out, 'SELECT DISTINCT holder, 1 AS "\x1b[31m" FROM clips').stdout
    assert "\\u001b[31mred" in printed
    assert max(map(len, printed.splitlines())) <= 80


@pytest.mark.parametrize(
    "sql",
    [
        "COPY clips TO '{tmp}/x.csv'",
        "ATTACH '{tmp}/x.db'",
        "EXPORT DATABASE '{tmp}/x'",
        "SELECT * FROM read_csv('{tmp}/secret.csv')",
        "INSERT INTO withdrawn VALUES ('x')",
        "SELECT 1; SELECT 2",
        "nonsense",
    ],
)
def test_what_reads_or_writes_anything_else_is_refused(made: Any, run: Any, tmp_path: Path, sql: str) -> None:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=r"^[^\n]+$"):
        run("query", made.out, sql.replace("{tmp}", str(tmp_path)), "--csv", tmp_path / "answer.csv")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_question_or_the_columns(made: Any, run: Any) -> None:
    for arguments in ((), ("SELECT 1", "--columns")):
        with pytest.raises(CatalogError, match="or --columns"):
            run("query", made.out, *arguments)


def test_every_column_is_described(made: Any, run: Any) -> None:
    found = list(columns(made.out))
    assert {view for view, *_ in found} == {"clips", "recordings", "losses"}
    assert [name for _, name, _, says in found if not says] == []
    assert ("clips", "licence", "VARCHAR", "SPDX expression") in found
    assert "retain_until" in run("query", made.out, "--columns").stdout
    assert json.loads(run("query", made.out, "--columns", "--json", "-").stdout)["rows"] == [
        list(row) for row in found
    ]
