"""Prepared: what phase 1 leaves of one recording, in one Parquet file.

One row group per clip, so that the metadata of all clips is read without their data and one clip without the others;
the recording itself, with what was lost of it, is JSON in the file's metadata. No licence is in it: the recording's
current one is laid over what is read, so that a corrected licence makes nothing anew.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from schemas.arrow import from_dict, from_table, schema_of, to_dict, to_table
from schemas.atomic import aside, put_in_place, whole_file
from schemas.clip import Clip, ClipInfo
from schemas.licence import UNSTATED, Licence
from schemas.persona import VoiceSample
from schemas.recording import CODEBOOKS, Recording, Source
from schemas.rejection import Rejection
from schemas.shard import Loss, RecordingRow
from schemas.transcript import UNREAD

_KEY = b"duplexset.recording"


def recording_row(recording: Recording, clips: list[ClipInfo], lost: list[Rejection]) -> RecordingRow:
    """The row of a recording with these clips and losses, and the notes of clips on a transcript not read."""
    said = [note for clip in clips if clip.transcript for note in clip.transcript.notes]
    kept_s = sum(clip.end_s - clip.start_s for clip in clips)
    return RecordingRow(
        uri=recording.source.name or recording.source.uri,
        uri_b=recording.source.name_b or recording.source.uri_b,
        origin=recording.source.origin,
        recording_id=recording.recording_id,
        licence=recording.licence.spdx,
        unlicensed=recording.licence.unlicensed,
        language=recording.source.language,
        duration_s=kept_s + sum(loss.end_s - loss.start_s for loss in lost),
        kept_s=kept_s,
        n_clips=len(clips),
        lost=tuple(loss_of(rejection, recording.source) for rejection in lost),
        notes=tuple(dict.fromkeys((*recording.notes, *(note for note in said if note.startswith(UNREAD))))),
    )


def loss_of(rejection: Rejection, source: Source) -> Loss:
    """A rejection as a line of its recording's row; files have the names that the indexes give them."""
    detail = rejection.detail
    for uri, name in ((source.uri, source.name), (source.uri_b, source.name_b)):
        if uri and name:
            detail = detail.replace(uri, name)
    return Loss(
        stage=rejection.stage,
        reason=rejection.reason.value,
        detail=detail,
        start_s=rejection.start_s,
        end_s=rejection.end_s,
    )


