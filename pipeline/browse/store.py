"""The indexes as the pages ask them: flat columns in memory for lists and sums, one row of the file for a clip.

What is withdrawn meanwhile counts at once; a dataset that is built anew meanwhile is not shown any more.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow.parquet as pq

from pipeline.browse.filters import CHOICES, PAGE, Filter
from pipeline.browse.text import BrowseError, key_of
from pipeline.catalog import CatalogError, bounded, open_catalog, root_of
from pipeline.catalog_row import row_at
from pipeline.visible import clean, shown
from schemas.errors import UserError
from schemas.withdrawn import NAME

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
_STRANGE: Final = (
    "SELECT clip_id FROM clips WHERE (duration_s BETWEEN 0 AND 1e9 AND n_frames >= 0) IS NOT true LIMIT 1"
)
_RECORDED: Final = (
    "uri, uri_b, origin, recording_id, licence, duration_s, kept_s, n_clips, lost, notes, reasons,"
    " duration_s - kept_s AS lost_s"
)


_Stamp = tuple[int, int, int] | None


class ChangedError(UserError):
    """The indexes are others than those that were read."""


@dataclass(slots=True)
class Store:
    """What is known of the dataset in `out`, read at the start. `changes`: how often more was withdrawn since.

    Methods raise CatalogError, BrowseError, ChangedError.
    """

    out: Path
    catalog: duckdb.DuckDBPyConnection
    _file: pq.ParquetFile
    _indexes: tuple[_Stamp, ...]
    _withdrawn: _Stamp
    changes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _following: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        """Let go of the database and the file."""
        self.catalog.close()
        self._file.close()
        del self.catalog  # Python may end before this is collected, and DuckDB says so

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of one of our own questions, by column."""
        self.follow()
        with bounded(self.catalog) as cursor:
            cursor.execute(sql, list(values))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def follow(self) -> None:
        """Mark what was withdrawn since it was read last. Raises ChangedError."""
        if _stamps(self.out) != self._indexes:
            raise ChangedError("the dataset was built anew or changed: end browse with Ctrl-C and start it again")
        with self._following:
            now = _stamp(root_of(self.out) / NAME)
            if now == self._withdrawn:
                return
            fresh = open_catalog(self.out)
            try:
                ids = [one for (one,) in fresh.execute("SELECT clip_id FROM clips WHERE withdrawn").fetchall()]
            finally:
                fresh.close()
            with bounded(self.catalog) as cursor:
                cursor.execute("UPDATE flat SET withdrawn = clip_id IN (SELECT unnest(?::VARCHAR[]))", [ids])
            self._withdrawn, self.changes = now, self.changes + 1

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
        with self._lock:
            row = row_at(self._file, found[0]["at"])
        if not _possible(row["info"]):
            raise BrowseError(f"clip {shown(clip_id, 40)}: its row is not of two channels; run `duplexset verify`")
        return {**row, "withdrawn": found[0]["withdrawn"]}

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
    indexes, withdrawn = _stamps(out), _stamp(root_of(out) / NAME)
    catalog = open_catalog(out)
    with bounded(catalog, 600.0) as cursor:
        if strange := cursor.execute(_STRANGE).fetchall():
            catalog.close()
            raise CatalogError(
                f"index/clips.parquet: clip {shown(str(strange[0][0]), 40)} cannot be; run `duplexset verify`"
            )
        cursor.execute(f"CREATE TABLE flat AS SELECT {_FLAT} FROM clips")
        cursor.execute(f"CREATE TABLE recorded AS SELECT {_RECORDED} FROM recordings")
    return Store(out, catalog, pq.ParquetFile(out / "index" / "clips.parquet", pre_buffer=False), indexes, withdrawn)


def _possible(info: Mapping[str, Any]) -> bool:
    pairs = (info["speakers"], *(info["quality"][name] for name in ("speech_s", "level_db", "leakage_db")))
    parts = (*info["segments"], *(info.get("events") or ()))
    return all(len(pair) == 2 for pair in pairs) and {part["channel"] for part in parts} <= {0, 1}


def _stamps(out: Path) -> tuple[_Stamp, ...]:
    return tuple(_stamp(out / "index" / f"{name}.parquet") for name in ("clips", "recordings"))


def _stamp(path: Path) -> _Stamp:
    """By what a file is known to be the same; None where there is none."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None
    return facts.st_mtime_ns, facts.st_ino, facts.st_size


def listed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A clip as a list shows it; `keys`: of the filters' values that are shown differently from what they are."""
    made: dict[str, Any] = clean(row, 120)
    keys = {name: key_of(row[name]) for name in CHOICES if (row[name] or "") != (made[name] or "")}
    return {**made, "keys": keys} if keys else made
