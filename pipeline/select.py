"""Phase 2: which clips are kept, and in which split. Reads only the metadata of the prepared files."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.borrow import borrowed
from pipeline.config import BuildConfig
from pipeline.duplicates import near_duplicates
from schemas.clip import ClipInfo
from schemas.errors import UserError
from schemas.policy import decide, violations
from schemas.prepared import PreparedFile
from schemas.rejection import Reason
from schemas.shard import ClipRow, Duplicate, Member, NearDuplicates, ShardPlan, Split
from stages.ingest import reason_of

SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)


class SelectError(UserError):
    """A file that selection needs cannot be read; the message says which and where."""


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


def select(files: Iterable[PreparedFile], withdrawn: frozenset[str], config: BuildConfig) -> Selection:
    """The same files and settings give the same selection, in whatever order they come."""
    files = list(files)
    alike = near_duplicates(
        files,
        lambda file, info: why_dropped(info, withdrawn, config.max_leakage_db) or why_refused(file, config),
        drop=config.near_duplicates is NearDuplicates.DROP,
    )
    selection = Selection(duplicates=alike.duplicates)
    kept: list[Candidate] = []
    for file in files:
        refused = why_refused(file, config)
        used: list[tuple[int, ClipInfo, int]] = []
        for group, info, size_bytes in file.infos():
            why = refused or why_dropped(info, withdrawn, config.max_leakage_db) or alike.dropped.get(info.clip_id)
            if why is not None:
                selection.dropped.append(dropped_row(info, *why))
            else:
                used.append((group, info, size_bytes))
        kept += _candidates(file, used)
    selection.dropped.sort(key=lambda row: row.clip_id)
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


def why_dropped(info: ClipInfo, withdrawn: frozenset[str], max_leakage_db: float) -> tuple[Reason, str] | None:
    """Why a clip is not kept, and in words; None if it is. What came on two channels may leak: that was measured."""
    if info.clip_id in withdrawn:
        return Reason.WITHDRAWN, "named in withdrawn.jsonl"
    leakage_db = max(info.quality.leakage_db)
    if info.provenance.separated and leakage_db > max_leakage_db:
        detail = f"a leakage of {leakage_db:.1f} dB is expected; --max-leakage allows {max_leakage_db:g} dB"
        return Reason.LEAKAGE, detail
    return None


def names_of(info: ClipInfo) -> tuple[str, ...]:
    """All names by which the speakers of a clip are known."""
    return (*info.speakers, *(info.stated_speakers or ()))


def dropped_row(info: ClipInfo, reason: Reason, detail: str) -> ClipRow:
    """The index row of a clip that is not kept."""
    return ClipRow(
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


def read_withdrawn(path: Path) -> frozenset[str]:
    """The clip ids of withdrawn.jsonl; none if there is no file. Raises SelectError for a line it cannot read."""
    if not path.exists():
        return frozenset()
    ids = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            ids.add(str(json.loads(line)["clip_id"]))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise SelectError(
                f'{path}:{number}: not a line like {{"clip_id": "..."}}: correct or remove it'
            ) from error
    return frozenset(ids)
