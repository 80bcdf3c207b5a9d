"""Phase 2: which clips are kept, and in which split. Reads only the metadata of the prepared files."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.borrow import borrowed
from pipeline.config import BuildConfig
from pipeline.duplicates import near_duplicates
from pipeline.withdraw.tombstones import clip_tombstone, mark_of
from schemas.clip import ClipInfo, names_of
from schemas.policy import decide, objected, violations
from schemas.prepared import PreparedFile
from schemas.rejection import Reason
from schemas.shard import ClipRow, Duplicate, Member, NearDuplicates, ShardPlan, Split
from schemas.withdrawn import Withdrawn
from stages.ingest import reason_of

SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clip with its place and what selection looks at."""

    member: Member
    recording_id: str
    speakers: tuple[str, ...]
    size_bytes: int


@dataclass(slots=True)
class Selection:
    """The shards to be, the rows of the clips that are not kept, and per clip, kept or not, its near duplicates."""

    plans: list[ShardPlan] = field(default_factory=list)
    dropped: list[ClipRow] = field(default_factory=list)
    duplicates: dict[str, tuple[Duplicate, ...]] = field(default_factory=dict)

    @property
    def clip_ids(self) -> set[str]:
        """All clips, kept or not."""
        return {m.clip_id for plan in self.plans for m in plan.members} | {row.clip_id for row in self.dropped}


def select(files: Iterable[PreparedFile], withdrawn: Withdrawn, config: BuildConfig) -> Selection:
    """The same files and settings give the same selection, in whatever order they come."""
    files = list(files)
    alike = near_duplicates(
        files,
        lambda file, info: why_dropped(info, withdrawn, config.max_leakage_db) or why_refused(file, config),
        lambda file: objected(config.policy, file.licence),
        drop=config.near_duplicates is NearDuplicates.DROP,
        follows=lambda info: (mark := mark_of(info, withdrawn)) is not None and mark.near,
    )
    selection = Selection()
    kept: list[Candidate] = []
    for file in files:
        refused = why_refused(file, config)
        used: list[tuple[int, ClipInfo, int]] = []
        for group, info, size_bytes in file.infos():
            why = why_withdrawn(info, withdrawn) or refused or why_dropped(info, withdrawn, config.max_leakage_db)
            why = why or alike.dropped.get(info.clip_id)
            if why is not None:
                selection.dropped.append(dropped_row(info, *why))
            else:
                used.append((group, info, size_bytes))
        kept += _candidates(file, used)
    selection.dropped.sort(key=lambda row: row.clip_id)
    selection.duplicates = _told(alike.duplicates, selection.dropped)
    splits = assign_splits(kept, config.split_percent, alike.links)
    for split in SPLITS:
        chosen = [c for c, s in zip(kept, splits, strict=True) if s is split]
        selection.plans += plan_shards(chosen, split, config.shard_mb * 2**20)
    return selection


def _candidates(file: PreparedFile, used: Sequence[tuple[int, ClipInfo, int]]) -> Iterator[Candidate]:
    """The kept clips of a recording, with the voices that they take from one another."""
    voices = borrowed([(group, info) for group, info, _ in used])
    for (group, info, size_bytes), refs in zip(used, voices, strict=True):
        member = Member(
            clip_id=info.clip_id, prepared=str(file.path), row_group=group, voices=refs, licence=file.licence
        )
        yield Candidate(member, info.recording_id, names_of(info), size_bytes)


def why_refused(file: PreparedFile, config: BuildConfig) -> tuple[Reason, str] | None:
    """Why the policy refuses all clips of a recording, and in words; None if it permits them."""
    if not violations(config.policy, file.licence, today=config.today):
        return None
    decision = decide(config.policy, file.licence, name=file.recording().uri, today=config.today)
    return reason_of(decision), decision.why


def _told(
    duplicates: Mapping[str, tuple[Duplicate, ...]], dropped: Iterable[ClipRow]
) -> dict[str, tuple[Duplicate, ...]]:
    """Near duplicates without those that are withdrawn, of which nothing is told."""
    gone = {row.clip_id for row in dropped if row.reason == Reason.WITHDRAWN}
    left = {one: tuple(d for d in found if d.clip_id not in gone) for one, found in duplicates.items()}
    return {one: found for one, found in left.items() if found and one not in gone}


