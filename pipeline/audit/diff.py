"""diff: what changed between two states of a dataset, by their indexes and dataset.json.

Clips that may be used are compared by a digest of what is compared first; values are read of those alone that differ,
so many at a time.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from pipeline.audit.summary import USED
from pipeline.catalog import bounded, open_catalogs, root_of
from pipeline.clip_trace import said
from pipeline.dataset_json import read_description

FIELDS: Final = {
    **{name: name for name in ("licence", "taken", "consent", "speakers_consent", "holder", "attribution")},
    **{name: name for name in ("source_url", "retrieved", "evidence_sha256", "licence_text_sha256", "jurisdiction")},
    **{name: name for name in ("retain_until", "split", "language", "speakers", "stated_speakers", "duration_s")},
    "bytes": "sha256",
    "fingerprint": "fingerprint",
}
"""What of a clip is compared -> its column."""
MADE_BY: Final = ("fingerprint", "configuration", "stages", "weights")
GONE: Final = "no longer in the index"
_AT_ONCE: Final = 200_000
"""Clips whose values are held."""
_ROWS: Final = 1_000
_TIMEOUT_S: Final = 1_800.0
_LABELS: Final = "'clip added', 'clip removed', 'clip changed', 'recording added', 'recording removed'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A difference. `what`: as "clip removed". `name`: a clip's id, a recording's file, a setting.

    `field`, `old`, `new`: of a changed clip or setting. `reason`: why a clip is gone, or was not there.
    """

    what: str
    name: str
    field: str | None = None
    old: Any = None
    new: Any = None
    reason: str | None = None
    seconds: float | None = None

    def written(self) -> dict[str, Any]:
        """As JSON, without what there is not."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """`counts`: what -> how many and seconds, by reason or field. `licences`: licence -> seconds before and after."""

    counts: dict[tuple[str, str], tuple[int, float]]
    licences: dict[str, tuple[float, float]]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.counts


@dataclass(slots=True)
class Difference:
    """Two datasets, opened. Methods raise CatalogError."""

    _cursor: duckdb.DuckDBPyConnection
    made_by: tuple[Change, ...]
    notes: tuple[str, ...]

    def totals(self) -> Totals:
        """How much differs."""
        counts: dict[tuple[str, str], tuple[int, float]] = {}
        moved = "SELECT what, reason, count(*), sum(seconds) FROM moved GROUP BY ALL ORDER BY ALL"
        for what, reason, count, seconds in self._cursor.execute(moved).fetchall():
            counts[what, reason] = (count, seconds)
        for change in self._changed():
            count, seconds = counts.get((change.what, change.field or ""), (0, 0.0))
            counts[change.what, change.field or ""] = (count + 1, seconds + (change.seconds or 0.0))
        if self.made_by:
            counts["setting changed", ""] = (len(self.made_by), 0.0)
        sides = [_licences(self._cursor, side) for side in ("old", "new")]
        names = sorted({*sides[0], *sides[1]}, key=lambda name: (-max(s.get(name, 0.0) for s in sides), name))
        return Totals(counts=counts, licences={n: (sides[0].get(n, 0.0), sides[1].get(n, 0.0)) for n in names})

    def changes(self) -> Iterator[Change]:
        """Every one: settings, recordings, then clips by id."""
        yield from self.made_by
        order = f"list_position([{_LABELS}], what)"
        moved = f"SELECT what, name, reason, seconds FROM moved ORDER BY {order}, name"
        for what, name, reason, seconds in _streamed(self._cursor, moved):
            yield Change(what=what, name=name, reason=reason or None, seconds=seconds)
        yield from self._changed()

    def _changed(self) -> Iterator[Change]:
        """The fields of the clips that were there before and are now, with both values."""
        (n,) = self._cursor.execute("SELECT count(*) FROM differing").fetchall()[0]
        columns = ", ".join(f"o.{c} AS o{at}, n.{c} AS n{at}" for at, c in enumerate(FIELDS.values()))
        parts = 1 + n // _AT_ONCE
        for part in range(parts if n else 0):
            some = f"(SELECT clip_id FROM differing WHERE hash(clip_id) % {parts} = {part})"
            sides = (f"(SELECT * FROM {side}.clips WHERE clip_id IN {some})" for side in ("old", "new"))
            sql = (
                f"SELECT o.clip_id, n.duration_s, {columns} FROM {next(sides)} o JOIN {next(sides)} n USING (clip_id)"
                " ORDER BY o.clip_id"
            )
            for clip_id, seconds, *values in _streamed(self._cursor, sql):
                for name, old, new in zip(FIELDS, values[::2], values[1::2], strict=True):
                    if said(old) != said(new):
                        yield Change(what="clip changed", name=clip_id, field=name, old=old, new=new, seconds=seconds)


@contextmanager
def difference(old: Path, new: Path) -> Iterator[Difference]:
    """Two OUT folders, or copies of their `index` folders, opened to be compared.

    Raises CatalogError, DescriptionError.
    """
    descriptions = [read_description(root_of(folder)) for folder in (old, new)]
    notes = [
        f"{folder} has no dataset.json: settings are not compared"
        for folder, made in zip((old, new), descriptions, strict=True)
        if made is None
    ]
    catalog = open_catalogs({"old": old, "new": new}, ordered=False)
    try:
        with bounded(catalog, _TIMEOUT_S) as cursor:
            _compare(cursor)
            made_by = () if notes else tuple(_settings(descriptions[0] or {}, descriptions[1] or {}))
            yield Difference(cursor, made_by, tuple(notes))
    finally:
        catalog.close()


def _compare(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the tables `moved` (what came, what went) and `differing` (clips that are there twice, and differ)."""
    compared = ", ".join(FIELDS.values())
    gone = "CASE WHEN withdrawn THEN 'withdrawn' WHEN NOT kept THEN reason END AS reason"
    for side in ("old", "new"):
        columns = f"clip_id, {USED} AS used, duration_s AS s, hash({compared}) AS h, {gone}"
        cursor.execute(f"CREATE TEMP TABLE {side}_clips AS SELECT {columns} FROM {side}.clips")
    cursor.execute(
        "CREATE TEMP TABLE differing AS SELECT o.clip_id FROM old_clips o JOIN new_clips n USING (clip_id)"
        " WHERE o.used AND n.used AND o.h <> n.h"
    )
    cursor.execute(
        "CREATE TEMP TABLE moved AS"
        f" SELECT 'clip removed' AS what, o.clip_id AS name, coalesce(n.reason, '{GONE}') AS reason, o.s AS seconds"
        " FROM old_clips o LEFT JOIN new_clips n USING (clip_id) WHERE o.used AND NOT coalesce(n.used, false)"
        " UNION ALL SELECT 'clip added', n.clip_id, coalesce('was ' || o.reason, ''), n.s"
        " FROM new_clips n LEFT JOIN old_clips o USING (clip_id) WHERE n.used AND NOT coalesce(o.used, false)"
        f" UNION ALL {_recordings('removed', 'old', 'new')} UNION ALL {_recordings('added', 'new', 'old')}"
    )


