"""The figures that a dataset's descriptions rest on, asked of its indexes: the same indexes, the same figures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb

from pipeline.catalog import bounded, open_catalog

MOST: Final = 40
"""Groups of a kind that are told apart; the others are one."""
COUNTED: Final = 2_000_000
"""Speakers up to which they are counted; more are estimated, to within a few percent."""
_PATIENCE_S: Final = 3_600.0
_LENGTH: Final = "duration_s"
_GROUPS: Final = {
    **{
        name: name for name in ("split", "licence", "holder", "source_url", "consent", "speakers_consent", "language")
    },
    **{name: name for name in ("layout", "retain_until", "attribution")},
    "source": "container || ', ' || info.provenance.source_codec || ', ' || info.provenance.source_sample_rate_hz"
    " || ' Hz'",
    "jurisdiction": "nullif(list_aggregate(jurisdiction, 'string_agg', ', '), '')",
    "words": "CASE WHEN recogniser IS NOT NULL THEN 'recognised by ' || recogniser"
    " WHEN words IS NOT NULL THEN 'from transcripts' END",
    "aligner": "info.transcript.aligner",
}
"""What kept clips are grouped by: name -> SQL over the view `clips`; NULL is what nobody stated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Kept clips that have something in common. `name`: None where nobody stated it."""

    name: str | None
    clips: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """The largest groups, at most MOST of them, and what the `more` others hold together."""

    groups: tuple[Group, ...] = ()
    more: int = 0
    more_s: float = 0.0

    @property
    def named(self) -> tuple[Group, ...]:
        """Those that somebody stated."""
        return tuple(group for group in self.groups if group.name is not None)

    def seconds(self, name: str | None) -> float:
        """Of one group; None: of what nobody stated."""
        return sum(group.seconds for group in self.groups if group.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speakers:
    """How many are heard; `unnamed`: of those that have no name but their number in a recording; `exact`: counted."""

    number: int
    unnamed: int
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Of the kept clips. Sums in seconds; `figures`: others by name, None where there is nothing to measure."""

    clips: int
    seconds: float
    speakers: Speakers
    by: Mapping[str, Grouped]
    sums: Mapping[str, float]
    figures: Mapping[str, float | None]
    events: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    retrieved: tuple[str, str] | None = None

    def share(self, name: str) -> float:
        """A sum's share of the whole time, 0 to 1; 0 of nothing."""
        return self.sums[name] / self.seconds if self.seconds else 0.0


def facts_of(out: Path) -> Facts:
    """The facts of the indexes in OUT. Raises CatalogError."""
    catalog = open_catalog(out)
    try:
        with bounded(catalog, _PATIENCE_S) as cursor:
            ((clips, micros, first, last),) = _ask(
                cursor, f"SELECT count(*), {_micros(_LENGTH)}, min(retrieved), max(retrieved) FROM clips WHERE kept"
            )
            speakers = _speakers(cursor)
            return Facts(
                clips=clips,
                seconds=_seconds(micros),
                speakers=speakers,
                by={name: _grouped(rows) for name, rows in _sets(cursor, _GROUPS).items()},
                sums=_sums(cursor),
                figures=_figures(cursor, speakers),
                events=_events(cursor),
                retrieved=(first, last) if first else None,
            )
    finally:
        catalog.close()


