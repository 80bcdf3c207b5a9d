"""The two indexes beside the shards: written whole, read piece by piece."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from model.shards import DatasetError
from schemas.arrow import from_table, schema_of, to_dict, to_table
from schemas.atomic import whole_file
from schemas.shard import ClipRow, Duplicate, PackedShard, RecordingRow
from stages.pack import index_part

_ROWS = 1_000  # per row group
_READ_ROWS = 200  # in memory


def kept_clips(
    out: Path, splits: tuple[str, ...] | None = None, withdrawn: frozenset[str] = frozenset()
) -> Iterator[ClipRow]:
    """The kept clips of these splits (None: all) that are not withdrawn, in the index's order: by split and clip id.

    Raises DatasetError where the index is not there, cannot be read or was written by another version.
    """
    path = out / "index" / "clips.parquet"
    try:
        with pq.ParquetFile(path) as file:
            if not file.schema_arrow.equals(schema_of(ClipRow)):
                raise DatasetError(f"{path} has other columns than this version reads: build the dataset again")
            for batch in file.iter_batches(batch_size=_READ_ROWS):
                wanted = pc.field("kept") if splits is None else pc.field("kept") & pc.field("split").isin(splits)
                table = pa.Table.from_batches([batch]).filter(wanted)
                yield from (row for row in from_table(ClipRow, table) if row.clip_id not in withdrawn)
    except FileNotFoundError as error:
        raise DatasetError(
            f"{out} has no index/clips.parquet: it is no dataset, or its build did not end; build again"
        ) from error
    except pa.ArrowException as error:
        raise DatasetError(f"{path}: unreadable index ({error}); check it with `duplexset verify`") from error


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
