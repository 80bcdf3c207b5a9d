"""Near duplicates: the same conversation in other bytes, found among all clips in whatever order they come.

A clip is sketched by a MinHash per 30 s; where two clips have values in common, their landmarks are laid over one
another, and only what lies in the same places at one offset counts. In memory are the sketches, 384 bytes per minute
of a clip: 500,000 clips of two minutes hold 0.6 GB, and 1.2 GB while values are compared (measured on 100,000).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

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
DIGITS: Final = 3
"""Of a likeness, as the index has it."""
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


class Place(NamedTuple):
    """Where a clip lies in its recording, in seconds."""

    uri: str
    start_s: float
    end_s: float


@dataclass(slots=True)
class Alike:
    """Which clips hold the same sound, which are dropped for it, and pairs that may not lie in different splits."""

    duplicates: dict[str, tuple[Duplicate, ...]] = field(default_factory=dict)
    dropped: dict[str, Why] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)


Found = Mapping[int, Mapping[int, Alignment]]
"""Per clip, by its number, those that hold some of its sound, with what they hold of it."""


def near_duplicates(
    files: Sequence[PreparedFile],
    why: Callable[[PreparedFile, ClipInfo], Why | None],
    unwilling: Callable[[PreparedFile], bool],
    *,
    drop: bool,
    follows: Callable[[ClipInfo], bool] = lambda info: False,
) -> Alike:
    """Find the near duplicates and, if told to, drop those that better clips hold.

    why: why a clip is not kept for another reason. Such a clip holds no other one out; but what holds the sound of a
    withdrawn clip, or is held by it, goes with it. unwilling: whether a recording's speakers refused or withdrew,
    which is the same. follows: whether a clip is withdrawn only for another one that it is like; it takes no third.
    """
    heard, sketches = listen(files)

    @lru_cache(maxsize=_HELD)
    def landmarks(number: int) -> Landmarks:
        clip = heard[number]
        return np.frombuffer(files[clip.file].landmarks(clip.row_group), "<u4")

    found = compare(sketches, landmarks)
    out: dict[int, Why] = {}
    following: set[int] = set()
    places: dict[int, Place] = {}
    for number in found:
        file = files[heard[number].file]
        info = file.info(heard[number].row_group)
        places[number] = Place(info.provenance.uri, info.start_s, info.end_s)
        if (reason := why(file, info)) is not None:
            out[number] = reason
            if follows(info):
                following.add(number)
    against = {number for number in out if unwilling(files[heard[number].file])}
    gone = {number for number, (reason, _) in out.items() if reason is Reason.WITHDRAWN} - following
    dropped = with_withdrawn(found, out, gone, against, heard)
    if drop:
        dropped |= held_by_better(found, {*out, *dropped}, heard, places)
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


def alike(likeness: float) -> bool:
    """Whether a clip goes with one that is withdrawn, by the share of its speech, or the other's, in both."""
    return round(likeness, DIGITS) > MOST_ALIKE


def with_withdrawn(
    found: Found, out: Mapping[int, Why], gone: Set[int], against: Set[int], heard: Sequence[Heard]
) -> dict[int, Why]:
    """The clips that are withdrawn with others: they hold most of a withdrawn one, or it holds most of them.

    out: all that is not kept for other reasons, with `gone`: what is withdrawn. against: clips that are out since
    their speakers refused or withdrew; what is like them is refused.
    """
    dropped: dict[int, Why] = {}
    for number in (n for n in found if n not in out):
        for other in sorted((gone | against) & found[number].keys()):
            likeness = max(found[number][other].likeness, found[other][number].likeness)
            if alike(likeness):
                refused = other in against
                what = "whose speakers refused or withdrew" if refused else "which is withdrawn"
                detail = f"the same conversation ({likeness:.0%}) as clip {heard[other].clip_id}, {what}"
                dropped.setdefault(number, (Reason.LICENCE_REFUSED if refused else Reason.WITHDRAWN, detail))
    return dropped


def held_by_better(
    found: Found, out: Set[int], heard: Sequence[Heard], places: Mapping[int, Place]
) -> dict[int, Why]:
    """The clips of which better ones that are kept hold too much, whether one of them or several together."""
    dropped: dict[int, Why] = {}
    for number, others in found.items():
        kept = [other for other in sorted(others) if other < number and other not in out and other not in dropped]
        if number in out or not kept:
            continue
        together = share(np.any([others[other].shared for other in kept], axis=0), others[kept[0]].weights)
        if together > MOST_ALIKE:
            most = max(kept, key=lambda other: (others[other].likeness, -other))
            alignment, place = others[most], places[most]
            more = "" if len(kept) == 1 else f", {together:.0%} in {len(kept)} clips"
            where = f"clip {heard[most].clip_id} ({place.uri}, {place.start_s:.1f}-{place.end_s:.1f} s)"
            dropped[number] = Reason.NEAR_DUPLICATE, f"{alignment.likeness:.0%} of its speech is in {where}{more}"
    return dropped


def told(others: Mapping[int, Alignment], ids: Sequence[str]) -> tuple[Duplicate, ...]:
    """The near duplicates of a clip, by clip id."""
    rows = [
        Duplicate(clip_id=ids[other], likeness=round(found.likeness, DIGITS), offset_s=round(found.offset_s, 3))
        for other, found in others.items()
    ]
    return tuple(sorted(rows, key=lambda row: row.clip_id))