def _ask(cursor: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return cursor.execute(sql).fetchall()


def _micros(expression: str) -> str:
    """A sum in whole microseconds: whatever the order of the rows, it is the same."""
    return f"coalesce(sum(try_cast(round(({expression}) * 1e6) AS BIGINT)), 0)"


def _seconds(micros: int) -> float:
    return int(micros) / 1e6


_Row = tuple[Any, int, int]
"""A value, how many kept clips have it, and their microseconds."""


def _sets(cursor: duckdb.DuckDBPyConnection, expressions: Mapping[str, str]) -> dict[str, list[_Row]]:
    """What each expression is in the kept clips; all are asked in one go through the index."""
    names = [f"g{at}" for at in range(len(expressions))]
    columns = ", ".join(f"{sql} AS {name}" for name, sql in zip(names, expressions.values(), strict=True))
    rows = _ask(
        cursor,
        f"SELECT grouping({', '.join(names)}), coalesce({', '.join(f'{name}::VARCHAR' for name in names)}), count(*),"
        f" {_micros(_LENGTH)} FROM (SELECT {_LENGTH}, {columns} FROM clips WHERE kept)"
        f" GROUP BY GROUPING SETS ({', '.join(f'({name})' for name in names)})",
    )
    found: dict[str, list[_Row]] = {name: [] for name in expressions}
    every = (1 << len(names)) - 1
    of_mask = {every & ~(1 << (len(names) - 1 - at)): name for at, name in enumerate(expressions)}
    for mask, value, clips, micros in rows:
        found[of_mask[mask]].append((value, clips, int(micros)))
    return found


def _grouped(rows: list[_Row]) -> Grouped:
    """By length; what nobody stated is always among them."""
    ordered = sorted(rows, key=lambda row: (-row[2], row[0] is not None, row[0] or ""))
    named = [row for row in ordered if row[0] is not None]
    others = named[MOST:]
    most = [row for row in ordered if row not in others]
    return Grouped(
        groups=tuple(Group(name=name, clips=clips, seconds=_seconds(micros)) for name, clips, micros in most),
        more=len(others),
        more_s=_seconds(sum(micros for *_, micros in others)),
    )


def _speakers(cursor: duckdb.DuckDBPyConnection) -> Speakers:
    """Counted one by one up to COUNTED, estimated beyond."""
    names = "SELECT unnest(coalesce(stated_speakers, speakers)) AS s, recording_id AS r FROM clips WHERE kept"
    unnamed = "CASE WHEN starts_with(s, r || '/') THEN s END"
    about = f"approx_count_distinct(s), approx_count_distinct({unnamed})"
    ((number, nameless),) = _ask(cursor, f"SELECT {about} FROM ({names})")
    if number > COUNTED:
        return Speakers(number=number, unnamed=nameless, exact=False)
    ((number, nameless),) = _ask(cursor, f"SELECT count(DISTINCT s), count(DISTINCT {unnamed}) FROM ({names})")
    return Speakers(number=number, unnamed=nameless, exact=True)


_SUMS: Final = {
    "separated_s": (_LENGTH, "separated"),
    "enhanced_s": (_LENGTH, "enhanced"),
    "overlap_s": ("overlap_s", "true"),
    "silence_s": ("silence_s", "true"),
    "speech_s": ("speech_s", "true"),
    "less_s": ("list_min(quality.speech_s)", "true"),
    "uncertain_s": (_LENGTH, "words IS NOT NULL AND NOT coalesce(info.transcript.certain, true)"),
    "talk_s": (
        "list_max([s.end_s FOR s IN info.segments]) - list_min([s.start_s FOR s IN info.segments])",
        "len(info.segments) > 0",
    ),
    "separated_overlap_s": ("list_sum([o.end_s - o.start_s FOR o IN info.overlaps])", "len(info.overlaps) > 0"),
    "unsure_overlap_s": (
        "list_sum([o.end_s - o.start_s FOR o IN info.overlaps IF o.confidence < 0.5])",
        "len(info.overlaps) > 0",
    ),
}
"""Name -> what is added up, over which of the kept clips. `talk_s`: from the first to the last speech of each."""
_FIGURES: Final = {
    "leakage_worst_db": "max(leakage_db) FILTER (NOT separated)",
    "separated_leakage_worst_db": "max(leakage_db) FILTER (separated)",
    "shortest_s": "min(duration_s)",
    "longest_s": "max(duration_s)",
    "words": "sum(words)::BIGINT",
    "approximate_words": "sum(info.transcript.approximate)::BIGINT",
    "doubted_words": "sum(list_sum([r.silent + r.repeats + r.rushed + r.doubtful + r.bleed"
    " FOR r IN [info.transcript.removed] IF r IS NOT NULL]))::BIGINT",
    "both_voices": "count(*) FILTER (len(list_distinct([v.channel FOR v IN info.voices])) = 2)",
}
_MEDIANS: Final = {
    "leakage_median_db": ("CASE WHEN NOT separated THEN leakage_db END", 0.1),
    "separated_leakage_median_db": ("CASE WHEN separated THEN leakage_db END", 0.1),
    "median_s": (_LENGTH, 0.1),
}
"""Name -> of what, and to what it is rounded: so many different values at most are held, whatever there is."""


def _sums(cursor: duckdb.DuckDBPyConnection) -> dict[str, float]:
    columns = ", ".join(f"{_micros(f'CASE WHEN {where} THEN {what} END')}" for what, where in _SUMS.values())
    (row,) = _ask(cursor, f"SELECT {columns} FROM clips WHERE kept")
    return {name: _seconds(value) for name, value in zip(_SUMS, row, strict=True)}


def _figures(cursor: duckdb.DuckDBPyConnection, speakers: Speakers) -> dict[str, float | None]:
    (row,) = _ask(cursor, f"SELECT {', '.join(_FIGURES.values())} FROM clips WHERE kept")
    rounded = {name: f"round(({what}) / {step})::BIGINT" for name, (what, step) in _MEDIANS.items()}
    medians = {
        name: _median([(int(value), clips) for value, clips, _ in rows if value is not None], _MEDIANS[name][1])
        for name, rows in _sets(cursor, rounded).items()
    }
    offsets = _ask(
        cursor,
        "SELECT round(e.offset_s / 0.01)::BIGINT AS v, count(*) FROM (SELECT unnest([e FOR e IN info.events"
        " IF e.offset_s IS NOT NULL]) AS e FROM clips WHERE kept) GROUP BY 1",
    )
    spoken = "SELECT unnest(speakers) AS s, unnest(quality.speech_s) AS t FROM clips WHERE kept"
    most = f"SELECT max(us) FROM (SELECT {_micros('t')} AS us FROM ({spoken}) GROUP BY s)"
    ((most_us,),) = _ask(cursor, most) if speakers.exact else [(None,)]
    return {
        **dict(zip(_FIGURES, row, strict=True)),
        **medians,
        "fto_median_s": _median(offsets, 0.01),
        "most_spoken_s": None if most_us is None else _seconds(most_us),
    }


def _median(counts: Iterable[tuple[int, int]], step: float) -> float | None:
    """Of values in steps and how often each is there; None of none."""
    ordered = sorted(counts)
    left = (sum(count for _, count in ordered) + 1) // 2
    for value, count in ordered:
        left -= count
        if left <= 0:
            return round(value * step, 6)
    return None


def _events(cursor: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, float]]:
    """Turn-taking by kind: how often, how long; `overlapped_changes`: of the transfers those below zero."""
    rows = _ask(
        cursor,
        f"SELECT e.kind, count(*), {_micros('e.end_s - e.start_s')}, count(*) FILTER (e.offset_s < 0) FROM"
        " (SELECT unnest(info.events) AS e FROM clips WHERE kept) GROUP BY 1 ORDER BY 1",
    )
    found = {kind: (count, _seconds(us)) for kind, count, us, _ in rows}
    return {**found, "overlapped_changes": (sum(below for *_, below in rows), 0.0)}
