"""The indexes as the pages ask them: flat columns in memory for lists and sums, one row of the file for a clip."""

import threading
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.browse.filters import CHOICES, PAGE, Filter
from pipeline.browse.text import BrowseError, clean, key_of, shown
from pipeline.catalog import bounded, one_line, open_catalog

FACETS: Final = 100
"""Values of a filter that are offered, the most common ones."""
NEAR: Final = 20_000
_FLAT: Final = (
    "clip_id, kept, reason, detail, split, shard, duration_s, licence, consent, holder, source_url, language,"
    " commercial_use, recording_id, uri, speakers, stated_speakers, overlap_share, leakage_db, overlap_confidence,"
    " less_of_speech, separated, enhanced, words, withdrawn, file_row_number,"
    " lower(concat_ws(' ', uri, array_to_string(speakers, ' '), detail)) AS words_to_find"
)
_LISTED: Final = (
    "clip_id AS id, kept, reason, split, duration_s, licence, consent, holder, source_url AS source, language,"
    " commercial_use AS commercial, uri, speakers, overlap_share AS overlap, leakage_db AS leakage,"
    " overlap_confidence AS confidence, less_of_speech AS quieter, separated, enhanced, words, withdrawn, detail,"
    " recording_id AS recording, stated_speakers AS stated"
)
_RECORDED: Final = (
    "uri, uri_b, origin, recording_id, licence, duration_s, kept_s, n_clips, lost, notes, reasons,"
    " duration_s - kept_s AS lost_s"
)


@dataclass(slots=True)
class Store:
    """What is known of the dataset in `out`, read once at the start. Methods raise CatalogError, BrowseError."""

    out: Path
    catalog: duckdb.DuckDBPyConnection
    _file: pq.ParquetFile
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        """Let go of the database and the file."""
        self.catalog.close()
        self._file.close()
        del self.catalog  # Python may end before this is collected, and DuckDB says so

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of one of our own questions, by column."""
        with bounded(self.catalog) as cursor:
            cursor.execute(sql, list(values))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def clips(self, wanted: Filter, most: int = PAGE) -> dict[str, Any]:
        """A page of the clips that are wanted, how many there are in all, and their seconds."""
        sums = f"SELECT count(*) AS n, coalesce(sum(duration_s), 0) AS seconds FROM flat WHERE {wanted.where}"
        (whole,) = self.ask(sums, wanted.values)
        found = self._page(wanted, most)
        return {
            "clips": [listed(row) for row in found],
            "total": whole["n"],
            "seconds": clean(whole["seconds"]),
            "page": wanted.page,
            "pages": -(-whole["n"] // most),
        }

    def _page(self, wanted: Filter, most: int) -> list[dict[str, Any]]:
        """Far from the start only the places are sorted, not the rows."""
        listed, order = f"SELECT {_LISTED} FROM flat WHERE", f"ORDER BY {wanted.order}"
        limit = f"LIMIT {most} OFFSET {wanted.page * most}"
        if wanted.page * most < NEAR:
            return self.ask(f"{listed} {wanted.where} {order} {limit}", wanted.values)
        at = self.ask(f"SELECT rowid AS at FROM flat WHERE {wanted.where} {order} {limit}", wanted.values)
        marks = ", ".join("?" * len(at))
        return self.ask(f"{listed} rowid IN ({marks}) {order}", [row["at"] for row in at]) if at else []

    def facets(self) -> dict[str, list[dict[str, Any]]]:
        """For each filter its most common values, with how many clips have them."""
        found = {}
        for name, column in CHOICES.items():
            counted = f"SELECT {column} AS value, count(*) AS n FROM flat GROUP BY ALL"
            rows = self.ask(f"{counted} ORDER BY n DESC, value LIMIT {FACETS}")
            found[name] = [
                {"key": key_of(row["value"]), "name": shown(row["value"] or ""), "n": row["n"]} for row in rows
            ]
        return found

    def record(self, clip_id: str) -> dict[str, Any]:
        """The whole row of a clip in index/clips.parquet, and whether it is `withdrawn`."""
        found = self.ask("SELECT file_row_number AS at, withdrawn FROM flat WHERE clip_id = ? LIMIT 1", [clip_id])
        if not found:
            raise BrowseError(f"there is no clip {shown(clip_id, 40)}")
        return {**self._row(found[0]["at"]), "withdrawn": found[0]["withdrawn"]}

    def _row(self, at: int) -> dict[str, Any]:
        sizes = [self._file.metadata.row_group(n).num_rows for n in range(self._file.num_row_groups)]
        ends = list(accumulate(sizes))
        group = bisect_right(ends, at)
        left = at - (ends[group] - sizes[group])
        try:
            with self._lock:
                for batch in self._file.iter_batches(batch_size=200, row_groups=[group], use_threads=False):
                    if left < batch.num_rows:
                        row: dict[str, Any] = batch.slice(left, 1).to_pylist()[0]
                        return row
                    left -= batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise BrowseError(f"index/clips.parquet cannot be read: {one_line(error)}") from error
        raise BrowseError("index/clips.parquet changed: start `duplexset browse` again")

    def talk(self, most: int) -> list[dict[str, Any]]:
        """Segments, events and counts of words of at most `most` kept clips, from places all over the index."""
        groups = self._file.num_row_groups
        step = max(1, groups // 20)
        chosen = list(range(0, groups, step))
        found: list[dict[str, Any]] = []
        columns = ["kept", "info.segments", "info.events", "info.quality.n_words"]
        with self._lock:
            for at, group in enumerate(chosen):
                share = -(-(most - len(found)) // (len(chosen) - at))
                rows = self._file.iter_batches(share, row_groups=[group], columns=columns, use_threads=False)
                kept = [row["info"] for batch in rows for row in batch.to_pylist() if row["kept"]][:share]
                found += kept
        return found


def open_store(out: Path) -> Store:
    """Read the indexes of OUT. Raises CatalogError."""
    catalog = open_catalog(out)
    with bounded(catalog, 600.0) as cursor:
        cursor.execute(f"CREATE TABLE flat AS SELECT {_FLAT} FROM clips")
        cursor.execute(f"CREATE TABLE recorded AS SELECT {_RECORDED} FROM recordings")
    return Store(out, catalog, pq.ParquetFile(out / "index" / "clips.parquet", pre_buffer=False))


def listed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A clip as a list shows it; `keys`: of the filters' values that are shown differently from what they are."""
    made: dict[str, Any] = clean(row, 120)
    keys = {name: key_of(row[name]) for name in CHOICES if (row[name] or "") != (made[name] or "")}
    return {**made, "keys": keys} if keys else made
