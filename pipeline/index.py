"""The two indexes beside the shards."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.arrow import schema_of, to_table
from schemas.atomic import whole_file
from schemas.shard import ClipRow, PackedShard, RecordingRow
from stages.pack import index_part

_ROWS = 1_000  # per row group


def write_clips(out: Path, packed: Iterable[PackedShard], dropped: list[ClipRow]) -> None:
    """index/clips.parquet: the parts of the shards in their order, then the clips that are not kept."""

    def tables() -> Iterable[pa.Table]:
        for shard in packed:
            yield pq.read_table(index_part(out, shard.name))
        yield to_table(ClipRow, dropped)

    _write(out / "index" / "clips.parquet", schema_of(ClipRow), tables())


def write_recordings(out: Path, rows: Iterable[RecordingRow]) -> None:
    """index/recordings.parquet, by URI."""
    ordered = sorted(rows, key=lambda row: (row.uri, row.origin))
    tables = (to_table(RecordingRow, ordered[i : i + _ROWS]) for i in range(0, len(ordered), _ROWS))
    _write(out / "index" / "recordings.parquet", schema_of(RecordingRow), tables)


def _write(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table.cast(schema))