def _recordings(what: str, side: str, other: str) -> str:
    """Recordings of one index that the other does not have; one that could not be read goes by its name."""
    one = "coalesce(recording_id, uri)"
    return (
        f"SELECT 'recording {what}', uri, '', sum(duration_s) FROM {side}.recordings"
        f" WHERE {one} NOT IN (SELECT {one} FROM {other}.recordings) GROUP BY uri"
    )


def _licences(cursor: duckdb.DuckDBPyConnection, side: str) -> dict[str, float]:
    rows = cursor.execute(f"SELECT licence, sum(duration_s) FROM {side}.clips WHERE {USED} GROUP BY 1").fetchall()
    return {str(name): seconds for name, seconds in rows}


def _streamed(cursor: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[Any, ...]]:
    cursor.execute(sql)
    while rows := cursor.fetchmany(_ROWS):
        yield from rows


def _settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What made them: stages, configuration, weights, by the names of their parts."""
    before, after = (dict(_flat("", {name: made.get(name) for name in MADE_BY})) for made in (old, new))
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Change(what="setting changed", name=name, old=before.get(name), new=after.get(name))


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """`stages.layout.version` -> 2; a list of stages goes by their names, any other list is a value."""
    if value and isinstance(value, list) and all(isinstance(one, dict) and "stage" in one for one in value):
        value = {str(one["stage"]): {k: v for k, v in one.items() if k != "stage"} for one in value}
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), one)
    elif value is not None:
        yield name, value
