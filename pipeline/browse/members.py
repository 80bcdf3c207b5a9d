"""The files of a sample inside its shard, as ranges that are served: a shard is a plain file of `shards/`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from model.sample_files import Part as InSample
from model.sample_files import SampleError, parts_of, read_part
from pipeline.browse.text import BrowseError
from pipeline.visible import shown
from schemas.form import is_shard

MOST: Final = 64 * 2**20
"""Bytes of a member that is read whole; audio may be longer, since it is passed on piece by piece."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a file: `size` from `offset` on."""

    path: Path
    offset: int
    size: int


def members(out: Path, record: Mapping[str, Any]) -> dict[str, Part]:
    """Suffix -> where it lies, of a kept clip's row of the index. Raises BrowseError for a damaged dataset."""
    clip_id, path = str(record["clip_id"]), shard_of(out, record["shard"])
    with opened(path) as file:
        try:
            found = parts_of(file, clip_id, record["offset"] or 0, record["length"] or 0)
        except SampleError as error:
            raise BrowseError(
                f"shards/{path.name}: clip {shown(clip_id, 40)} is damaged ({error}); run `duplexset verify`"
            ) from error
    return {suffix: Part(path, at, size) for suffix, (at, size) in found.items()}


def read(part: Part) -> bytes:
    """A whole member. Raises BrowseError where it is cut off or too large."""
    if part.size > MOST:
        raise BrowseError(f"{part.path.name}: a member of {part.size / 2**20:.0f} MiB is not shown")
    with opened(part.path) as file:
        try:
            return read_part(file, InSample(part.offset, part.size))
        except SampleError as error:
            raise BrowseError(f"{part.path.name}: {error}; check the dataset with `duplexset verify`") from error


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
    if not isinstance(name, str) or not is_shard(name):
        raise BrowseError("this clip is in no shard that the dataset can have; run `duplexset verify`")
    folder = out.resolve() / "shards"
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not folder.resolve().is_relative_to(out.resolve()):
        raise BrowseError(f"shards/{shown(name)} leads out of the dataset: it is not read")
    return path
