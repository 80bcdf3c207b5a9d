"""Rows of the two indexes that hold what the types alone cannot say: an index may come from anybody."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schemas.clip import ClipInfo
from schemas.conversation import Overlap, Quality, Segment, TurnEvent
from schemas.form import MOST_BYTES, is_clip_id, is_sha256, is_shard
from schemas.persona import VoiceSample
from schemas.recording import FRAME_SAMPLES, SAMPLE_RATE_HZ
from schemas.shard import ClipRow, RecordingRow

_FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ
_TOLERANCE_S = 0.1
_LONGEST_S = 1e9  # thirty years
_MOST_DB = 1_000.0


class RowError(ValueError):
    """A row of an index is not possible; the message says why."""


def clip_faults(row: ClipRow) -> tuple[str, ...]:
    """Why a clip cannot be, in words; nothing of one that can."""
    return (*_placed(row), *_lasting(row), *_conversation(row.info, row.duration_s))


def check_clip(row: ClipRow) -> None:
    """Raise RowError for a clip that cannot be."""
    for fault in clip_faults(row):
        raise RowError(f"clip {row.clip_id:.40}: {fault}")


def check_recording(row: RecordingRow) -> None:
    """Raise RowError for a recording that cannot be."""
    times = (row.duration_s, row.kept_s, *(t for loss in row.lost for t in (loss.start_s, loss.end_s)))
    if not all(0.0 <= t <= _LONGEST_S for t in times) or row.n_clips < 0:
        raise RowError(f"recording {row.uri:.100}: lengths or counts that no recording has")


def check_names(row: Mapping[str, Any]) -> None:
    """Raise RowError where the columns of a clip that are there have an id or a shard that none of ours has."""
    if "clip_id" in row and not is_clip_id(row["clip_id"]):
        raise RowError(f"clip {row['clip_id']!r:.40}: its id is not of 32 hexadecimal digits")
    if row.get("kept") and "shard" in row and not is_shard(row["shard"] or ""):
        raise RowError(f"clip {row.get('clip_id')}: its shard is no file of shards/")


def _placed(row: ClipRow) -> Iterator[str]:
    if not is_clip_id(row.clip_id) or row.info.clip_id != row.clip_id:
        yield "its id is not of 32 hexadecimal digits"
    if not row.kept:
        return
    if row.shard is None or not is_shard(row.shard):
        yield "its shard is no file of shards/"
    if row.offset is None or not 0 <= row.offset <= 1 << 60:
        yield "its place in the shard is none"
    if row.length is None or not 0 <= row.length <= MOST_BYTES:
        yield "its length in bytes is none"
    if row.sha256 is None or not is_sha256(row.sha256):
        yield "its digest is none"


def _lasting(row: ClipRow) -> Iterator[str]:
    start_s, end_s = row.info.start_s, row.info.end_s
    if not 0.0 < row.duration_s <= _LONGEST_S:
        yield f"it lasts {row.duration_s} s"
    elif not abs(row.n_frames * _FRAME_S - row.duration_s) <= _FRAME_S + _TOLERANCE_S:
        yield f"{row.n_frames} frames are not {row.duration_s:.2f} s"
    elif not abs(end_s - start_s - row.duration_s) <= _TOLERANCE_S or not 0.0 <= start_s <= _LONGEST_S:
        yield f"from {start_s} to {end_s} s are not {row.duration_s:.2f} s"


def _conversation(info: ClipInfo, length_s: float) -> Iterator[str]:
    if not _inside([*info.segments, *info.events, *info.overlaps], length_s):
        yield "segments, events or overlaps outside of it"
    channels = (
        {s.channel for s in info.segments} | {e.channel for e in info.events} | {v.channel for v in info.voices}
    )
    if not channels <= {0, 1}:
        yield "a channel that is neither 0 nor 1"
    if not _measured(info.quality):
        yield "measures that no clip has"
    if not _voices(info.voices):
        yield "voice samples that do not follow one another"


def _inside(parts: Sequence[Segment | TurnEvent | Overlap], length_s: float) -> bool:
    return all(-_TOLERANCE_S <= p.start_s <= p.end_s <= length_s + _TOLERANCE_S for p in parts)


def _measured(quality: Quality) -> bool:
    seconds = (*quality.speech_s, quality.overlap_s, quality.silence_s)
    decibels = (*quality.level_db, *quality.leakage_db, quality.speech_to_background_db or 0.0)
    shares, words = (quality.overlap_confidence or 0.0,), quality.n_words or ()
    return (
        all(0.0 <= s <= _LONGEST_S for s in seconds)
        and all(abs(d) <= _MOST_DB or d == -math.inf or math.isnan(d) for d in decibels)
        and all(0.0 <= s <= 1.0 for s in shares)
        and all(0 <= n <= _LONGEST_S for n in words)
    )


def _voices(voices: Sequence[VoiceSample]) -> bool:
    ends = [0, *(voice.end_frame for voice in voices)]
    return all(v.first_frame == end < v.end_frame for v, end in zip(voices, ends, strict=False))
