"""The page as files: whole, nothing of withdrawn clips, no name of a file from outside."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.browse import static
from pipeline.browse.server import ASSETS
from pipeline.browse.start import site_of_folder
from pipeline.browse.static import write
from pipeline.browse.text import BrowseError


def copy(world: Any, folder: Path, most: int = 1_000) -> Any:
    site = site_of_folder(world.out)
    try:
        return write(site, folder, most)
    finally:
        site.store.close()


def test_every_clip_has_its_page_and_its_sound(world: Any, tmp_path: Path) -> None:
    folder = tmp_path / "static"
    written = copy(world, folder)
    assert (written.clips, written.total) == (10, 10)
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    plots = {f"plots/{p['name']}" for p in json.loads((folder / "data" / "totals.json").read_text())["plots"]}
    data = {f"data/{name}.json" for name in ("start", "clips", "lost", "totals")}
    pages = {f"clips/{one}.json" for one in world.clips} | {f"sound/{one}.flac" for one in world.clips}
    assert files == {"index.html", *ASSETS, *plots, *data, *pages}
    assert written.bytes == sum((folder / name).stat().st_size for name in files)
    for clip_id, clip in world.clips.items():
        sound = (folder / "sound" / f"{clip_id}.flac").read_bytes()
        assert sound == clip.flac if clip.flac else sound.startswith(b"fLaC")
        page = json.loads((folder / "clips" / f"{clip_id}.json").read_text())
        assert page["page"]["sound"] == ("flac" if clip.flac else "decoded")
        assert len(page["wave"]["channels"]) == 2
    assert str(tmp_path) not in "".join((folder / name).read_text() for name in data)


def test_what_is_withdrawn_leaves_the_copy(world: Any, tmp_path: Path) -> None:
    folder = tmp_path / "static"
    copy(world, folder)
    gone = sorted(world.clips)[3]
    (world.out / "withdrawn.jsonl").write_text(f'{{"clip_id": "{gone}"}}\n')
    assert copy(world, folder).clips == 9
    assert not [path for path in folder.rglob("*") if gone in path.name]
    assert gone not in (folder / "data" / "clips.json").read_text()


def rows_of(out: Path) -> list[dict[str, Any]]:
    return list(pq.read_table(out / "index" / "clips.parquet").to_pylist())


def rewritten(out: Path, rows: list[dict[str, Any]]) -> None:
    path = out / "index" / "clips.parquet"
    pq.write_table(pa.Table.from_pylist(rows, pq.read_schema(path)), path)


def test_what_is_not_kept_or_not_there_any_more_leaves_the_copy(world: Any, tmp_path: Path) -> None:
    folder = tmp_path / "static"
    copy(world, folder)
    rows = rows_of(world.out)
    refused, gone = rows[2]["clip_id"], rows[5]["clip_id"]
    rows[2] |= {"kept": False, "reason": "licence_refused", "shard": None, "offset": None, "length": None}
    rewritten(world.out, [row for row in rows if row["clip_id"] != gone])
    (folder / "sound" / ".x.flac.1.tmp").write_bytes(b"half of a sound")  # of a run that was killed
    copy(world, folder)
    heard = {path.stem for path in (folder / "sound").iterdir()}
    assert heard == set(world.clips) - {refused, gone}
    assert {path.stem for path in (folder / "clips").iterdir()} == set(world.clips) - {gone}
    assert json.loads((folder / "clips" / f"{refused}.json").read_text())["page"]["sound"] == "none"


def test_a_shard_that_was_cut_off_leaves_no_half_a_sound(world: Any, tmp_path: Path) -> None:
    copy(world, tmp_path / "s")
    row = next(row for row in rows_of(world.out) if world.clips[row["clip_id"]].flac and row["shard"])
    with (world.out / "shards" / row["shard"]).open("r+b") as tar:
        tar.truncate(row["offset"] + row["length"] - 4_096)
    copy(world, tmp_path / "s")
    assert not (tmp_path / "s" / "sound" / f"{row['clip_id']}.flac").exists()
    page = json.loads((tmp_path / "s" / "clips" / f"{row['clip_id']}.json").read_text())["page"]
    assert (page["sound"], "is damaged" in page["trouble"]) == ("none", True)


def test_a_copy_that_was_broken_off_goes_on(world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, inner, done = tmp_path / "s", static._clip, []

    def broken(*arguments: Any) -> int:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(1)
        return inner(*arguments)

    monkeypatch.setattr(static, "_clip", broken)
    with pytest.raises(KeyboardInterrupt):
        copy(world, folder)
    monkeypatch.undo()
    assert copy(world, folder).clips == 10
    assert len(list((folder / "sound").iterdir())) == 10


def test_a_smaller_copy(world: Any, tmp_path: Path) -> None:
    assert (copy(world, tmp_path / "s", 3).clips, len(list((tmp_path / "s" / "sound").iterdir()))) == (3, 3)
    start = json.loads((tmp_path / "s" / "data" / "start.json").read_text())
    assert (start["static"], start["clips"], start["total"], start["name"]) == (True, 3, 10, "out")


def test_other_peoples_files_are_left_alone(world: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x")
    with pytest.raises(BrowseError, match="holds other files"):
        copy(world, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_ids_that_are_no_ids_become_no_files(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_of_folder(made)
    found = site.store.clips

    def hostile(*arguments: Any) -> dict[str, Any]:
        page = found(*arguments)
        return {**page, "clips": [{**row, "id": "../../escape"} for row in page["clips"][:3]]}

    monkeypatch.setattr(type(site.store), "clips", lambda self, *arguments: hostile(*arguments))
    assert write(site, tmp_path / "a" / "b", 10).clips == 0
    assert not list(tmp_path.rglob("*escape*"))
    site.store.close()
