"""The indexes made to agree with withdrawn.jsonl, and the shards on the way; read and written piece by piece."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.index import clip_columns, clip_rows, joined, recording_rows, write_recordings
from pipeline.withdraw.shards import ShardFile, rewrite
from pipeline.withdraw.tombstones import (
    clip_tombstone,
    mark_of,
    mark_of_recording,
    recording_tombstone,
    scrubbed,
    scrubbed_losses,
    was_read,
    without,
)
from schemas.arrow import from_table, schema_of, to_table
from schemas.atomic import whole_file
from schemas.clip import ClipInfo
from schemas.errors import DatasetError
from schemas.rejection import Reason
from schemas.shard import ClipRow, Loss, RecordingRow
from schemas.withdrawn import Mark, Withdrawn

_OF_CLIP: Final = ("recording_id", "start_s", "end_s", "speakers", "stated_speakers", "voices")
_COLUMNS: Final = (
    *("clip_id", "kept", "shard", "info.licence.source_url", "info.licence.spdx"),
    *(f"info.{name}" for name in _OF_CLIP),
)
_BATCH: Final = 1_000

Losses = Mapping[str, list[Loss]]
"""What a withdrawal takes of each recording, by its id."""


@dataclass(slots=True)
class Survey:
    """What is in the index of clips of what is withdrawn. `shards`: those that change."""

    clips: set[str] = field(default_factory=set)
    shards: set[str] = field(default_factory=set)
    losses: dict[str, list[Loss]] = field(default_factory=lambda: defaultdict(list))


def clips_file(out: Path) -> pq.ParquetFile:
    """The index of clips, of this version. Raises DatasetError."""
    path = out / "index" / "clips.parquet"
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError as error:
        raise DatasetError(f"{out} has no index/clips.parquet: it is no dataset; build it again") from error
    except pa.ArrowException as error:
        raise DatasetError(f"{path}: unreadable index ({error}); build the dataset again") from error
    if not file.schema_arrow.equals(schema_of(ClipRow)):
        file.close()
        raise DatasetError(f"{path} has other columns than this version reads: build the dataset again")
    return file


def survey(out: Path, withdrawn: Withdrawn) -> Survey:
    """Look through the index of clips. Raises DatasetError."""
    found = Survey()
    lenders: dict[str, set[str]] = defaultdict(set)  # shard -> clips whose voices are in it
    for row in clip_columns(out, _COLUMNS):
        info = row["info"]
        mark = _mark(row["clip_id"], info, withdrawn)
        if mark is not None:
            found.clips.add(row["clip_id"])
            place = {"start_s": info["start_s"], "end_s": info["end_s"]}
            loss = Loss(stage="select", reason=Reason.WITHDRAWN.value, detail=mark.detail, **place)
            found.losses[info["recording_id"]].append(loss)
            if row["kept"]:
                found.shards.add(row["shard"])
        elif row["kept"] and info["recording_id"] in withdrawn.stretches:
            lenders[row["shard"]] |= {voice["clip_id"] for voice in info["voices"]}
    found.shards |= {shard for shard, lent in lenders.items() if lent & found.clips}
    return found


def _mark(clip_id: str, info: Mapping[str, Any], withdrawn: Withdrawn) -> Mark | None:
    names = (*info["speakers"], *(info["stated_speakers"] or ()))
    found = withdrawn.clip(clip_id, info["recording_id"], info["start_s"], info["end_s"], names)
    return found or withdrawn.of((), info["licence"]["source_url"], info["licence"]["spdx"])


def rewrite_clips(
    out: Path, withdrawn: Withdrawn, seen: Survey, say: Callable[[str], None]
) -> list[ShardFile | None]:
    """Rewrite the shards of a survey, then index/clips.parquet. Gives the shards' files, None of one that is gone."""
    files: list[ShardFile | None] = []
    dropped: list[pa.Table] = []
    path = out / "index" / "clips.parquet"
    with (
        clips_file(out) as before,
        whole_file(path) as temporary,
        pq.ParquetWriter(temporary, schema_of(ClipRow), compression="zstd") as writer,
    ):
        for group in range(before.num_row_groups):
            table = before.read_row_group(group)
            kept, others = table.filter(table["kept"]), table.filter(pc.invert(table["kept"]))
            names = set(kept["shard"].to_pylist())
            if names & seen.shards:
                rows = list(from_table(ClipRow, kept))
                dropped.append(_dropped([row for row in rows if row.clip_id in seen.clips], withdrawn, seen.clips))
                placed: dict[str, ClipRow] = {}
                for name in sorted(names & seen.shards):
                    say(f"rewriting shard {len(files) + 1} of {len(seen.shards)}")
                    stay = [row for row in rows if row.shard == name and row.clip_id not in seen.clips]
                    again, written = rewrite(out / "shards" / name, stay, seen.clips)
                    files.append(written)
                    placed |= {row.clip_id: row for row in again}
                left = [placed.get(row.clip_id, row) for row in rows if row.clip_id not in seen.clips]
                kept = to_table(ClipRow, left)
            if kept.num_rows:
                writer.write_table(without_duplicates(kept, seen.clips).cast(schema_of(ClipRow)))
            dropped.append(_dropped(from_table(ClipRow, others), withdrawn, seen.clips))
        writer.write_table(joined(dropped))
    return files


