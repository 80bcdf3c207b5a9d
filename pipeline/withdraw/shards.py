"""A shard without the clips that go, and without the voices that they lent to others."""

import hashlib
import io
import tarfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from model.sample_files import facts_of, read_files, voices_of
from model.tar_members import places_of
from schemas.arrow import from_dict
from schemas.atomic import whole_file
from schemas.clip import ClipInfo
from schemas.errors import DatasetError
from schemas.persona import VoiceSample
from schemas.shard import ClipRow
from stages.pack import END_OF_TAR, Digesting, facts_files, laid_out, tar_entry


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardFile:
    """A tar that is in place."""

    name: str
    size_bytes: int
    sha256: str


def shard_file(path: Path) -> ShardFile:
    """The facts of a tar, read from its bytes."""
    with path.open("rb") as file:
        return ShardFile(
            name=path.name, size_bytes=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest()
        )


def rewrite(path: Path, rows: Sequence[ClipRow], gone: Collection[str]) -> tuple[list[ClipRow], ShardFile | None]:
    """Leave only the samples of `rows` in a shard, in their order, byte for byte as packing would write them.

    gone: ids of the clips that are withdrawn. Gives the rows with their new places, and the file; no file where
    nothing is left. It makes no difference if the same was done before. Raises DatasetError where the shard is not
    what the index says, and then leaves it.
    """
    if not rows:
        path.unlink(missing_ok=True)
        return [], None
    try:
        with path.open("rb") as file:
            places = _places(file, path, rows, gone)
            with whole_file(path) as temporary, temporary.open("wb") as target:
                sink = Digesting(target)
                placed = [_written(file, places[row.clip_id], row, gone, sink) for row in rows]
                sink.write(b"\0" * END_OF_TAR)
    except FileNotFoundError as error:
        raise DatasetError(f"shards/{path.name}: missing, but the index names it; run the build again") from error
    except (tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"shards/{path.name}: is damaged ({error}); run the build again") from error
    return placed, ShardFile(name=path.name, size_bytes=sink.size, sha256=sink.total.hexdigest())


def _places(file: BinaryIO, path: Path, rows: Sequence[ClipRow], gone: Collection[str]) -> dict[str, tuple[int, int]]:
    """Where the samples lie by the tar's own headers: the index may be older than the tar."""
    places, wanted = places_of(file), {row.clip_id for row in rows}
    strange = sorted(wanted - places.keys()) + sorted(places.keys() - wanted - set(gone))
    if strange:
        raise DatasetError(
            f"shards/{path.name}: clip {strange[0]} is in the index or in the shard, not in both: "
            "the last build did not end; run it again, and it will finish the withdrawal"
        )
    return places


def _written(file: BinaryIO, place: tuple[int, int], row: ClipRow, gone: Collection[str], sink: Digesting) -> ClipRow:
    file.seek(place[0])
    sample = file.read(place[1])
    if len(sample) != place[1]:
        raise ValueError(f"clip {row.clip_id} is cut short")
    info, offset = row.info, sink.begin()
    if any(voice.clip_id in gone for voice in info.voices):
        info, sample = _without_voices(sample, info, gone)
    sink.write(sample)
    return replace(row, offset=offset, length=len(sample), sha256=sink.part.hexdigest(), info=info)


def _without_voices(sample: bytes, info: ClipInfo, gone: Collection[str]) -> tuple[ClipInfo, bytes]:
    """A sample without the voices of clips that go. What its own files say counts, the index may be older."""
    files = read_files(io.BytesIO(sample), info.clip_id, 0, len(sample))
    held = [from_dict(VoiceSample, voice) for voice in facts_of(files["json"])["voices"]]
    codes = voices_of(files["voices.npy"], held[-1].end_frame if held else 0)
    found = [(v, codes[:, v.first_frame : v.end_frame]) for v in held if v.clip_id not in gone]
    voices, joined = laid_out(found)
    left = replace(info, voices=voices)
    files |= facts_files(left, joined)
    return left, b"".join(tar_entry(f"{info.clip_id}.{suffix}", data) for suffix, data in files.items())