def voices_array(codes: bytes) -> NDArray[np.int16]:
    """`Clip.voices` as int16 [8, frames]."""
    return np.frombuffer(codes, np.int16).reshape(CODEBOOKS, len(codes) // (2 * CODEBOOKS))


class PreparedWriter:
    """Writes the file of one recording aside, clip by clip; `close` puts it in place, `abort` leaves nothing."""

    def __init__(self, path: Path, recording: Recording, fingerprint: str) -> None:
        self._path = path
        self._temporary = aside(path)
        self._recording = replace(recording, licence=UNSTATED, source=replace(recording.source, licence=None))
        self._licence = recording.licence
        self._fingerprint = fingerprint
        self._clips: list[ClipInfo] = []
        self._lost: list[Rejection] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = pq.ParquetWriter(self._temporary, schema_of(Clip), compression="zstd")

    def add(self, row: Clip | Rejection) -> None:
        """A clip of the recording, or a stretch that was lost."""
        if isinstance(row, Rejection):
            self._lost.append(row)
            return
        info = replace(
            row.info, licence=UNSTATED, provenance=replace(row.info.provenance, fingerprint=self._fingerprint)
        )
        self._writer.write_table(to_table(Clip, [replace(row, info=info)]))
        self._clips.append(info)

    def close(self) -> RecordingRow:
        """Put the file in place and give the recording's row."""
        row = recording_row(self._recording, self._clips, self._lost)
        self._writer.add_key_value_metadata({_KEY: json.dumps(to_dict(row)).encode()})
        self._writer.close()
        put_in_place(self._temporary, self._path)
        return under(row, self._licence)

    def abort(self) -> None:
        """Remove what was written."""
        self._writer.close()
        self._temporary.unlink(missing_ok=True)


def under(row: RecordingRow, licence: Licence) -> RecordingRow:
    """The row of a recording with this licence."""
    return replace(row, licence=licence.spdx, unlicensed=licence.unlicensed, stated=licence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A clip as its sound is compared with others'. `leakage_db`: of the worse channel. `landmarks`: as in `Clip`."""

    row_group: int
    clip_id: str
    length_s: float
    separated: bool
    leakage_db: float
    landmarks: bytes


_SOUND = ("clip_id", "start_s", "end_s", "provenance.separated", "quality.leakage_db")


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """Reads a prepared file. `licence`: the recording's, under which everything read from it is."""

    path: Path
    licence: Licence = UNSTATED

    def recording(self) -> RecordingRow:
        """The recording and what was lost of it."""
        return under(from_dict(RecordingRow, json.loads(pq.read_metadata(self.path).metadata[_KEY])), self.licence)

    def infos(self) -> Iterator[tuple[int, ClipInfo, int]]:
        """(row group, clip without its data, size of its data in bytes) of every clip."""
        with pq.ParquetFile(self.path) as file:
            for group in range(file.num_row_groups):
                yield group, self._info(file, group), file.metadata.row_group(group).total_byte_size

    def info(self, group: int) -> ClipInfo:
        """One clip without its data."""
        with pq.ParquetFile(self.path) as file:
            return self._info(file, group)

    def _info(self, file: pq.ParquetFile, group: int) -> ClipInfo:
        table = file.read_row_group(group, columns=["info"])
        return replace(from_dict(ClipInfo, table.column("info")[0].as_py()), licence=self.licence)

    def sounds(self) -> Iterator[Sound]:
        """Every clip's landmarks, and little else of it."""
        with pq.ParquetFile(self.path) as file:
            for group in range(file.num_row_groups):
                columns = [*(f"info.{name}" for name in _SOUND), "landmarks"]
                (row,) = file.read_row_group(group, columns=columns).to_pylist()
                info = row["info"]
                yield Sound(
                    row_group=group,
                    clip_id=info["clip_id"],
                    length_s=info["end_s"] - info["start_s"],
                    separated=info["provenance"]["separated"],
                    leakage_db=max(info["quality"]["leakage_db"]),
                    landmarks=row["landmarks"],
                )

    def landmarks(self, group: int) -> bytes:
        """A clip's landmarks; nothing else of it is read."""
        with pq.ParquetFile(self.path) as file:
            return bytes(file.read_row_group(group, columns=["landmarks"]).column("landmarks")[0].as_py())

    def voices(self, group: int) -> tuple[tuple[VoiceSample, ...], NDArray[np.int16]]:
        """A clip's voice samples and their codes, int16 [8, frames]; nothing else of it is read."""
        with pq.ParquetFile(self.path) as file:
            (row,) = file.read_row_group(group, columns=["info.voices", "voices"]).to_pylist()
        samples = tuple(from_dict(VoiceSample, sample) for sample in row["info"]["voices"])
        return samples, voices_array(row["voices"])

    def clip(self, group: int) -> Clip:
        """One whole clip."""
        with pq.ParquetFile(self.path) as file:
            (clip,) = from_table(Clip, file.read_row_group(group))
            return replace(clip, info=replace(clip.info, licence=self.licence))

    def leave(self, groups: Sequence[int], row: RecordingRow) -> None:
        """Write the file anew with these clips alone. row: what is said of the recording then."""
        stated = replace(row, licence=UNSTATED.spdx, unlicensed=UNSTATED.unlicensed, stated=None)
        with (
            pq.ParquetFile(self.path) as file,
            whole_file(self.path) as temporary,
            pq.ParquetWriter(temporary, schema_of(Clip), compression="zstd") as writer,
        ):
            for group in groups:
                writer.write_table(file.read_row_group(group))
            writer.add_key_value_metadata({_KEY: json.dumps(to_dict(stated)).encode()})
