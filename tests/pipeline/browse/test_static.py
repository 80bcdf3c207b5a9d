"""The page as files: whole, nothing of withdrawn clips, no name of a file from outside."""

import json
from pathlib import Path
from typing import Any

import pytest

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
