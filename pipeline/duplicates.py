"""Near duplicates: the same conversation in other bytes, found among all clips in whatever order they come.

A clip is sketched by a MinHash per 30 s; where two clips have values in common, their landmarks are laid over one
another, and only what lies in the same places at one offset counts. In memory are the sketches, 384 bytes per minute
of a clip: 500,000 clips of two minutes hold 0.6 GB, and 1.2 GB while values are compared (measured on 100,000).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np

from model.landmarks.align import Alignment, align, share
from model.landmarks.candidates import candidates
from model.landmarks.find import Landmarks
from model.landmarks.tokens import UInt32, sketch
from schemas.clip import ClipInfo
from schemas.prepared import PreparedFile
from schemas.rejection import Reason
from schemas.shard import Duplicate

Why = tuple[Reason, str]

MOST_ALIKE: Final = 0.7
"""Share of a clip's speech that better clips may hold; one with more in them is dropped.

By `pipeline.bench_duplicates` nine in ten copies have 0.89 or more in their original even with noise at 10 dB, the
worst of 385 has 0.66; of 13,090 pairs of different conversations none has anything. 0.7 lies between a half and 0.89.
"""
LEAST_SHARED_S: Final = 24.0
"""Speech that two clips have in common, in stretches of 4 s, for them to be told and to lie in one split."""
SHORTEST_S: Final = 8.0
"""The same where it is half of one of them."""
_HELD: Final = 1_024  # clips whose landmarks are in memory


@dataclass(frozen=True, slots=True, order=True)
class Heard:
    """A clip and where its landmarks lie. Of two that hold the same, the lesser is the better one."""

    separated: bool
    minus_length_s: float
    leakage_db: float
    clip_id: str
    file: int = field(compare=False)
    row_group: int = field(compare=False)


@dataclass(slots=True)
class Alike:
    """Which clips hold the same sound, which are dropped for it, and pairs that may not lie in different splits."""

    duplicates: dict[str, tuple[Duplicate, ...]] = field(default_factory=dict)
    dropped: dict[str, Why] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)


Found = Mapping[int, Mapping[int, Alignment]]
"""Per clip, by its number, those that hold some of its sound, with what they hold of it."""


def near_duplicates(
    files: Sequence[PreparedFile], why: Callable[[PreparedFile, ClipInfo], Why | None], *, drop: bool
) -> Alike:
    """Find the near duplicates and, if told to, drop those that better clips hold.

    why: why a clip is not kept for another reason. Such a clip holds no other one out; but what holds the sound of a
    withdrawn clip, or is held by it, is withdrawn with it.
    """
    heard, sketches = listen(files)

    @lru_cache(maxsize=_HELD)
    def landmarks(number: int) -> Landmarks:
        clip = heard[number]
        return np.frombuffer(files[clip.file].landmarks(clip.row_group), "<u4")

    found = compare(sketches, landmarks)
    infos = {number: files[heard[number].file].info(heard[number].row_group) for number in found}
    reasons = {number: why(files[heard[number].file], info) for number, info in infos.items()}
    out = {number: reason for number, reason in reasons.items() if reason is not None}
    dropped = with_withdrawn(found, out, heard)
    if drop:
        dropped |= held_by_better(found, {*out, *dropped}, infos)
    ids = [clip.clip_id for clip in heard]
    return Alike(
        duplicates={ids[number]: told(others, ids) for number, others in found.items()},
        dropped={ids[number]: reason for number, reason in dropped.items()},
        links=sorted((ids[a], ids[b]) for a, others in found.items() for b in others if a < b),
    )


def listen(files: Sequence[PreparedFile]) -> tuple[list[Heard], list[UInt32]]:
    """All clips, the best first, and their sketches."""
    clips = []
    for number, file in enumerate(files):
        for sound in file.sounds():
            heard = Heard(
                separated=sound.separated,
                minus_length_s=-sound.length_s,
                leakage_db=sound.leakage_db,
                clip_id=sound.clip_id,
                file=number,
                row_group=sound.row_group,
            )
            clips.append((heard, sketch(np.frombuffer(sound.landmarks, "<u4"))))
    clips.sort(key=lambda pair: pair[0])
    return [heard for heard, _ in clips], [made for _, made in clips]


def compare(sketches: Sequence[UInt32], landmarks: Callable[[int], Landmarks]) -> Found:
    """Every two clips that have enough in common, both ways. landmarks: of a clip, by its number."""
    found: dict[int, dict[int, Alignment]] = defaultdict(dict)
    for a, b in candidates(sketches).tolist():
        both = align(landmarks(a), landmarks(b))
        if both is not None and enough(*both):
            found[a][b], found[b][a] = both
    return {number: found[number] for number in sorted(found)}


def enough(one: Alignment, other: Alignment) -> bool:
    """Whether two clips share material: more than a greeting or a phrase that many have."""
    shared_s = max(one.shared_s, other.shared_s)
    return shared_s >= LEAST_SHARED_S or (shared_s >= SHORTEST_S and max(one.likeness, other.likeness) >= 0.5)


def with_withdrawn(found: Found, out: Mapping[int, Why], heard: Sequence[Heard]) -> dict[int, Why]:
    """The clips that are withdrawn with others: they hold most of a withdrawn one, or it holds most of them."""
    gone = {number for number, (reason, _) in out.items() if reason is Reason.WITHDRAWN}
    dropped: dict[int, Why] = {}
    for number in (n for n in found if n not in out):
        for other in sorted(gone & found[number].keys()):
            likeness = max(found[number][other].likeness, found[other][number].likeness)
            if likeness > MOST_ALIKE:
                detail = f"the same conversation ({likeness:.0%}) as clip {heard[other].clip_id}, which is withdrawn"
                dropped.setdefault(number, (Reason.WITHDRAWN, detail))
    return dropped


def held_by_better(found: Found, out: set[int], infos: Mapping[int, ClipInfo]) -> dict[int, Why]:
    """The clips of which better ones that are kept hold too much, whether one of them or several together."""
    dropped: dict[int, Why] = {}
    for number, others in found.items():
        kept = [other for other in sorted(others) if other < number and other not in out and other not in dropped]
        if number in out or not kept:
            continue
        together = share(np.any([others[other].shared for other in kept], axis=0), others[kept[0]].weights)
        if together > MOST_ALIKE:
            most = max(kept, key=lambda other: (others[other].likeness, -other))
            alignment, info = others[most], infos[most]
            more = "" if len(kept) == 1 else f", {together:.0%} in {len(kept)} clips"
            where = f"clip {info.clip_id} ({info.provenance.uri}, {info.start_s:.1f}-{info.end_s:.1f} s)"
            dropped[number] = Reason.NEAR_DUPLICATE, f"{alignment.likeness:.0%} of its speech is in {where}{more}"
    return dropped


def told(others: Mapping[int, Alignment], ids: Sequence[str]) -> tuple[Duplicate, ...]:
    """The near duplicates of a clip, by clip id."""
    rows = [
        Duplicate(clip_id=ids[other], likeness=round(found.likeness, 3), offset_s=round(found.offset_s, 3))
        for other, found in others.items()
    ]
    return tuple(sorted(rows, key=lambda row: row.clip_id))
