"""summary: hours, clips, recordings and speakers of what is kept, by what an auditor tells apart, and what lacks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import duckdb

from pipeline.catalog import bounded, open_catalog
from pipeline.clip_trace import licence_of
from pipeline.licences.combine import Effective, combine
from schemas.errors import UserError
from schemas.licence import Licence, missing

GROUPS: Final = {
    **{name: name for name in ("licence", "consent", "language", "split", "holder", "attribution", "jurisdiction")},
    **{name: name for name in ("speakers_consent", "retrieved", "retain_until", "evidence", "layout", "recogniser")},
    **{name: name for name in ("separated", "enhanced", "container")},
    "source": "source_url",
}
"""What may be told apart -> the column of `clips`."""
USUAL: Final = ("licence", "source", "consent", "language", "split")
USED: Final = "kept AND NOT withdrawn"
"""Which clips count: those that may be used today."""
PEOPLE: Final = "coalesce(stated_speakers, speakers)"
"""Who speaks, by name where the source names them; else `<recording_id>/<number>`."""
_TIMEOUT_S: Final = 600.0
_STATED: Final = tuple(
    f.name
    for f in fields(Licence)
    if f.name not in ("spdx", "taken", "licence_text", "consent", "speakers_consent", "rights")
)
"""What is stated or not, of a licence; the others are always there."""


class SummaryError(UserError):
    """What cannot be told apart; the message names what can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Clips that have a value in common; None where nobody stated any. `named`: of `speakers`, who have a name."""

    value: Any
    seconds: float
    clips: int
    recordings: int
    speakers: int
    named: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What is not in the data: at which stage, why, how often, seconds."""

    stage: str
    reason: str
    count: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """`whole`: all clips that may be used. `missing`: field -> clips and seconds for which nobody stated it.

    `withdrawn`: clips and seconds that withdrawn.jsonl names and the shards still hold.
    """

    whole: Group
    groups: dict[str, list[Group]]
    licence: Effective
    missing: dict[str, tuple[int, float]]
    losses: list[Loss]
    withdrawn: tuple[int, float]


def names_of_groups(text: str | None) -> tuple[str, ...]:
    """'licence,source' -> ("licence", "source"). Raises SummaryError."""
    names = USUAL if text is None else tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in GROUPS]
    if unknown or not names:
        wrong = f"{unknown[0]!r} is not told apart" if unknown else "nothing is named"
        raise SummaryError(f"--by {text}: {wrong}; give some of {', '.join(GROUPS)}")
    return names


def summary(out: Path, by: Sequence[str] = USUAL) -> Summary:
    """What OUT's indexes say. by: names of GROUPS. Raises CatalogError."""
    catalog = open_catalog(out, ordered=False)
    try:
        with bounded(catalog, _TIMEOUT_S) as cursor:
            return _summary(cursor, by)
    finally:
        catalog.close()


def _summary(cursor: duckdb.DuckDBPyConnection, by: Sequence[str]) -> Summary:
    """Recordings and speakers are told apart by hashes of 64 bits, which is faster than by their names."""
    columns = list(dict.fromkeys([*(GROUPS[name] for name in by), "licence", "taken", "consent", "speakers_consent"]))
    stated = " + ".join(f"({_is_stated(name)})::INTEGER * {1 << at}" for at, name in enumerate(_STATED))
    chosen = f"SELECT recording_id AS r, {PEOPLE} AS p, duration_s, {', '.join(columns)}, attribution_required"
    cursor.execute(
        "CREATE TEMP TABLE used AS SELECT hash(r) AS recording, hash(p[1]) AS one, hash(p[2]) AS other,"
        " NOT starts_with(p[1], r || '/') AS one_named, NOT starts_with(p[2], r || '/') AS other_named,"
        f" * EXCLUDE (r, p) FROM ({chosen}, {stated} AS stated FROM clips WHERE {USED})"
    )
    (whole,) = _groups(cursor, "1") or [Group(value=1, seconds=0, clips=0, recordings=0, speakers=0, named=0)]
    taken = f"SELECT DISTINCT coalesce(taken, licence) FROM clips WHERE {USED}"
    licences = [str(name) for (name,) in cursor.execute(taken).fetchall()]
    lost = (
        "SELECT stage, reason, count(*), sum(length_s) AS s FROM losses GROUP BY ALL ORDER BY s DESC, stage, reason"
    )
    (still,) = cursor.execute(
        "SELECT count(*), coalesce(sum(duration_s), 0) FROM clips WHERE kept AND withdrawn"
    ).fetchall()
    return Summary(
        whole=whole,
        groups={name: _groups(cursor, GROUPS[name]) for name in by},
        licence=combine(licences),
        missing=_missing(cursor),
        losses=[
            Loss(stage=stage, reason=reason, count=n, seconds=seconds)
            for stage, reason, n, seconds in cursor.execute(lost).fetchall()
        ],
        withdrawn=still,
    )


def _groups(cursor: duckdb.DuckDBPyConnection, column: str) -> list[Group]:
    """The groups by a column of `used`, those with most hours first."""
    heard = (
        f"SELECT {column} AS value, one AS p, one_named AS named FROM used"
        f" UNION ALL SELECT {column}, other, other_named FROM used"
    )
    voices = (
        "SELECT value, count(*) AS speakers, count(*) FILTER (named) AS named"
        f" FROM (SELECT value, p, any_value(named) AS named FROM ({heard}) GROUP BY value, p) GROUP BY value"
    )
    counted = (
        f"SELECT {column} AS value, sum(duration_s) AS seconds, count(*) AS clips,"
        " count(DISTINCT recording) AS recordings FROM used GROUP BY 1"
    )
    rows = cursor.execute(
        f"SELECT c.value, seconds, clips, recordings, speakers, named FROM ({counted}) c"
        f" JOIN ({voices}) v ON c.value IS NOT DISTINCT FROM v.value ORDER BY seconds DESC, c.value"
    ).fetchall()
    return [
        Group(value=value, seconds=seconds, clips=clips, recordings=recordings, speakers=speakers, named=named)
        for value, seconds, clips, recordings, speakers, named in rows
    ]


def _is_stated(name: str) -> str:
    return "coalesce(len(jurisdiction), 0) > 0" if name == "jurisdiction" else f"{name} IS NOT NULL"


def _missing(cursor: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, float]]:
    """What `schemas.licence.missing` says, asked once for all clips that state the same fields."""
    clips, seconds = Counter[str](), Counter[str]()
    rows = cursor.execute(
        "SELECT licence, consent, speakers_consent, attribution_required, stated, count(*), sum(duration_s)"
        " FROM used GROUP BY ALL"
    ).fetchall()
    for spdx, consent, speakers_consent, attribution, stated, n, length_s in rows:
        lacking = {name: () if name == "jurisdiction" else None for name in _unstated(stated)}
        consents = {"consent": consent or "unknown", "speakers_consent": speakers_consent or "unknown"}
        licence = licence_of({"spdx": spdx, **consents, "rights": {"attribution": attribution}, **_ALL, **lacking})
        for name in missing(licence):
            clips[name] += n
            seconds[name] += length_s
    return {name: (clips[name], seconds[name]) for name in sorted(clips, key=lambda name: (-seconds[name], name))}


_ALL: Final[dict[str, Any]] = {name: ("DE",) if name == "jurisdiction" else "stated" for name in _STATED}


def _unstated(stated: int) -> Iterator[str]:
    return (name for at, name in enumerate(_STATED) if not stated >> at & 1)
