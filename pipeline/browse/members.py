"""The files of a sample inside its shard, found by their headers: nothing is extracted, nothing is read but them.

Everything that an index or a tar says is checked before it is believed: a shard is a plain file of `shards/`, a
member has the clip's name and one of the known endings and lies inside the clip's bytes.
"""

import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from pipeline.browse.text import BrowseError
from pipeline.visible import shown

SUFFIXES: Final = ("codes.npy", "words.json", "turns.npy", "vap.npy", "voices.npy", "json", "flac")
MOST: Final = 64 * 2**20
"""Bytes of a member that is read whole; audio may be longer, since it is passed on piece by piece."""
_HEADERS: Final = 64
_SHARD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.tar")
_CLIP_ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a file: `size` from `offset` on."""

    path: Path
    offset: int
    size: int


def is_clip_id(text: str) -> bool:
    """Whether a text has the form of our ids, which is safe as the name of a file."""
    return _CLIP_ID.fullmatch(text) is not None


def members(out: Path, record: Mapping[str, Any]) -> dict[str, Part]:
    """Suffix -> where it lies, of a kept clip's row of the index. Raises BrowseError for a damaged dataset."""
    clip_id, first, length = str(record["clip_id"]), record["offset"] or 0, record["length"] or 0
    path, at = shard_of(out, record["shard"]), 0
    found: dict[str, Part] = {}
    with opened(path) as file:
        end = min(first + length, os.fstat(file.fileno()).st_size)  # of a shard that was cut off, there is less
        while at < length and len(found) < _HEADERS:
            file.seek(first + at)
            try:
                header = tarfile.TarInfo.frombuf(file.read(tarfile.BLOCKSIZE), "utf-8", "strict")
            except (tarfile.TarError, ValueError) as error:
                raise _damaged(clip_id, path) from error
            suffix = header.name.removeprefix(f"{clip_id}.")
            whole = tarfile.BLOCKSIZE * (1 + -(-header.size // tarfile.BLOCKSIZE))
            if not header.isreg() or suffix == header.name or header.size < 0 or first + at + whole > end:
                raise _damaged(clip_id, path)
            if suffix in SUFFIXES:
                found[suffix] = Part(path, first + at + tarfile.BLOCKSIZE, header.size)
            at += whole
    return found


def read(part: Part) -> bytes:
    """A whole member. Raises BrowseError where it is cut off or too large."""
    if part.size > MOST:
        raise BrowseError(f"{part.path.name}: a member of {part.size / 2**20:.0f} MiB is not shown")
    with opened(part.path) as file:
        file.seek(part.offset)
        data = file.read(part.size)
    if len(data) != part.size:
        raise BrowseError(f"{part.path.name} is cut off; check the dataset with `duplexset verify`")
    return data


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A shard, or BrowseError where it cannot be read."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise BrowseError(
            f"shards/{path.name}: {error.strerror}; check the dataset with `duplexset verify`"
        ) from error
    with file:
        yield file


def shard_of(out: Path, name: object) -> Path:
    """The file of a shard that an index names. Raises BrowseError for a name that leads elsewhere."""
    if not isinstance(name, str) or not _SHARD.fullmatch(name):
        raise BrowseError("this clip is in no shard that the dataset can have; run `duplexset verify`")
    folder = out.resolve() / "shards"
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not folder.resolve().is_relative_to(out.resolve()):
        raise BrowseError(f"shards/{shown(name)} leads out of the dataset: it is not read")
    return path


def _damaged(clip_id: str, path: Path) -> BrowseError:
    return BrowseError(f"shards/{path.name}: clip {shown(clip_id, 40)} is damaged; run `duplexset verify`")
