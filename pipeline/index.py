"""The two indexes beside the shards: written whole, read piece by piece."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.arrow import from_table, schema_of, to_dict, to_table
from schemas.atomic import whole_file
from schemas.checked import check_clip, check_names, check_recording
from schemas.errors import DatasetError
from schemas.shard import ClipRow, Duplicate, PackedShard, RecordingRow
from stages.pack import index_part

_ROWS: Final = 1_000  # per row group
_READ_ROWS: Final = 200  # in memory
_SAID: Final = 300  # characters


def kept_clips(
    out: Path, splits: tuple[str, ...] | None = None, withdrawn: frozenset[str] = frozenset()
) -> Iterator[ClipRow]:
    """The kept clips of these splits (None: all) that are not withdrawn, in the index's order: by split and clip id.

    Raises DatasetError where the index is not there, cannot be read or was written by another version.
    """
    wanted = pc.field("kept") if splits is None else pc.field("kept") & pc.field("split").isin(splits)
    return (row for row in clip_rows(out, wanted) if row.clip_id not in withdrawn)


def clip_rows(out: Path, wanted: pc.Expression | None = None, *, impossible: bool = False) -> Iterator[ClipRow]:
    """The rows of index/clips.parquet, or those that are wanted. Raises DatasetError.

    impossible: rows that `schemas.checked` finds at fault are there, too.
    """
    with opened(out, ClipRow) as file:
        for batch in file.iter_batches(batch_size=_READ_ROWS):
            table = pa.Table.from_batches([batch])
            for row in from_table(ClipRow, table if wanted is None else table.filter(wanted)):
                if not impossible:
                    check_clip(row)
                yield row


def recording_rows(out: Path) -> Iterator[RecordingRow]:
    """The rows of index/recordings.parquet. Raises DatasetError."""
    with opened(out, RecordingRow) as file:
        for batch in file.iter_batches(batch_size=_READ_ROWS):
            for row in from_table(RecordingRow, pa.Table.from_batches([batch])):
                check_recording(row)
                yield row


def clip_columns(out: Path, names: Sequence[str], n_rows: int = _ROWS) -> Iterator[dict[str, Any]]:
    """Some columns of the clips, a part of a struct as `info.licence`, without making whole rows of them.

    Where they are among them, ids and shards have the form of ours. Raises DatasetError.
    """
    with opened(out, ClipRow) as file:
        for batch in file.iter_batches(batch_size=n_rows, columns=list(names), use_threads=False):
            for row in batch.to_pylist():
                check_names(row)
                yield row


@contextmanager
def opened(out: Path, cls: type) -> Iterator[pq.ParquetFile]:
    """An index, of this version's columns. What is wrong with it, now or while it is read, is a DatasetError.

    cls: ClipRow or RecordingRow.
    """
    path = out / "index" / ("clips.parquet" if cls is ClipRow else "recordings.parquet")
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            if not file.schema_arrow.equals(schema_of(cls)):
                raise DatasetError(f"{path} has other columns than this version reads: build the dataset again")
            yield file
    except FileNotFoundError as error:
        raise DatasetError(
            f"{out} has no index/{path.name}: it is no dataset, or its build did not end; build again"
        ) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        why = " ".join(str(error).split())[:_SAID]
        raise DatasetError(f"{path}: unreadable index ({why}): restore it, or build the dataset again") from error


def write_clips(
    out: Path,
    packed: Iterable[PackedShard],
    dropped: list[ClipRow],
    duplicates: Mapping[str, tuple[Duplicate, ...]] | None = None,
    tombstones: pa.Table | None = None,
) -> None:
    """index/clips.parquet: the parts of the shards in their order, then the clips that are not kept.

    duplicates: of each clip that has some. They may change while its shard does not, and so are in no part.
    tombstones: rows of clips that were withdrawn and of which nothing else is left.
    """

    def tables() -> Iterable[pa.Table]:
        for shard in packed:
            yield with_duplicates(pq.read_table(index_part(out, shard.name)), duplicates or {})
        left_out = with_duplicates(to_table(ClipRow, dropped), duplicates or {})
        yield left_out if tombstones is None else joined([left_out, tombstones])

    _write(out / "index" / "clips.parquet", schema_of(ClipRow), tables())


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Rows of clips that are not kept, by clip id: how they stand in the index."""
    table = pa.concat_tables([one.cast(schema_of(ClipRow)) for one in tables])
    return table.take(pc.sort_indices(table["clip_id"])).combine_chunks()


def with_duplicates(table: pa.Table, duplicates: Mapping[str, tuple[Duplicate, ...]]) -> pa.Table:
    """Rows of the index with their near duplicates."""
    place, column = table.schema.get_field_index("duplicates"), schema_of(ClipRow).field("duplicates")
    found = [[to_dict(d) for d in duplicates.get(clip_id, ())] for clip_id in table.column("clip_id").to_pylist()]
    return table.set_column(place, column, pa.array(found, column.type))


def write_recordings(out: Path, rows: Iterable[RecordingRow]) -> None:
    """index/recordings.parquet, by URI."""
    ordered = sorted(rows, key=lambda row: (row.uri, row.origin))
    tables = (to_table(RecordingRow, ordered[i : i + _ROWS]) for i in range(0, len(ordered), _ROWS))
    _write(out / "index" / "recordings.parquet", schema_of(RecordingRow), tables)


def _write(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table.cast(schema))
