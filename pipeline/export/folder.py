"""What lies in an export folder: files that are put there whole, and none of clips that do not belong there."""

import filecmp
import hashlib
import json
import re
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.index import clip_columns
from schemas.atomic import aside, put_in_place, whole_file

_COLUMNS: Final = ["clip_id", "kept", "split", "shard", "sha256"]
_PART_KEY: Final = b"duplexset.export"
_CLIP_FILE: Final = re.compile(r"(?P<clip>[0-9a-f]{32})(-[01])?\.(wav|json|flac)")
_PART_FILE: Final = re.compile(r"(?P<part>(train|validation|test)-\d{5,})\.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Which clips belong into an export: 8 bytes a clip, and a digest per shard over its clips and their bytes.

    ids: the first 64 bits of the clip ids of a split, sorted. shards: by name of the shard.
    """

    ids: dict[str, NDArray[np.uint64]]
    shards: dict[str, str]

    @classmethod
    def of(cls, out: Path, splits: tuple[str, ...], withdrawn: frozenset[str]) -> Self:
        """Read them from the index of a dataset. Raises DatasetError."""
        ids: dict[str, array[int]] = {}
        shards: dict[str, hashlib._Hash] = {}
        for row in clip_columns(out, _COLUMNS):
            if row["kept"] and row["split"] in splits and row["clip_id"] not in withdrawn:
                ids.setdefault(row["split"], array("Q")).append(int(row["clip_id"][:16], 16))
                shard = shards.setdefault(row["shard"], hashlib.sha256())
                shard.update(f"{row['clip_id']} {row['sha256']}\n".encode())
        return cls(
            ids={split: np.sort(np.frombuffer(numbers, np.uint64)) for split, numbers in ids.items()},
            shards={name: digest.hexdigest() for name, digest in shards.items()},
        )

    def __len__(self) -> int:
        return sum(len(ids) for ids in self.ids.values())

    def has_clip(self, split: str, clip_id: str) -> bool:
        """Whether a clip belongs into the export, in this split."""
        ids, number = self.ids.get(split, np.empty(0, np.uint64)), np.uint64(int(clip_id[:16], 16))
        place = int(np.searchsorted(ids, number))
        return place < len(ids) and bool(ids[place] == number)

    def has_part(self, name: str) -> bool:
        """Whether `<split>-NNNNN` is a shard with clips that belong into the export."""
        return f"{name}.tar" in self.shards


def strangers(folder: Path, split: str | None, members: Members) -> Iterator[Path]:
    """Files of clips and shards in a folder that do not belong there; other files are left alone.

    split: whose clips the folder holds; None for a folder of parts, a file per shard.
    """
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if split is None:
            part = _PART_FILE.fullmatch(path.name)
            if part and not members.has_part(part["part"]):
                yield path
        elif (clip := _CLIP_FILE.fullmatch(path.name)) and not members.has_clip(split, clip["clip"]):
            yield path


@contextmanager
def kept_if_same(path: Path) -> Iterator[Path]:
    """Like `whole_file`, but where the new file has the bytes of the one that is there, that one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = aside(path)
    try:
        yield temporary
        if not path.is_file() or not filecmp.cmp(temporary, path, shallow=False):
            put_in_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def put_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8, unless exactly it is there."""
    with kept_if_same(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def one_line(value: object) -> str:
    """JSON without a line break in it, the same for the same value."""
    return json.dumps(value, ensure_ascii=False)


def part_is_there(path: Path, digest: str) -> bool:
    """Whether a Parquet file was written by `part_writer` with this digest."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException):
        return False
    return bool(metadata.get(_PART_KEY) == digest.encode())


@contextmanager
def part_writer(path: Path, schema: pa.Schema, digest: str) -> Iterator[pq.ParquetWriter]:
    """A Parquet file that is there only when it is whole. digest: of the clips it is made of."""
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        yield writer
        writer.add_key_value_metadata({_PART_KEY: digest.encode()})
