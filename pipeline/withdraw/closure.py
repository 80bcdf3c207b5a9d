"""What goes with what is named: near duplicates, whole recordings, and the copies of their bytes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow.parquet as pq

from pipeline.catalog import open_catalog
from pipeline.duplicates import alike
from pipeline.index import recording_rows
from pipeline.licences.evidence import FOLDER, names_of
from pipeline.visible import shown
from pipeline.withdraw import scrub
from pipeline.withdraw.choose import Selection, WithdrawError, ask, direct, resolved
from schemas.rejection import Reason
from schemas.shard import RecordingRow
from schemas.withdrawn import Withdrawn

_CLIP: Final = "clip_id, recording_id, start_s, end_s, n_frames, kept, split, shard, uri, reason"


@dataclass(frozen=True, slots=True)
class Going:
    """A clip that goes. near: (likeness, the clip that it is like), if it goes for another one."""

    clip_id: str
    recording_id: str
    start_s: float
    end_s: float
    n_frames: int
    kept: bool
    split: str | None
    shard: str | None
    uri: str
    near: tuple[float, str] | None = None


@dataclass(slots=True, kw_only=True)
class Taken:
    """What a withdrawal takes.

    `given`: as it was named; `selections`: by whole ids. `recordings`: those of which nothing is left, by id.
    `unread`: how many there are that were refused unread. `borrowers`: clips that stay, without the voices of others;
    their shards change, too. `prepared`, `evidence`: files that go.
    """

    given: tuple[Selection, ...] = ()
    selections: tuple[Selection, ...] = ()
    clips: dict[str, Going] = field(default_factory=dict)
    recordings: set[str] = field(default_factory=set)
    unread: int = 0
    shards: set[str] = field(default_factory=set)
    borrowers: int = 0
    prepared: int = 0
    evidence: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether there is anything to take."""
        return bool(self.clips or self.recordings or self.unread)

    @property
    def kept(self) -> list[Going]:
        """Those that are in the shards."""
        return [clip for clip in self.clips.values() if clip.kept]

    @property
    def near(self) -> list[Going]:
        """Those that go for others that they are like, by their names."""
        return sorted((c for c in self.clips.values() if c.near), key=lambda c: (c.uri, c.start_s))

    @property
    def splits(self) -> Counter[str]:
        """Clips by split."""
        return Counter(clip.split or "" for clip in self.kept)


def closure(out: Path, given: Iterable[Selection], withdrawn: Withdrawn, *, by_hand: bool = False) -> Taken:
    """What goes with these, but for what a withdrawal took before.

    by_hand: and with what was written into withdrawn.jsonl by hand. Raises CatalogError, WithdrawError, LicenceError.
    """
    catalog = open_catalog(out)
    try:
        given = tuple(given)
        taken = Taken(given=given, selections=tuple(resolved(catalog, one) for one in given))
        before = withdrawn.ours()
        hand = withdrawn.by_hand() if by_hand else Withdrawn()
        rows = list(recording_rows(out))
        _clips(catalog, taken, before, hand)
        _near(catalog, taken, before)
        _recordings(taken, rows, before, hand)
        _whole(catalog, taken, before)
        _left_behind(out, taken, rows, before)
        _require_all(catalog, taken, rows)
        _shards(catalog, taken)
    finally:
        catalog.close()
        del catalog  # Python may end before this is collected, and DuckDB says so
    _files(out, taken, rows)
    return taken


def _clips(catalog: duckdb.DuckDBPyConnection, taken: Taken, before: Withdrawn, hand: Withdrawn) -> None:
    conditions = [direct(one) for one in taken.selections]
    conditions += [direct(Selection("licence", name)) for name in hand.licences]
    values = [value for condition in conditions for value in condition.values]
    sql = [f"({condition.sql})" for condition in conditions]
    for column, found in (("clip_id", hand.clips), ("recording_id", hand.recordings)):
        if found:
            sql.append(f"{column} IN (SELECT unnest(?::VARCHAR[]))")
            values.append(list(found))
    if hand or not taken.selections:  # what a build left out for being like them
        sql.append(f"reason = '{Reason.WITHDRAWN.value}'")
    for row in ask(catalog, f"SELECT {_CLIP} FROM clips WHERE {' OR '.join(sql)}", *values):
        _add(taken, row, before)


def _require_all(catalog: duckdb.DuckDBPyConnection, taken: Taken, rows: list[RecordingRow]) -> None:
    """Raise WithdrawError where one of the selections names nothing that is there: it may be misspelt."""
    left_behind = taken.recordings - {row.recording_id for row in rows}
    for one, said in zip(taken.selections, taken.given, strict=True):
        condition = direct(one)
        found = ask(catalog, f"SELECT 1 FROM clips WHERE {condition.sql} LIMIT 1", *condition.values)
        of_recordings = (row.licence if one.kind == "licence" else _address(row) for row in rows)
        if not found and one.kind in ("licence", "source") and one.value in of_recordings:
            continue
        if not found and not (one.kind == "recording" or (one.kind == "speaker" and left_behind)):
            raise WithdrawError(
                f"--{said.kind} {shown(said.value, 100)}: nothing in the dataset is so; nothing is changed"
            )


def _address(row: RecordingRow) -> str | None:
    return row.stated.source_url if row.stated else None


