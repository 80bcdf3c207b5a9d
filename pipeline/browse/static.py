"""The page as files for any web server: no program runs behind it.

Sound is written as a FLAC file per clip and not read out of the tars: simple web servers answer no range requests,
and then a browser would have to fetch a whole shard to hear a clip. Withdrawn clips are left out. What an earlier
copy had of them, and of clips that are not kept or not there any more, is removed before anything else is done.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipeline.browse.audio import Sounds, pieces
from pipeline.browse.filters import Condition, Filter
from pipeline.browse.lost import lost
from pipeline.browse.server import ASSETS, Site, asset, page_html
from pipeline.browse.text import BrowseError
from schemas.atomic import whole_file
from schemas.form import is_clip_id

LOST_PAGES: Final = 20
_MARK: Final = "data/start.json"
_PRESENT: Final = Filter(conditions=(Condition("NOT withdrawn"),))


@dataclass(frozen=True, slots=True)
class Written:
    """Clips in the copy, in the dataset, and bytes in all."""

    clips: int
    total: int
    bytes: int


def write(site: Site, folder: Path, most: int) -> Written:
    """Write the pages of at most `most` clips, the first by id (which is by chance). Raises BrowseError, OSError."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / _MARK).is_file())):
        raise BrowseError(f"--static {folder}: it holds other files; give an empty or a new folder")
    found = site.store.clips(_PRESENT, most)
    rows = [row for row in found["clips"] if is_clip_id(row["id"])]
    size = _put(folder / _MARK, _start(site, len(rows), found["total"]))
    _forget(folder, {row["id"]: row["kept"] for row in rows})
    for row in rows:
        size += _clip(site, folder, row["id"])
    for name, data in _files(site, rows):
        size += _put(folder / name, data)
    return Written(len(rows), found["total"], size)


def _files(site: Site, rows: list[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """(name, content) of everything but the mark and the clips."""
    yield "index.html", page_html("static").encode()
    yield from ((name, asset(name)) for name in ASSETS)
    yield "data/clips.json", _json(rows)
    yield "data/lost.json", _json(_lost(site))
    totals = site.totals.figures()
    yield "data/totals.json", _json(totals)
    yield from ((f"plots/{plot['name']}", site.totals.plot(plot["name"]).encode()) for plot in totals["plots"])


def _start(site: Site, clips: int, total: int) -> bytes:
    """What marks the folder as ours, and is written first: a copy that was broken off can be written again."""
    return _json({**site.start(), "name": site.store.out.name, "static": True, "clips": clips, "total": total})


def _lost(site: Site) -> dict[str, Any]:
    """The first pages of what was lost, as one."""
    first = lost(site.store, [])
    rows = list(first["recordings"])
    for page in range(1, min(first["pages"], LOST_PAGES)):
        rows += lost(site.store, [("page", str(page))])["recordings"]
    return {**first, "recordings": rows}


def _clip(site: Site, folder: Path, clip_id: str) -> int:
    page = site.clip(clip_id)
    record = site.store.record(clip_id)
    sound = folder / "sound" / f"{clip_id}.flac"
    size = 0
    wave = None
    if page["sound"] != "none":
        try:
            size, wave = _sound(site.sounds, record, sound), site.sounds.wave(record)
        except BrowseError as error:
            page = {**page, "sound": "none", "trouble": str(error)}
    if page["sound"] == "none":
        size = 0
        sound.unlink(missing_ok=True)
    return size + _put(folder / "clips" / f"{clip_id}.json", _json({"page": page, "wave": wave}))


def _sound(sounds: Sounds, record: dict[str, Any], path: Path) -> int:
    sound = sounds.of(record)
    if isinstance(sound, bytes):
        return _put(path, sound)
    with whole_file(path) as temporary, temporary.open("wb") as file:
        for piece in pieces(sound, 0, sound.size - 1):
            file.write(piece)
    return sound.size


def _forget(folder: Path, kept: Mapping[str, bool]) -> None:
    """Remove pages and sounds of clips that are not there or not kept, and what a run that was killed left."""
    for path in (*folder.glob("clips/*.json"), *folder.glob("sound/*.flac")):
        if is_clip_id(path.stem) and not kept.get(path.stem, False):
            path.unlink()
    for path in folder.rglob(".*.tmp"):
        path.unlink()


def _put(path: Path, data: bytes) -> int:
    with whole_file(path) as temporary:
        temporary.write_bytes(data)
    return len(data)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
