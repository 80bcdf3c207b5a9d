"""diff: what was changed by hand is what is found, and nothing else."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.audit import diff as audit_diff
from pipeline.audit.diff import Change, difference
from pipeline.bench_audit import made_index
from schemas.clip import Clip
from schemas.licence import Consent


def changes(old: Path, new: Path) -> list[Change]:
    with difference(old, new) as found:
        return list(found.changes())


def rewrite(path: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


@pytest.fixture
def two(dataset: Any, stated: Any) -> tuple[Any, Path]:
    """A dataset, and a copy of it to be changed."""
    made = dataset({"a.wav": (stated, ("anna", "ben")), "b.wav": stated, "c.wav": stated})
    return made, Path(shutil.copytree(made.out, made.out.with_name("later")))


def test_the_same_is_the_same(two: Any, run: Any, tmp_path: Path) -> None:
    made, later = two
    assert changes(made.out, later) == []
    result = run("diff", made.out, later / "index", "--exit-code")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "nothing differs"
    assert json.loads(run("diff", made.out, later, "--json", "-").stdout)["same"] is True


def test_withdrawn_gone_and_new_clips_have_their_reasons(two: Any) -> None:
    made, later = two
    first, second = sorted(made.of("a.wav"))
    (later / "withdrawn.jsonl").write_text(f'{{"clip_id": "{first}"}}\n')

    def gone(rows: list[dict[str, Any]]) -> None:
        rows[:] = [row for row in rows if row["clip_id"] != second]

    rewrite(later / "index" / "clips.parquet", gone)
    removed = {change.name: change.reason for change in changes(made.out, later) if change.what == "clip removed"}
    assert removed == {first: "withdrawn", second: "no longer in the index"}
    added = {change.name: change.reason for change in changes(later, made.out)}
    assert added == {first: "was withdrawn", second: None}


def test_a_clip_that_is_left_out_later_says_why(two: Any) -> None:
    made, later = two
    clip_id = made.of("b.wav")[0]

    def drop(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["clip_id"] == clip_id:
                row.update(kept=False, reason="near_duplicate", split=None, shard=None, offset=None, sha256=None)

    rewrite(later / "index" / "clips.parquet", drop)
    assert changes(made.out, later) == [
        Change(what="clip removed", name=clip_id, reason="near_duplicate", seconds=8.0)
    ]


def test_every_field_that_is_compared_is_found(two: Any) -> None:
    made, later = two
    clip_id = made.of("c.wav")[0]
    new = {"spdx": "CC-BY-NC-4.0", "consent": Consent.CONTRACT.value, "holder": "Bo", "jurisdiction": ["FR"]}

    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["clip_id"] == clip_id:
                row["info"]["licence"].update(new)
                row["info"]["language"] = None
                row.update(split="test", sha256="0" * 64)

    rewrite(later / "index" / "clips.parquet", change)
    old = made.clips[clip_id].info.licence
    found = {c.field: (c.old, c.new) for c in changes(made.out, later)}
    assert {c.name for c in changes(made.out, later)} == {clip_id}
    assert found.pop("bytes")[1] == "0" * 64
    assert found.pop("split")[1] == "test"
    assert found == {
        "licence": (old.spdx, "CC-BY-NC-4.0"),
        "consent": ("informed-consent", "contract"),
        "holder": ("Ann", "Bo"),
        "jurisdiction": (["DE"], ["FR"]),
        "language": ("en", None),
    }


def test_hours_by_licence_and_recordings(dataset: Any, stated: Any, licence: Any) -> None:
    old = dataset({"a.wav": stated, "b.wav": stated}, out="old")
    new = dataset({"a.wav": stated, "c.wav": licence("MIT")}, out="new")
    with difference(old.out, new.out) as found:
        totals = found.totals()
        assert totals.licences == {"CC-BY-4.0": (32.0, 16.0), "MIT": (0.0, 16.0)}
        moved = {change.what: change.name for change in found.changes() if change.what.startswith("recording")}
    assert moved == {"recording added": "c.wav", "recording removed": "b.wav"}
    assert totals.counts["clip added", ""] == (2, 16.0)
    assert totals.counts["clip removed", "no longer in the index"] == (2, 16.0)


def test_settings_stages_and_weights(two: Any, run: Any) -> None:
    made, later = two
    path = later / "dataset.json"
    whole = json.loads(path.read_text())
    part = whole["duplexset"]
    part["configuration"]["max_leakage_db"] = -20.0
    part["configuration"]["policy"]["allow"] = []
    part["weights"]["separator"] = "1" * 64
    next(stage for stage in part["stages"] if stage["stage"] == "layout")["version"] = 99
    part["stages"] = [stage for stage in part["stages"] if stage["stage"] != "score"]
    path.write_text(json.dumps(whole))
    found = {change.name: (change.old, change.new) for change in changes(made.out, later)}
    assert found["configuration.max_leakage_db"] == (-15.0, -20.0)
    assert found["configuration.policy.allow"] == (["*"], [])
    assert found["weights.separator"] == (None, "1" * 64)
    assert found["stages.layout.version"][1] == 99
    assert found["stages.score.version"][1] is None
    assert run("diff", made.out, later, "--exit-code").exit_code == 1
    assert run("diff", made.out, later).exit_code == 0


def test_json_and_csv_have_all_of_it(two: Any, run: Any, tmp_path: Path) -> None:
    made, later = two
    rewrite(later / "index" / "clips.parquet", lambda rows: [row.update(split="=1+1") for row in rows])
    printed = run("diff", made.out, later, "--json", tmp_path / "a.json", "--csv", tmp_path / "a.csv")
    assert max(map(len, printed.stdout.splitlines())) <= 80
    assert "and 1 more" in printed.stdout  # five of six
    read = json.loads((tmp_path / "a.json").read_text())
    assert {one["name"] for one in read["changes"]} == set(made.clips)
    assert read["counts"] == [
        {"what": "clip changed", "field_or_reason": "split", "count": 6, "seconds": 48.0},
    ]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert {row["name"] for row in rows} == set(made.clips)
    assert {row["new"] for row in rows} == {"'=1+1"}
    assert run("diff", made.out, later, "--csv", "-").stdout == (tmp_path / "a.csv").read_text()


def test_a_copy_of_an_index_is_compared_without_settings(two: Any, run: Any) -> None:
    made, later = two
    copied = later.with_name("last month")
    shutil.copytree(made.out / "index", copied)
    printed = run("diff", copied, later)
    assert "has no dataset.json: settings are not compared" in printed.stdout.replace("\n", " ")
    assert printed.stdout.endswith("nothing differs\n")


def test_many_changes_come_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("old", "new"):
        made_index(tmp_path / name, 2_000)

    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["info"]["language"] = "fr"

    rewrite(tmp_path / "new" / "index" / "clips.parquet", change)
    monkeypatch.setattr(audit_diff, "_AT_ONCE", 100)
    found = changes(tmp_path / "old", tmp_path / "new")
    assert len(found) == len({one.name for one in found}) == 1_800
    assert {(one.field, one.new) for one in found} == {("language", "fr")}


def test_hostile_values(dataset: Any, licence: Any, hostile: tuple[str, ...], run: Any) -> None:
    def named(text: str) -> Callable[[Clip], Clip]:
        return lambda clip: replace(clip, info=replace(clip.info, language=text[:1_000]))

    calls = {f"{at}.wav": (licence("MIT", holder=text), None, named(text)) for at, text in enumerate(hostile)}
    old = dataset(calls, out="old")
    new = dataset({name: licence("CC0-1.0") for name in calls}, out="new")
    printed = run("diff", old.out, new.out)
    assert max(map(len, printed.stdout.splitlines())) <= 80
    assert "\\u001b[31mred" in printed.stdout.replace("\n", "")
