"""What else holds material that was withdrawn: prepared files, parts of the index, traces, evidence.

Everything here looks at what is there, so that it can be done again after it was broken off.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline import quarantine
from pipeline.licences.evidence import FOLDER, names_of
from pipeline.withdraw.tombstones import loss_of_clip, was_read, without
from schemas.clip import ClipInfo
from schemas.prepared import PreparedFile
from schemas.rejection import Reason
from schemas.shard import RecordingRow
from schemas.withdrawn import Mark, State, Withdrawn

_OF_CLIP = [
    "info.clip_id",
    "info.recording_id",
    "info.start_s",
    "info.end_s",
    "info.speakers",
    "info.stated_speakers",
]


def prepared_files(out: Path) -> list[Path]:
    """What phase 1 left, by name."""
    return sorted((out / "work" / "prepared").glob("[!.]*.parquet"))


def recording_of(path: Path) -> str:
    """Id of the recording of a prepared file."""
    return path.name[:64]


def held(path: Path, withdrawn: Withdrawn) -> dict[int, Mark]:
    """Row group -> why, of the clips of a prepared file that are withdrawn."""
    if not (withdrawn.stretches.get(recording_of(path)) or recording_of(path) in withdrawn.recordings):
        return {}
    with pq.ParquetFile(path) as file:
        found = {group: _mark(file, group, withdrawn) for group in range(file.num_row_groups)}
    return {group: mark for group, mark in found.items() if mark is not None}


def _mark(file: pq.ParquetFile, group: int, withdrawn: Withdrawn) -> Mark | None:
    (row,) = file.read_row_group(group, columns=_OF_CLIP).to_pylist()
    info: Mapping[str, Any] = row["info"]
    names = (*info["speakers"], *(info["stated_speakers"] or ()))
    return withdrawn.clip(info["clip_id"], info["recording_id"], info["start_s"], info["end_s"], names)


def prepared(out: Path, gone: Withdrawn) -> int:
    """Remove prepared files of recordings that are gone, and the clips that are gone from others; how many files.

    What went stands in the others as lost, so that a build can still tell of every second.
    """
    changed = 0
    for path in prepared_files(out):
        if recording_of(path) in gone.recordings:
            path.unlink()
            changed += 1
        elif marks := held(path, gone):
            _leave(PreparedFile(path), marks)
            changed += 1
    return changed


def _leave(file: PreparedFile, marks: Mapping[int, Mark]) -> None:
    stay: list[int] = []
    losses = []
    for group, info, _ in file.infos():
        if group in marks:
            losses.append(loss_of_clip(info, Reason.WITHDRAWN.value, marks[group].detail))
        else:
            stay.append(group)
    file.leave(stay, without(file.recording(), losses))


def parts(out: Path, gone: Withdrawn) -> None:
    """Remove the parts of the index, which the next build makes anew, that have clips or voices that are gone."""
    for path in sorted((out / "work" / "packed").glob("[!.]*.parquet")):
        if next(named_in_part(path, gone), None) is not None:
            path.unlink()


def named_in_part(path: Path, gone: Withdrawn) -> Iterator[str]:
    """Ids of withdrawn clips in a part of the index: its own, and those whose voices it has."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=1_000, columns=["clip_id", *_OF_CLIP, "info.voices"]):
            for row in batch.to_pylist():
                info = row["info"]
                if gone.clip(row["clip_id"], info["recording_id"], info["start_s"], info["end_s"]):
                    yield row["clip_id"]
                yield from (voice["clip_id"] for voice in info["voices"] if voice["clip_id"] in gone.clips)


def traces(out: Path, rows: Iterable[RecordingRow], infos: Iterable[ClipInfo]) -> None:
    """Remove the traces in quarantine that name one of these recordings, or who speaks in these clips.

    Call it while the indexes still have the names. A build that fails again writes its trace again.
    """
    paths = sorted(quarantine.folder_of(out).glob("*.txt"))
    if not paths:
        return
    names = {name for row in rows for name in (row.uri, row.uri_b) if name}
    names |= {name for info in infos for name in (*info.speakers, *(info.stated_speakers or ())) if name}
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="replace")
        if any(name in text for name in names):
            path.unlink()


def named_by(rows: Iterable[RecordingRow]) -> set[str]:
    """The files of OUT/evidence that recordings rest on."""
    return {name for row in rows if row.stated and was_read(row) for name in names_of(row.stated)}


def evidence_gone(gone: Withdrawn, rows: Iterable[RecordingRow]) -> list[str]:
    """The files of OUT/evidence that no recording rests on any more and that are not to be kept."""
    of = [one for one in gone.withdrawals.values() if one.state in (State.REMOVING, State.DONE)]
    return sorted({name for one in of for name in one.evidence} - evidence_that_stays(gone) - named_by(rows))


def evidence_that_stays(withdrawn: Withdrawn) -> set[str]:
    """The files of OUT/evidence that are kept although what rested on them was withdrawn."""
    counts = [one for one in withdrawn.withdrawals.values() if one.state is not State.UNDONE]
    return {name for one in counts if one.keep_evidence for name in one.evidence}


def evidence(out: Path, gone: Withdrawn, rows: Iterable[RecordingRow]) -> int:
    """Remove them; how many."""
    paths = [path for name in evidence_gone(gone, rows) if (path := out / FOLDER / name).is_file()]
    for path in paths:
        path.unlink()
    if (out / FOLDER).is_dir() and not any((out / FOLDER).iterdir()):
        (out / FOLDER).rmdir()
    return len(paths)
