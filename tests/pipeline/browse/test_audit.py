"""Totals, losses and the preview of a withdrawal, against sums in plain Python."""

import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.browse.lost import lost
from pipeline.browse.store import Store, open_store
from pipeline.browse.text import BrowseError
from pipeline.browse.totals import SAMPLE, Totals
from pipeline.browse.withdraw import command, preview, selection_of
from pipeline.withdraw.choose import KINDS, Selection

Row = dict[str, Any]


def test_totals_are_those_of_the_index(store: Store, made: Path, rows: list[Row]) -> None:
    totals = Totals(store).figures()
    kept = [row for row in rows if row["kept"]]
    recordings = pq.read_table(made / "index" / "recordings.parquet").to_pylist()
    assert totals["clips"] == len(kept)
    assert totals["seconds"] == pytest.approx(sum(row["duration_s"] for row in kept))
    assert totals["withdrawn"] == sum(row["withdrawn"] for row in kept)
    assert totals["recordings"] == len(recordings)
    assert totals["speakers"] == len({s for row in kept for s in row["info"]["speakers"]})
    for name in ("spdx", "consent", "source_url", "holder"):
        sums: Counter[str] = Counter()
        for row in kept:
            sums[row["info"]["licence"][name]] += row["duration_s"]
        group = totals["groups"][{"spdx": "licence", "source_url": "source"}.get(name, name)]
        assert {one["key"]: one["seconds"] for one in group["rows"]} == pytest.approx(dict(sums.most_common(20)))
        assert group["more"] == max(0, len(sums) - 20)
    losses = {(one["stage"], one["reason"]): (one["n"], one["seconds"]) for one in totals["losses"]}
    counted = Counter((loss["stage"], loss["reason"]) for row in recordings for loss in row["lost"])
    assert {key: n for key, (n, _) in losses.items()} == counted
    assert totals["counted"] == SAMPLE
    assert {row[0] for row in totals["turns"]} >= {"both speak, % of time", "floor-transfer offset, median, s"}


def test_losses_page_by_page(store: Store, made: Path) -> None:
    recordings = [r for r in pq.read_table(made / "index" / "recordings.parquet").to_pylist() if r["lost"]]
    first = lost(store, [])
    found = [r for page in range(first["pages"]) for r in lost(store, [("page", str(page))])["recordings"]]
    assert sorted(r["uri"] for r in found) == sorted(r["uri"] for r in recordings)
    assert first["lost_s"] == pytest.approx(sum(r["duration_s"] - r["kept_s"] for r in recordings))
    for name, value in (("reason", "too_short"), ("stage", "ingest"), ("kept", "nothing kept"), ("q", "CALLS/00001")):
        expected = [
            r
            for r in recordings
            if {
                "reason": any(x["reason"] == value for x in r["lost"]),
                "stage": any(x["stage"] == value for x in r["lost"]),
                "kept": r["n_clips"] == 0,
                "q": value.lower() in r["uri"],
            }[name]
        ]
        assert lost(store, [(name, value)])["total"] == len(expected) > 0
    for wrong in ([("kept", "x")], [("page", "x")], [("nope", "1")]):
        with pytest.raises(BrowseError):
            lost(store, wrong)


def test_rejected_and_quarantined_recordings_have_reasons(world: Any) -> None:
    store = open_store(world.out)
    found = lost(store, [])
    assert found["total"] == 5
    assert {loss["reason"] for row in found["recordings"] for loss in row["lost"]} == {"silence"}
    (one,) = found["quarantined"]
    assert one["uri"] == "<script>window.hit=1</script>.wav"
    assert one["error"].startswith("ValueError")
    assert "secret trace" not in str(found)
    (world.out / "work" / "quarantine" / "x.txt").write_text("broken")
    assert lost(store, [])["quarantined"][0]["error"] == "a file in it cannot be read"
    store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_withdrawal_takes_what_python_takes(store: Store, rows: list[Row], kind: str) -> None:
    of = {
        "recording": lambda row: row["info"]["recording_id"],
        "speaker": lambda row: row["info"]["speakers"][1],
        "source": lambda row: row["info"]["licence"]["source_url"],
        "licence": lambda row: row["info"]["licence"]["spdx"],
        "clip": lambda row: row["clip_id"],
    }[kind]
    value = of(rows[2_002])
    chosen = [row for row in rows if of(row) == value]
    gone = [row for row in chosen if row["kept"] and not row["withdrawn"]]
    found = preview(store, selection_of([(kind, value)]))
    assert found["clips"] == len(gone)
    assert found["known"] == len(chosen)
    assert found["withdrawn"] == sum(row["withdrawn"] for row in chosen)
    assert found["seconds"] == pytest.approx(sum(row["duration_s"] for row in gone))
    assert found["shards"] == len({row["shard"] for row in gone})
    assert found["command"] == f'duplexset withdraw {store.out} --{kind}={value} --reason "..."'
    assert found["recordings"] == len({row["info"]["recording_id"] for row in gone})
    assert [c["id"] for c in found["first"]] == sorted(row["clip_id"] for row in gone)[:100]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "anna",
            "Anna O'Neil",
            "-x",
            "--yes",
            "a b\tc\nd",
            "$(rm -rf x) `y` \\ ! \x1b[31m \u202e",
            "naïve \u2028 日本",
            "'",
        ),
        *("<script>", '"; touch hit; "', "\\x41", "%s %d", "~/*", "\u200b\ue000"),
    ],
)
def test_the_command_is_what_a_shell_takes_for_that_name(name: str) -> None:
    line = command("/a dir/out", Selection("speaker", name))
    assert line
    assert line.isprintable()
    script = f"duplexset() {{ printf '%s\\0' \"$@\"; }}; {line}"
    said = subprocess.run(["/bin/bash", "-c", script], capture_output=True, check=True).stdout.decode().split("\0")
    assert said == ["withdraw", "/a dir/out", f"--speaker={name}", "--reason", "...", ""]


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_what_no_command_line_can_hold_has_none(name: str) -> None:
    assert command("out", Selection("speaker", name)) is None


def test_clips_that_borrow_voices_are_told(world: Any) -> None:
    store = open_store(world.out)
    for clip_id in world.clips:
        found = preview(store, Selection("clip", clip_id))
        rows = pq.read_table(world.out / "index" / "clips.parquet").to_pylist()
        borrowers = [
            r for r in rows if r["clip_id"] != clip_id and any(v["clip_id"] == clip_id for v in r["info"]["voices"])
        ]
        assert (found["clips"], found["borrowed"]) == (1, len(borrowers))
    assert any(len({v["clip_id"] for v in r["info"]["voices"]}) > 1 for r in rows)
    store.close()


def test_what_is_in_no_clip(store: Store) -> None:
    found = preview(store, Selection("speaker", "nobody"))
    assert (found["clips"], found["known"], found["first"]) == (0, 0, [])
    for wrong in (
        [],
        [("speaker", "")],
        [("speaker", "a"), ("clip", "b")],
        [("shard", "x")],
        [("clip", "x" * 4_001)],
    ):
        with pytest.raises(BrowseError, match="give one of"):
            selection_of(wrong)
