"""A withdrawal carried out: OUT is made to agree with withdrawn.jsonl.

Every step looks at what is there and may be done again, so that wherever it is killed, the same command ends at the
same bytes. First it is said that the removal begins; then the shards, the indexes and the description are
rewritten, what else holds the material is removed, and last of all it is said to be done.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.dataset_json import listed_files
from pipeline.describe import describe, made_before
from pipeline.index import recording_rows
from pipeline.withdraw import lines, scrub
from pipeline.withdraw.indexes import (
    Survey,
    clips_of_ids,
    rewrite_clips,
    rewrite_recordings,
    shard_sizes,
    survey,
)
from pipeline.withdraw.shards import ShardFile, shard_file
from pipeline.withdraw.tombstones import mark_of_recording
from schemas.errors import UserError
from schemas.shard import PackedShard, RecordingRow, Split
from schemas.withdrawn import NAME, State, Withdrawn, read_withdrawn

Say = Callable[[str], None]


@dataclass(slots=True)
class Finished:
    """What was done. `notes`: what a person should know, a line each."""

    withdrawals: list[str] = field(default_factory=list)
    shards: int = 0
    prepared: int = 0
    evidence: int = 0
    notes: list[str] = field(default_factory=list)


def finish(out: Path, today: str, say: Say) -> Finished:
    """Carry out what is marked and what was begun; the folder must be held. Raises DatasetError, WithdrawnError."""
    withdrawn = read_withdrawn(out / NAME)
    open_ids = [one.id for one in lines.in_state(withdrawn, State.MARKED, State.REMOVING)]
    if not open_ids:
        return Finished()
    marked = [one.id for one in lines.in_state(withdrawn, State.MARKED)]
    seen = survey(out, withdrawn.ours())
    if marked:  # from here on, nothing can be undone
        withdrawn = lines.turn(out, marked, State.REMOVING, today, shards=sorted(seen.shards))
    say("rewriting shards and indexes")
    withdrawn = withdrawn.ours()
    _traces(out, withdrawn, seen)
    written = rewrite_clips(out, withdrawn, seen, say)
    rows = rewrite_recordings(out, withdrawn, seen)
    _describe(out, withdrawn, rows, [one for one in written if one])
    done = _settled(out, rows, say)
    done.shards = len(written)
    done.notes += _report(out, say)
    lines.turn(out, open_ids, State.DONE, today)
    done.withdrawals = open_ids
    return done


def settle(out: Path, today: str, say: Say) -> list[str]:
    """The same after a build, which has packed the shards and written the indexes without what is withdrawn.

    What it prepared anew is taken out of the prepared files again. Gives the withdrawals that this ends.
    """
    withdrawn = read_withdrawn(out / NAME)
    if not withdrawn.gone():
        return []
    _settled(out, list(recording_rows(out)), say)
    open_ids = [one.id for one in lines.in_state(withdrawn, State.REMOVING)]
    lines.turn(out, open_ids, State.DONE, today)
    return open_ids


def _settled(out: Path, rows: list[RecordingRow], say: Say) -> Finished:
    say("removing prepared files and evidence")
    gone = read_withdrawn(out / NAME).gone()
    scrub.parts(out, gone)
    return Finished(prepared=scrub.prepared(out, gone), evidence=scrub.evidence(out, gone, rows))


def _traces(out: Path, withdrawn: Withdrawn, seen: Survey) -> None:
    rows = (row for row in recording_rows(out) if mark_of_recording(row, withdrawn))
    scrub.traces(out, rows, clips_of_ids(out, seen.clips))


def _describe(out: Path, withdrawn: Withdrawn, rows: list[RecordingRow], written: list[ShardFile]) -> None:
    """Write the description: of shards that changed, now or before this was broken off, by their bytes."""
    files = listed_files(out)
    known = {file.name: file for file in written}
    touched = {name for one in lines.in_state(withdrawn, State.REMOVING) for name in one.shards}
    shards = []
    for name, (split, n_clips) in shard_sizes(out).items():
        entry = files.get(f"shards/{name}")
        if name in known or name in touched or entry is None or entry.size is None:
            file = known.get(name) or shard_file(out / "shards" / name)
        else:
            file = ShardFile(name=name, size_bytes=entry.size, sha256=entry.sha256)
        shards.append(
            PackedShard(
                name=name,
                split=Split(split),
                n_clips=n_clips,
                size_bytes=file.size_bytes,
                sha256=file.sha256,
                plan_sha256="",
            )
        )
    describe(out, made_before(out), rows, shards)


def _report(out: Path, say: Say) -> list[str]:
    """Write report.html anew where there is one; where that fails, it goes."""
    from pipeline.report.write import NAME as REPORT
    from pipeline.report.write import write_report

    if not (out / REPORT).exists():
        return []
    say("writing the report")
    try:
        write_report(out)
    except (OSError, UserError) as error:
        (out / REPORT).unlink(missing_ok=True)
        return [f"{REPORT} is removed, since it could not be written anew ({error})"]
    return []
