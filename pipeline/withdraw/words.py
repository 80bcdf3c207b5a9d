"""A withdrawal in plain lines: what it would take, what it took, and what there was before."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pipeline.view import hours
from pipeline.visible import shown
from pipeline.withdraw.closure import Taken
from pipeline.withdraw.finish import Finished
from schemas.plain_text import counted
from schemas.withdrawn import State, Withdrawal

OUTSIDE: Final = (
    "Out of reach are exports (run the same `duplexset export` again), copies that `browse --static` wrote, other",
    "copies and backups of the folder, and the recordings themselves; models trained on it keep what they learned.",
)
_STATES: Final = {
    State.MARKED: "marked: the bytes are still there",
    State.REMOVING: "begun, not done: run `duplexset withdraw OUT`",
    State.DONE: "done",
    State.UNDONE: "undone",
}


def preview(taken: Taken, *, keep_evidence: bool) -> Iterator[str]:
    """What a withdrawal takes, near duplicates one a line."""
    kept = taken.kept
    for said, one in zip(taken.given, taken.selections, strict=True):
        whole = f" ({shown(one.value, 100)})" if one != said else ""
        yield f"{one.kind}: {shown(said.value, 100)}{whole}"
    splits = ", ".join(f"{name} {n}" for name, n in sorted(taken.splits.items()))
    seconds = hours(sum(clip.end_s - clip.start_s for clip in kept))
    yield f"{counted(len(kept), 'clip')} in the shards, {seconds}" + (f" ({splits})" if splits else "")
    if others := len(taken.clips) - len(kept):
        yield f"{counted(others, 'clip')} that selection had left out"
    if taken.recordings or taken.unread:
        unread = f", {taken.unread} of them never read" if taken.unread else ""
        yield f"{counted(len(taken.recordings) + taken.unread, 'recording')} of which nothing is left{unread}"
    yield f"{counted(len(taken.shards), 'shard')} to rewrite"
    if taken.borrowers:
        stay = "stay" if taken.borrowers > 1 else "stays"
        yield f"{counted(taken.borrowers, 'other clip')} {stay}, without samples of these voices"
    if taken.prepared:
        yield f"{counted(taken.prepared, 'prepared file')} in work/prepared"
    if taken.evidence:
        what = "kept" if keep_evidence else "removed: nothing else rests on them"
        yield f"{counted(len(taken.evidence), 'file')} in evidence, {what}"
    if taken.near:
        yield f"{counted(len(taken.near), 'near duplicate')} of them, with most of the speech in common:"
    for clip in taken.near:
        likeness, other = clip.near or (0.0, "")
        where = f"{shown(clip.uri, 60)}, {clip.start_s:.1f}-{clip.end_s:.1f} s"
        yield f"    {clip.clip_id}  {where}  {likeness:.0%} like {other}"


def done(out: Path, finished: Finished) -> Iterator[str]:
    """What was removed."""
    prepared, evidence = counted(finished.prepared, "prepared file"), counted(finished.evidence, "file")
    yield f"{counted(finished.shards, 'shard')} rewritten, {prepared} and {evidence} of evidence removed or rewritten"
    yield from finished.notes
    yield f"nothing of it is left in {out}"
    yield from OUTSIDE


def told(one: Withdrawal) -> str:
    """One withdrawal, on a line."""
    since = f", {one.since}" if one.since and one.since != one.date else ""
    what = f"{counted(one.clips, 'clip')}, {hours(one.seconds)}, {counted(one.recordings, 'recording')}"
    return f"{one.id}  {one.date}  {one.kind}: {what}  [{_STATES[one.state]}{since}]  {shown(one.reason, 200)}"
