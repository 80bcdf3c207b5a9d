"""Shard: the rows of the two indexes beside the tars."""

from dataclasses import dataclass
from enum import StrEnum

from schemas.clip import ClipInfo
from schemas.licence import UNSTATED, Licence


class Split(StrEnum):
    """The parts of the dataset; no speaker or recording is in two."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class NearDuplicates(StrEnum):
    """What becomes of clips whose sound better clips hold in other bytes. Those that are kept lie in one split."""

    DROP = "drop"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """A clip that holds the same sound as another one, in other bytes.

    `likeness`: share of the other's speech that this one holds, 0 to 1. `offset_s`: where this one's clock begins on
    the other's.
    """

    clip_id: str
    likeness: float
    offset_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRow:
    """A row of index/clips.parquet.

    A kept clip lies in `shards/<shard>` from byte `offset` (its first tar header) over `length` bytes; `sha256` is
    the digest of these bytes. One that is not kept has a reason and no shard; `detail` says it in words.
    `duplicates`: the clips, kept or not, that hold the same sound, by clip id.
    """

    clip_id: str
    kept: bool
    reason: str | None
    split: Split | None
    shard: str | None
    offset: int | None
    length: int | None
    sha256: str | None
    n_frames: int
    duration_s: float
    unlicensed: bool
    info: ClipInfo
    detail: str | None = None
    duplicates: tuple[Duplicate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A stretch of a recording that is not in the data, and why."""

    stage: str
    reason: str
    detail: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRow:
    """A row of index/recordings.parquet; `kept_s` + the lengths of `lost` = `duration_s`.

    What selection left out is lost, too.

    `recording_id` is None where the source could not be read at all. `notes`: what else is to be known, a line each.
    `stated`: the licence with all that proves it, None where nobody stated any.
    """

    uri: str
    uri_b: str | None
    origin: str
    recording_id: str | None
    licence: str
    unlicensed: bool
    language: str | None
    duration_s: float
    kept_s: float
    n_clips: int
    lost: tuple[Loss, ...]
    notes: tuple[str, ...] = ()
    stated: Licence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceRef:
    """Voice sample `number` of the clip in `row_group` of the same prepared file; here it is that of `channel`."""

    row_group: int
    number: int
    channel: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A clip of a shard and where phase 1 left it: a row group of a prepared file.

    `voices`: the samples of its speakers' voices that come along from other clips. `licence`: its recording's.
    """

    clip_id: str
    prepared: str
    row_group: int
    voices: tuple[VoiceRef, ...] = ()
    licence: Licence = UNSTATED


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPlan:
    """What a shard will hold, in this order. `name` is its file name."""

    name: str
    split: Split
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedShard:
    """A shard that is in place."""

    name: str
    split: Split
    n_clips: int
    size_bytes: int
    sha256: str
    plan_sha256: str
