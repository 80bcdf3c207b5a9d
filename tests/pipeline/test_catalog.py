"""The indexes as a database: what an auditor asks, and nothing that touches anything else."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.bench_audit import made_index
from pipeline.catalog import CatalogError, bounded, open_catalog
from pipeline.catalog_query import ask, select
from schemas.errors import UserError

N_CLIPS = 2_500


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("it's a dataset")
    made_index(folder, N_CLIPS)
    return folder


@pytest.fixture(scope="module")
def rows(out: Path) -> list[dict[str, Any]]:
    return list(pq.read_table(out / "index" / "clips.parquet").to_pylist())


def test_a_summary_by_licence_is_pythons(out: Path, rows: list[dict[str, Any]]) -> None:
    answer = select(out, "SELECT licence, count(*) AS n, sum(duration_s) AS s FROM clips WHERE kept GROUP BY ALL")
    assert answer.columns == ("licence", "n", "s")
    kept = [row for row in rows if row["kept"]]
    assert {name: n for name, n, _ in answer.rows} == Counter(row["info"]["licence"]["spdx"] for row in kept)
    assert sum(s for _, _, s in answer.rows) == pytest.approx(sum(row["duration_s"] for row in kept))


def test_the_columns_are_what_the_index_says(out: Path, rows: list[dict[str, Any]]) -> None:
    catalog = open_catalog(out)
    row = rows[7]
    with bounded(catalog) as cursor:
        cursor.execute("SELECT * FROM clips WHERE clip_id = ?", [row["clip_id"]])
        found = dict(zip([column[0] for column in cursor.description or ()], cursor.fetchall()[0], strict=True))
    catalog.close()
    info, quality = row["info"], row["info"]["quality"]
    assert found["info"] == info
    assert found["rights"] == info["licence"]["rights"]
    assert found["file_row_number"] == 7
    assert found["speakers"] == info["speakers"]
    assert found["leakage_db"] == max(quality["leakage_db"])
    assert found["level_db"] == min(quality["level_db"])
    assert found["overlap_share"] == pytest.approx(quality["overlap_s"] / row["duration_s"])
    assert found["less_of_speech"] == pytest.approx(min(quality["speech_s"]) / sum(quality["speech_s"]))
    assert found["words"] == sum(quality["n_words"])
    assert found["withdrawn"] is False
    for name in (set(row) & set(found)) - {"info"}:
        assert found[name] == row[name]
    for name, value in info["licence"].items():
        if name not in ("spdx", "rights"):
            assert found[name] == value
    assert found["commercial_use"] == info["licence"]["rights"]["commercial_use"]
    assert found["attribution_required"] == info["licence"]["rights"]["attribution"]


def test_losses_and_recordings(out: Path) -> None:
    recordings = pq.read_table(out / "index" / "recordings.parquet").to_pylist()
    lost = Counter(loss["reason"] for row in recordings for loss in row["lost"])
    assert dict(select(out, "SELECT reason, count(*) FROM losses GROUP BY 1").rows) == lost
    assert select(out, "SELECT count(*) FROM recordings WHERE n_clips = 0").rows == ((13,),)


def test_an_index_with_other_columns_has_none_of_those_it_lacks(out: Path, tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    for name, lacks in (("clips", ["detail", "duplicates"]), ("recordings", ["notes"])):
        table = pq.read_table(out / "index" / f"{name}.parquet")
        pq.write_table(
            table.drop_columns([c for c in lacks if c in table.column_names]), tmp_path / "index" / f"{name}.parquet"
        )
    assert select(tmp_path, "SELECT detail, duplicates, licence FROM clips LIMIT 1").rows == (
        (None, None, "CC-BY-4.0"),
    )


def test_withdrawn_clips_are_marked(out: Path, rows: list[dict[str, Any]]) -> None:
    ids = {rows[3]["clip_id"], rows[2_400]["clip_id"]}
    (out / "withdrawn.jsonl").write_text("".join(f'{{"clip_id": "{one}"}}\n' for one in ids) + "\n", encoding="utf-8")
    try:
        assert {one for (one,) in select(out, "SELECT clip_id FROM clips WHERE withdrawn").rows} == ids
    finally:
        (out / "withdrawn.jsonl").unlink()


@pytest.mark.parametrize(
    "data",
    [b"nonsense\n", b"[" * 100_000, b'{"clip_id": "\\ud800"}', b'{"clip_id": "\xff"}', b'{"clip_id": 5}', None],
)
def test_a_file_of_withdrawals_that_cannot_be_read_is_named(out: Path, tmp_path: Path, data: bytes | None) -> None:
    (tmp_path / "index").symlink_to(out / "index")
    path = tmp_path / "withdrawn.jsonl"
    if data is None:
        path.mkdir()
    else:
        path.write_bytes(data)
    with pytest.raises(UserError, match=r"^[^\n]*withdrawn\.jsonl:[^\n]*: correct or remove [^\n]*$"):
        open_catalog(tmp_path)


def test_rows_are_bounded_and_ordered(out: Path, rows: list[dict[str, Any]]) -> None:
    answer = select(out, "SELECT clip_id FROM clips ORDER BY clip_id DESC -- the last\n", limit=5)
    assert [one for (one,) in answer.rows] == sorted((row["clip_id"] for row in rows), reverse=True)[:5]
    assert answer.more
    assert not select(out, "SELECT 1 AS a, 1 AS a").more


def test_times_with_a_zone_are_text(out: Path) -> None:
    moment = "TIMESTAMPTZ '2026-01-31 10:00:00+02'"
    answer = select(out, f"SELECT {moment} AS t, [{moment}] AS t, {{'a b': {moment}, 'n': 1}} AS s, 2 AS n")
    assert answer.columns == ("t", "t", "s", "n")
    text = "2026-01-31 08:00:00+00"
    assert answer.rows == ((text, [text], {"a b": text, "n": 1}, 2),)
    ordered = select(out, f"SELECT {moment} + i * INTERVAL 1 DAY FROM range(30) t(i) ORDER BY i DESC", limit=3)
    assert [one[:10] for (one,) in ordered.rows] == ["2026-03-01", "2026-02-28", "2026-02-27"]
    assert ordered.more


FILES = "file system operations are disabled"
REFUSED = (
    ("SELEC 1", "syntax error"),
    ("SELECT nope FROM clips", "nope"),
    ("", "give one SELECT"),
    ("-- nothing", "give one SELECT"),
    ("SELECT 1; SELECT 2", "give one SELECT"),
    ("SELECT 1; DROP VIEW clips", "give one SELECT"),
    ("COPY clips TO '{tmp}/x.csv'", "only SELECT"),
    ("COPY (SELECT 1) TO '{tmp}/x.parquet'", "only SELECT"),
    ("INSERT INTO withdrawn VALUES ('x')", "only SELECT"),
    ("DELETE FROM withdrawn", "only SELECT"),
    ("UPDATE withdrawn SET clip_id = ''", "only SELECT"),
    ("CREATE TABLE x AS SELECT 1", "only SELECT"),
    ("CREATE MACRO f() AS 1", "only SELECT"),
    ("DROP VIEW clips", "only SELECT"),
    ("ATTACH '{tmp}/x.db'", "only SELECT"),
    ("PRAGMA database_list", "only SELECT"),
    ("SET threads = 1", "only SELECT"),
    ("RESET lock_configuration", "only SELECT"),
    ("INSTALL httpfs", "only SELECT"),
    ("LOAD httpfs", "only SELECT"),
    ("CALL pragma_version()", "only SELECT"),
    ("EXPORT DATABASE '{tmp}/x'", "only SELECT"),
    ("IMPORT DATABASE '{tmp}/x'", ""),
    ("BEGIN", "only SELECT"),
    ("CHECKPOINT", "only SELECT"),
    ("PREPARE q AS SELECT 1", "only SELECT"),
    ("EXPLAIN ANALYZE SELECT 1", "only SELECT"),
    ("SELECT * FROM read_csv('/etc/passwd')", FILES),
    ("SELECT * FROM read_text('/etc/passwd')", FILES),
    ("SELECT * FROM read_blob('{tmp}/secret.csv')", FILES),
    ("SELECT * FROM read_text('.tmp/secret.txt')", FILES),
    ("SELECT * FROM glob('.tmp/*')", FILES),
    ("SELECT * FROM '{tmp}/secret.csv'", FILES),
    ("SELECT * FROM glob('/etc/*')", FILES),
    ("SELECT * FROM parquet_metadata('{tmp}/secret.parquet')", FILES),
    ("SELECT * FROM query('COPY (SELECT 1) TO ''{tmp}/x''')", "single SELECT"),
    ("SELECT * FROM read_csv('http://127.0.0.1/x')", ""),
    ("SELECT * FROM sniff_csv('/etc/passwd')", FILES),
    ("SELECT * FROM duckdb_secrets()", FILES),
    ("SELECT getenv('HOME')", "getenv"),
    ("SELECT * FROM enable_logging()", ""),
    ("SELECT write_log('x', level := 'info') FROM read_text('/etc/hostname')", FILES),
    ("SELECT * FROM rows", "rows"),  # not what Python calls so
    ("SELECT '\ud800'", "text of at most"),
    ("SELECT '\0'", "text of at most"),
    (f"SELECT '{'x' * 100_001}'", "text of at most"),
)


def test_whatever_is_no_question_is_refused_in_a_line(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # DuckDB's own folder for temporary files is .tmp here
    (tmp_path / ".tmp").mkdir()
    (tmp_path / ".tmp" / "secret.txt").write_text("root:secret")
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    before = sorted(path.name for path in (*tmp_path.iterdir(), *out.rglob("*")))
    catalog = open_catalog(out)
    for sql, words in REFUSED:
        with pytest.raises(UserError, match=r"^[^\n]+$") as refused:
            if len(sql) > 100_000 or "\0" in sql or "\ud800" in sql:
                select(out, sql)
            ask(catalog, sql.replace("{tmp}", str(tmp_path)), 10, 5.0)
        assert words in str(refused.value), sql
        assert "root:" not in str(refused.value)
    catalog.close()
    assert sorted(path.name for path in (*tmp_path.iterdir(), *out.rglob("*"))) == before


@pytest.mark.slow
def test_questions_without_end_are_broken_off(out: Path) -> None:
    for sql in (
        "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r) SELECT max(a) FROM r",
        "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range * b.range) % 7 = 3",
        "SELECT list(i) FROM range(1000000000) t(i)",
        "SELECT len(range(1000000000))",
        "SELECT repeat('x', 1500000000)",
        "SELECT rpad('x', 2000000000, 'y')",
        "SELECT repeat('x', 100000) FROM range(1000)",
    ):
        with pytest.raises(CatalogError, match=r"ask for|Out of Memory"):
            select(out, sql, timeout_s=2.0)


def test_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"has no index/clips\.parquet"):
        select(tmp_path, "SELECT 1")
    (tmp_path / "index").mkdir()
    for name in ("clips", "recordings"):
        (tmp_path / "index" / f"{name}.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(CatalogError, match="cannot be read"):
        open_catalog(tmp_path)