def _add(taken: Taken, row: tuple[Any, ...], before: Withdrawn, near: tuple[float, str] | None = None) -> None:
    clip = replace(Going(*row[:9]), near=near)
    if clip.clip_id not in taken.clips and clip.clip_id not in before.clips:
        taken.clips[clip.clip_id] = clip


def _near(catalog: duckdb.DuckDBPyConnection, taken: Taken, before: Withdrawn) -> None:
    """Those that a build withdraws with them, by its rule: most of one's speech is in the other, either way."""
    pairs = "SELECT clip_id AS one, d.clip_id AS other, d.likeness AS likeness"
    pairs += " FROM (SELECT clip_id, unnest(duplicates) AS d FROM clips WHERE len(duplicates) > 0)"
    found: dict[str, tuple[float, str]] = {}
    for one, other, likeness in ask(catalog, pairs):
        for stays, goes in ((one, other), (other, one)):
            if goes in taken.clips and stays not in taken.clips and alike(likeness):
                found[stays] = max(found.get(stays, (0.0, "")), (likeness, goes))
    sql = f"SELECT {_CLIP} FROM clips WHERE clip_id IN (SELECT unnest(?::VARCHAR[]))"
    for row in ask(catalog, sql, list(found)) if found else ():
        _add(taken, row, before, found[row[0]])


def _recordings(taken: Taken, rows: list[RecordingRow], before: Withdrawn, hand: Withdrawn) -> None:
    """Recordings that are named themselves, or by their licence or source, clips or not."""
    licences = {one.value for one in taken.selections if one.kind == "licence"} | hand.licences.keys()
    sources = {one.value for one in taken.selections if one.kind == "source"}
    ids = {one.value for one in taken.selections if one.kind == "recording"} | hand.recordings.keys()
    for row in rows:
        if before.of((), None, row.licence) or (row.recording_id and row.recording_id in before.recordings):
            continue
        if row.recording_id in ids or row.licence in licences or _address(row) in sources:
            if row.recording_id:
                taken.recordings.add(row.recording_id)
            else:
                taken.unread += not (row.uri.startswith("withdrawn/") and not row.origin)


def _whole(catalog: duckdb.DuckDBPyConnection, taken: Taken, before: Withdrawn) -> None:
    """The recordings all of whose clips go, and the clips of those that go whole."""
    touched = {clip.recording_id for clip in taken.clips.values()} | taken.recordings
    sql = f"SELECT {_CLIP} FROM clips WHERE recording_id IN (SELECT unnest(?::VARCHAR[]))"
    staying: set[str] = set()
    for row in ask(catalog, sql, sorted(touched)) if touched else ():
        if row[1] in taken.recordings:
            _add(taken, row, before)
        elif row[0] not in taken.clips and row[0] not in before.clips:
            staying.add(row[1])
    taken.recordings |= {one for one in touched - staying if one not in before.recordings}


def _left_behind(out: Path, taken: Taken, rows: list[RecordingRow], before: Withdrawn) -> None:
    """Prepared files of recordings that are no longer in the dataset, and have what is named."""
    known = {row.recording_id for row in rows}
    wanted = {kind: {s.value for s in taken.selections if s.kind == kind} for kind in ("speaker", "clip")}
    for path in scrub.prepared_files(out):
        recording_id = scrub.recording_of(path)
        if recording_id in known or recording_id in before.recordings or not any(wanted.values()):
            continue
        with pq.ParquetFile(path) as file:
            columns = ["info.clip_id", "info.speakers", "info.stated_speakers"]
            for batch in file.iter_batches(batch_size=100, columns=columns):
                for row in batch.to_pylist():
                    info = row["info"]
                    names = {*info["speakers"], *(info["stated_speakers"] or ())}
                    if names & wanted["speaker"] or info["clip_id"] in wanted["clip"]:
                        taken.recordings.add(recording_id)


def _shards(catalog: duckdb.DuckDBPyConnection, taken: Taken) -> None:
    """Shards that hold them, or voices of theirs: only clips of the same recordings borrow them."""
    taken.shards = {clip.shard for clip in taken.clips.values() if clip.shard}
    partly = {clip.recording_id for clip in taken.clips.values()} - taken.recordings
    sql = (
        "SELECT clip_id, shard, [v.clip_id FOR v IN info.voices] FROM clips"
        " WHERE kept AND info.recording_id IN (SELECT unnest(?::VARCHAR[]))"
    )
    for clip_id, shard, lent in ask(catalog, sql, sorted(partly)) if partly else ():
        if clip_id not in taken.clips and not taken.clips.keys().isdisjoint(lent):
            taken.borrowers += 1
            taken.shards.add(shard)


def _files(out: Path, taken: Taken, rows: list[RecordingRow]) -> None:
    """Prepared files that change, and the evidence that nothing rests on then."""
    touched = {clip.recording_id for clip in taken.clips.values()} | taken.recordings
    taken.prepared = sum(scrub.recording_of(path) in touched for path in scrub.prepared_files(out))
    staying: list[RecordingRow] = []
    named: set[str] = set()
    for row in rows:
        if row.recording_id in taken.recordings and row.stated:
            named |= {name for name in names_of(row.stated) if (out / FOLDER / name).is_file()}
        else:
            staying.append(row)
    taken.evidence = sorted(named - scrub.named_by(staying))
