"""What is still there of what was withdrawn: every file of a dataset that could hold it is looked at."""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from model.tar_members import BLOCK, members
from pipeline.index import clip_rows, recording_rows
from pipeline.licences.evidence import FOLDER
from pipeline.withdraw import lines, scrub
from pipeline.withdraw.tombstones import clip_tombstone, mark_of, mark_of_recording, recording_tombstone, was_read
from schemas.errors import DatasetError
from schemas.plain_text import counted
from schemas.rejection import Reason
from schemas.shard import RecordingRow
from schemas.withdrawn import NAME, State, Withdrawn, read_withdrawn

_CLIP_ID: Final = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_PIECE: Final = 1 << 20


def remains(out: Path) -> Iterator[str]:
    """A line for everything that is still there of what withdrawn.jsonl names; none where all of it is gone.

    Raises WithdrawnError, DatasetError for what cannot be read.
    """
    withdrawn = read_withdrawn(out / NAME)
    yield from _unfinished(out, withdrawn)
    if not withdrawn:
        return
    gone, borrowing = set(withdrawn.clips), set[str]()
    yield from _clips(out, withdrawn, gone, borrowing)
    rows = list(recording_rows(out))
    yield from _recordings(rows, withdrawn)
    for path in sorted((out / "shards").glob("*.tar")):
        yield from _shard(path, gone, borrowing)
    yield from _phase_1(out, withdrawn)
    for name in scrub.evidence_gone(withdrawn.ours(), rows):
        if (out / FOLDER / name).exists():
            yield f"{FOLDER}/{name}: no recording rests on it any more"
    for name in ("report.html", "dataset.json", "DATA_CARD.md"):
        yield from _page(out / name, gone)
    for path in sorted(out.rglob(".*.tmp")):
        yield f"{path.relative_to(out)}: left by what was killed; run `duplexset withdraw {out}`"


def _unfinished(out: Path, withdrawn: Withdrawn) -> Iterator[str]:
    for one in lines.in_state(withdrawn, State.MARKED, State.REMOVING):
        what = "only marked" if one.state is State.MARKED else "begun and not done"
        yield f"withdrawal {one.id}: {what}; run `duplexset withdraw {out}`"
    hand = withdrawn.by_hand()
    if n := len(hand.clips) + len(hand.recordings) + len(hand.licences):
        yield f"{NAME}: {counted(n, 'line')} written by hand and not carried out; run `duplexset withdraw {out}`"


def _clips(out: Path, withdrawn: Withdrawn, gone: set[str], borrowing: set[str]) -> Iterator[str]:
    """borrowing: filled with clips that could hold voices of what is gone, since they are of the same recordings."""
    for row in clip_rows(out):
        mark = mark_of(row.info, withdrawn)
        if mark:
            gone.add(row.clip_id)
        if mark and row.kept:
            yield f"index/clips.parquet: clip {row.clip_id} is kept, and withdrawn"
        elif row.reason == Reason.WITHDRAWN and row != clip_tombstone(row, row.detail or ""):
            yield f"index/clips.parquet: clip {row.clip_id} is withdrawn, and the row says whose it was"
        elif row.kept and row.info.recording_id in withdrawn.stretches:
            borrowing.add(row.clip_id)
        if any(other.clip_id in withdrawn.clips for other in row.duplicates):
            yield f"index/clips.parquet: clip {row.clip_id} names a withdrawn one as its near duplicate"
        if row.kept and any(voice.clip_id in withdrawn.clips for voice in row.info.voices):
            yield f"index/clips.parquet: clip {row.clip_id} has voices of a withdrawn one"


def _recordings(rows: list[RecordingRow], withdrawn: Withdrawn) -> Iterator[str]:
    for row in rows:
        name = row.recording_id or row.uri
        if mark_of_recording(row, withdrawn):
            if row.n_clips and was_read(row):
                yield f"index/recordings.parquet: recording {name} is kept, and withdrawn"
            elif row != recording_tombstone(row, withdrawn.salt):
                yield f"index/recordings.parquet: recording {name} is withdrawn, and the row says whose it was"


def _shard(path: Path, gone: set[str], borrowing: set[str]) -> Iterator[str]:
    """Samples of clips that are gone, and voices of theirs in other samples."""
    left, lent = set(), set()
    try:
        with path.open("rb") as file:
            for member in members(file):
                if member.clip_id in gone:
                    left.add(member.clip_id)
                elif member.name == f"{member.clip_id}.json" and member.clip_id in borrowing:
                    file.seek(member.at + BLOCK)
                    ids = {found.decode() for found in _CLIP_ID.findall(file.read(member.size))}
                    if ids & gone:
                        lent.add(member.clip_id)
    except (tarfile.TarError, ValueError) as error:
        raise DatasetError(f"shards/{path.name}: cannot be read ({error}); run `duplexset verify`") from error
    if left:
        yield f"shards/{path.name}: holds {counted(len(left), 'withdrawn clip')}, {min(left)} and so on"
    if lent:
        yield f"shards/{path.name}: clip {min(lent)} and so on name withdrawn clips, whose voices they had"


def _phase_1(out: Path, withdrawn: Withdrawn) -> Iterator[str]:
    for path in scrub.prepared_files(out):
        if scrub.recording_of(path) in withdrawn.recordings:
            yield f"work/prepared/{path.name}: its recording is withdrawn"
        elif found := scrub.held(path, withdrawn):
            yield f"work/prepared/{path.name}: holds {counted(len(found), 'withdrawn clip')}"
    for path in sorted((out / "work" / "packed").glob("[!.]*.parquet")):
        if named := next(scrub.named_in_part(path, withdrawn), None):
            yield f"work/packed/{path.name}: holds the withdrawn clip {named}"


def _page(path: Path, gone: set[str]) -> Iterator[str]:
    if not path.is_file():
        return
    found: set[str] = set()
    with path.open("rb") as file:
        before = b""
        while piece := file.read(_PIECE):
            found |= {one.decode() for one in _CLIP_ID.findall(before + piece)} & gone
            before = piece[-40:]
    if found:
        yield f"{path.name}: names the withdrawn clip {min(found)}"
