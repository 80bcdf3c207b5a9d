"""JSON and CSV: what is written is read back, and runs nothing."""

import csv
import io
import json
from pathlib import Path

import pytest

from pipeline.audit.written import cell, check_targets, json_rows, put_csv, put_json
from pipeline.outputs import OutputError


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("", ""),
        (None, None),
        (-1.5, -1.5),
        (True, True),
        ("-1.5", "-1.5"),  # a number as text
        ("-1.5+2", "'-1.5+2"),
        ("=1+1", "'=1+1"),
        ("+31 6", "'+31 6"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1", "' =1"),
        ("\uff1d1", "'\uff1d1"),
        ("\t=1", "' =1"),
        ("\r\n-x", "' -x"),
        ("\x1b[31m", "'\\u001b[31m"),
        ("a\x9bb\u202ec", "a\\u009bb\\u202ec"),
        ("two\nlines", "two lines"),
        (["a", None], '["a", null]'),
        ({"b": 1}, '{"b": 1}'),
        ("x" * 20_000, "x" * 10_000 + "… (20,000 characters)"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_cell_is_no_formula(value: object, written: object) -> None:
    assert cell(value) == written


def test_rows_are_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("a,b", 'c"d', 1), ("é\u4e2d", None, 2.5)]
    put_csv(str(tmp_path / "a.csv"), ("x", "=y", "z"), rows)
    put_csv("-", ("x", "=y", "z"), rows)
    text = (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert capsys.readouterr().out == text
    assert list(csv.reader(io.StringIO(text))) == [["x", "'=y", "z"], ["a,b", 'c"d', "1"], ["é\u4e2d", "", "2.5"]]


def test_json_is_escaped_where_it_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = {"a": "é\x1b\u202e\x9b", "b": [1.5, None, True]}
    put_json("-", value)
    put_json(None, value)
    put_json(str(tmp_path / "a.json"), value)
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed) == json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == value


@pytest.mark.parametrize("rows", [[], [1], [{"a": "\x1b"}, "é", None]], ids=len)
def test_rows_of_an_object_come_one_by_one(
    rows: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for target in ("-", str(tmp_path / "a.json"), None):
        around: dict[str, object] = {"count": 0}
        with json_rows(target, "rows", around) as put:
            for row in rows:
                put(row)
            around["count"] = len(rows)
    wanted = {"rows": rows, "count": len(rows)}
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed) == json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == wanted


def test_what_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), json_rows(str(tmp_path / "a.json"), "rows", {}) as put:
        put(1)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_targets_are_looked_at_before(tmp_path: Path) -> None:
    assert check_targets(json="-", csv=None)
    assert not check_targets(json=str(tmp_path / "new" / "a.json"), csv=str(tmp_path / "a.csv"))
    with pytest.raises(OutputError, match="is a folder"):
        check_targets(json=str(tmp_path), csv=None)
    with pytest.raises(OutputError, match="--json and --csv cannot both"):
        check_targets(json="-", csv="-")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is no folder"):
        check_targets(csv=str(tmp_path / "file" / "a.csv"))