def _dropped(rows: Iterable[ClipRow], withdrawn: Withdrawn, gone: Collection[str]) -> pa.Table:
    """Rows of clips that are not kept: tombstones of those that are withdrawn."""
    table = to_table(ClipRow, (_left(row, withdrawn, gone) for row in rows))
    return without_duplicates(table, gone)


def _left(row: ClipRow, withdrawn: Withdrawn, gone: Collection[str]) -> ClipRow:
    mark = mark_of(row.info, withdrawn) if row.clip_id in gone else None
    return clip_tombstone(row, mark.detail) if mark else replace(row, detail=scrubbed(row.detail, gone))


def without_duplicates(table: pa.Table, gone: Collection[str]) -> pa.Table:
    """Rows whose `duplicates` name no clip that is gone."""
    named = pc.struct_field(pc.list_flatten(table["duplicates"]), "clip_id").to_pylist()
    if not any(clip_id in gone for clip_id in named):
        return table
    place, column = table.schema.get_field_index("duplicates"), schema_of(ClipRow).field("duplicates")
    left = [[one for one in found if one["clip_id"] not in gone] for found in table["duplicates"].to_pylist()]
    return table.set_column(place, column, pa.array(left, column.type))


def clips_of_ids(out: Path, ids: Collection[str]) -> Iterator[ClipInfo]:
    """What the index has of these clips."""
    return (row.info for row in clip_rows(out, pc.field("clip_id").isin(pa.array(sorted(ids), pa.string()))))


def rewrite_recordings(out: Path, withdrawn: Withdrawn, seen: Survey) -> list[RecordingRow]:
    """Rewrite index/recordings.parquet; gives its rows. Raises DatasetError."""
    rows = [recording_left(row, withdrawn, seen.losses, seen.clips) for row in recording_rows(out)]
    write_recordings(out, rows)
    return rows


def recording_left(row: RecordingRow, withdrawn: Withdrawn, losses: Losses, gone: Collection[str]) -> RecordingRow:
    """What is left of a recording's row."""
    if row.recording_id and row.recording_id in losses and was_read(row):
        row = without(row, losses[row.recording_id])
    if mark_of_recording(row, withdrawn):
        return recording_tombstone(row, withdrawn.salt)
    return scrubbed_losses(row, gone)


def tombstones_before(
    out: Path, withdrawn: Withdrawn, here: Collection[str]
) -> tuple[pa.Table, dict[str, list[RecordingRow]]]:
    """What the indexes that are there have of what is withdrawn, as a build carries it on: clips, recordings by id.

    here: ids of clips that the build has itself.
    """
    carried = [to_table(ClipRow, [])]
    there: dict[str, list[RecordingRow]] = defaultdict(list)
    if not withdrawn or not (out / "index" / "recordings.parquet").is_file():
        return joined(carried), {}
    seen = survey(out, withdrawn)
    wanted = pc.field("clip_id").isin(pa.array(sorted(seen.clips - set(here)), pa.string()))
    rows = clip_rows(out, wanted)
    while some := list(islice(rows, _BATCH)):
        carried.append(_dropped(some, withdrawn, seen.clips))
    for row in recording_rows(out):
        if row.recording_id and row.recording_id in withdrawn.recordings:
            there[row.recording_id].append(recording_left(row, withdrawn, seen.losses, seen.clips))
    return joined(carried), dict(there)


def shard_sizes(out: Path) -> dict[str, tuple[str, int]]:
    """Of each shard, its split and how many clips it holds, in the order of the index."""
    found: dict[str, tuple[str, int]] = {}
    for row in clip_columns(out, ["kept", "split", "shard"]):
        if row["shard"] is not None:
            found[row["shard"]] = (row["split"], found.get(row["shard"], ("", 0))[1] + 1)
    return found
