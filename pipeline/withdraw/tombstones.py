"""What the indexes keep of what was withdrawn: that it was there, and when, but nobody's name and nothing they said.

The one place that says so: a build and a withdrawal write the same rows.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from schemas.clip import ClipInfo, names_of
from schemas.licence import Licence
from schemas.recording import SAMPLE_RATE_HZ
from schemas.rejection import Reason
from schemas.shard import ClipRow, Loss, RecordingRow
from schemas.withdrawn import Mark, Withdrawn

STAGE: Final = "select"
NAMED: Final = "a clip that was withdrawn"
_FOLDER: Final = "withdrawn/"
_CLIP_ID: Final = re.compile(r"\b[0-9a-f]{32}\b")


def mark_of(info: ClipInfo, withdrawn: Withdrawn) -> Mark | None:
    """Why a clip is withdrawn, None if it is not."""
    found = withdrawn.clip(info.clip_id, info.recording_id, info.start_s, info.end_s, names_of(info))
    return found or withdrawn.of((), info.licence.source_url, info.licence.spdx)


def mark_of_recording(row: RecordingRow, withdrawn: Withdrawn) -> Mark | None:
    """Why all of a recording is withdrawn, None if it is not."""
    found = withdrawn.recordings.get(row.recording_id) if row.recording_id else None
    return found or withdrawn.of((), row.stated.source_url if row.stated else None, row.licence)


def clip_tombstone(row: ClipRow, detail: str) -> ClipRow:
    """The row of a clip that is withdrawn: times and measures, and what may be done under its licence."""
    info, licence = row.info, row.info.licence
    provenance = replace(info.provenance, uri=_named(info.recording_id), uri_b=None)
    return ClipRow(
        clip_id=row.clip_id,
        kept=False,
        reason=Reason.WITHDRAWN.value,
        split=None,
        shard=None,
        offset=None,
        length=None,
        sha256=None,
        n_frames=row.n_frames,
        duration_s=row.duration_s,
        unlicensed=row.unlicensed,
        info=ClipInfo(
            clip_id=info.clip_id,
            recording_id=info.recording_id,
            start_s=info.start_s,
            end_s=info.end_s,
            n_frames=info.n_frames,
            speakers=("", ""),
            language=None,
            licence=Licence(spdx=licence.spdx, taken=licence.taken, rights=licence.rights),
            quality=info.quality,
            segments=(),
            provenance=provenance,
        ),
        detail=detail,
    )


def recording_tombstone(row: RecordingRow, salt: str) -> RecordingRow:
    """The row of a recording of which nothing is left; its losses have their times and reasons.

    salt: with which the name of a recording is digested that was never read and so has no id.
    """
    if not row.origin and row.uri.startswith(_FOLDER):
        return row
    unread = hashlib.sha256(f"{salt}\n{row.uri}\n{row.origin}".encode()).hexdigest()
    lost = [replace(loss, detail=loss.detail if loss.reason == Reason.WITHDRAWN else "") for loss in row.lost]
    return replace(
        row,
        uri=_named(row.recording_id or unread),
        uri_b=None,
        origin="",
        language=None,
        lost=tuple(lost),
        notes=(),
        stated=None,
    )


def _named(recording_id: str) -> str:
    return f"{_FOLDER}{recording_id[:16]}"


def was_read(row: RecordingRow) -> bool:
    """Whether a recording was prepared. A source that was refused, such as a copy of another's bytes, was not."""
    return row.recording_id is not None and row.duration_s > 0.0


def loss_of_clip(info: ClipInfo, reason: str, detail: str) -> Loss:
    """A clip that selection leaves out, as a loss of its recording."""
    return Loss(stage=STAGE, reason=reason, detail=detail, start_s=info.start_s, end_s=info.end_s)


def without(row: RecordingRow, losses: Sequence[Loss]) -> RecordingRow:
    """The row of a recording whose clips in these stretches are left out, whether they were kept before or not.

    Seconds stay whole samples, so that it makes no difference in which order clips go.
    """
    places = {(loss.start_s, loss.end_s) for loss in losses}
    before = {place for loss in row.lost if loss.stage == STAGE and (place := (loss.start_s, loss.end_s)) in places}
    lost_s = sum(end_s - start_s for start_s, end_s in places - before)
    kept_s = round(max(0.0, row.kept_s - lost_s) * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ if lost_s else row.kept_s
    left = [loss for loss in row.lost if loss.stage != STAGE or (loss.start_s, loss.end_s) not in places]
    lost = tuple(sorted((*left, *losses), key=lambda loss: (loss.start_s, loss.end_s)))
    return replace(row, n_clips=row.n_clips - len(places - before), kept_s=kept_s, lost=lost)


def scrubbed(detail: str | None, gone: Collection[str]) -> str | None:
    """What is said of another clip, without what names one of those that are gone (ids)."""
    if detail is None or not any(clip_id in gone for clip_id in _CLIP_ID.findall(detail)):
        return detail
    return f"its sound was in {NAMED}"


def scrubbed_losses(row: RecordingRow, gone: Collection[str]) -> RecordingRow:
    """The same of what a recording lost."""
    lost = tuple(replace(loss, detail=scrubbed(loss.detail, gone) or "") for loss in row.lost)
    return row if lost == row.lost else replace(row, lost=lost)
