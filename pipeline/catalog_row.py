"""One row of index/clips.parquet, whole, without the others: by its number, as `file_row_number` gives it."""

from bisect import bisect_right
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.catalog import CatalogError, one_line


def row_at(file: pq.ParquetFile, at: int) -> dict[str, Any]:
    """The row of a number from 0 on. Raises CatalogError where the file cannot be read, or has no such row."""
    sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    ends = list(accumulate(sizes))
    group = bisect_right(ends, at)
    if group == len(ends):
        raise CatalogError("index/clips.parquet changed: start again")
    left = at - (ends[group] - sizes[group])
    try:
        for batch in file.iter_batches(batch_size=200, row_groups=[group], use_threads=False):
            if left < batch.num_rows:
                row: dict[str, Any] = batch.slice(left, 1).to_pylist()[0]
                return row
            left -= batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise CatalogError(f"index/clips.parquet cannot be read: {one_line(error)}") from error
    raise CatalogError("index/clips.parquet changed: start again")