def why_withdrawn(info: ClipInfo, withdrawn: Withdrawn) -> tuple[Reason, str] | None:
    """Why a clip is withdrawn, and in words; None if it is not."""
    mark = mark_of(info, withdrawn)
    return (Reason.WITHDRAWN, mark.detail) if mark else None


def why_dropped(info: ClipInfo, withdrawn: Withdrawn, max_leakage_db: float) -> tuple[Reason, str] | None:
    """Why a clip is not kept, and in words; None if it is. What came on two channels may leak: that was measured."""
    if (why := why_withdrawn(info, withdrawn)) is not None:
        return why
    leakage_db = max(info.quality.leakage_db)
    if info.provenance.separated and leakage_db > max_leakage_db:
        detail = f"a leakage of {leakage_db:.1f} dB is expected; --max-leakage allows {max_leakage_db:g} dB"
        return Reason.LEAKAGE, detail
    return None


def dropped_row(info: ClipInfo, reason: Reason, detail: str) -> ClipRow:
    """The index row of a clip that is not kept: of one that is withdrawn, a tombstone."""
    row = ClipRow(
        clip_id=info.clip_id,
        kept=False,
        reason=reason.value,
        split=None,
        shard=None,
        offset=None,
        length=None,
        sha256=None,
        n_frames=info.n_frames,
        duration_s=info.end_s - info.start_s,
        unlicensed=info.licence.unlicensed,
        info=info,
        detail=detail,
    )
    return clip_tombstone(row, detail) if reason is Reason.WITHDRAWN else row


def assign_splits(
    clips: Sequence[Candidate], percent: tuple[int, int, int], alike: Iterable[tuple[str, str]] = ()
) -> list[Split]:
    """The split of each clip: one for all that are linked by a recording or a speaker, or by the sound they share.

    alike: ids of clips, kept or not, two of which share some. One that is not kept links nothing.
    A group's split is a hash of its smallest name, so that a growing corpus moves no clip unless it links two groups.
    """
    groups = _Groups()
    for clip in clips:
        for speaker in clip.speakers:
            groups.link(f"recording {clip.recording_id}", f"speaker {speaker}")
    recordings = {clip.member.clip_id: clip.recording_id for clip in clips}
    for one, other in alike:
        if one in recordings and other in recordings:
            groups.link(f"recording {recordings[one]}", f"recording {recordings[other]}")
    train, validation, _ = percent

    def split_of(clip: Candidate) -> Split:
        name = groups.smallest(f"recording {clip.recording_id}")
        place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64 * 100
        return SPLITS[0] if place < train else SPLITS[1] if place < train + validation else SPLITS[2]

    return [split_of(clip) for clip in clips]


class _Groups:
    """Disjoint sets; each is named by its smallest member."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def smallest(self, name: str) -> str:
        parent = self._parent.setdefault(name, name)
        while parent != name:
            grandparent = self._parent[parent]
            self._parent[name] = grandparent
            name, parent = parent, grandparent
        return name

    def link(self, a: str, b: str) -> None:
        first, second = sorted((self.smallest(a), self.smallest(b)))
        self._parent[second] = first


def plan_shards(clips: Sequence[Candidate], split: Split, shard_bytes: int) -> list[ShardPlan]:
    """Shards of a split. A clip's shard is given by the first bits of its id, its place by the whole id.

    The number of shards is the power of two that brings their mean under `shard_bytes`, so that a clip that comes or
    goes changes no shard but its own.
    """
    total = sum(clip.size_bytes for clip in clips)
    bits = max(0, (-(-total // shard_bytes) - 1).bit_length())
    buckets: dict[int, list[Member]] = defaultdict(list)
    for clip in clips:
        buckets[int(clip.member.clip_id, 16) >> (128 - bits)].append(clip.member)
    return [
        ShardPlan(
            name=f"{split.value}-{number:05d}.tar",
            split=split,
            members=tuple(sorted(buckets[number], key=lambda m: m.clip_id)),
        )
        for number in sorted(buckets)
    ]
