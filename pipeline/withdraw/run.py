"""withdraw: from what a person names to the proof that nothing of it is left."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from pipeline.withdraw import lines
from pipeline.withdraw.choose import Selection, WithdrawError
from pipeline.withdraw.closure import Taken, closure
from schemas.withdrawn import NAME, State, Withdrawal, digest_of, read_withdrawn

BY_HAND: Final = "named by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for. `token`: the id of the withdrawal and, where there is none yet, the salt; `today`: ISO."""

    selections: tuple[Selection, ...] = ()
    reason: str = ""
    keep_evidence: bool = False
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    salt: str = field(default_factory=lambda: secrets.token_hex(16))
    today: str = field(default_factory=lambda: date.today().isoformat())


def taken_by(out: Path, request: Request) -> Taken:
    """What a request takes; without a selection, what was written by hand. Raises WithdrawError, CatalogError."""
    withdrawn = read_withdrawn(out / NAME)
    taken = closure(out, request.selections, withdrawn, by_hand=not request.selections)
    if not taken and request.selections:
        raise WithdrawError("all of it was withdrawn before (see --list); nothing is changed")
    return taken


def mark(out: Path, request: Request, taken: Taken) -> Withdrawal:
    """Say in withdrawn.jsonl what is withdrawn: from here on our loader leaves it out. The folder must be held."""
    salt = read_withdrawn(out / NAME).salt or request.salt
    found = lines.append(out, _lines(request, taken, salt))
    return found.withdrawals[request.token]


def _lines(request: Request, taken: Taken, salt: str) -> Iterator[Mapping[str, Any]]:
    by = {"withdrawal": request.token}
    kept = taken.kept
    yield {
        **by,
        "kind": ", ".join(sorted({one.kind for one in taken.selections})) or "by hand",
        "reason": request.reason or BY_HAND,
        "date": request.today,
        "clips": len(kept),
        "seconds": round(sum(clip.end_s - clip.start_s for clip in kept), 3),
        "recordings": len(taken.recordings) + taken.unread,
        "keep_evidence": request.keep_evidence,
        "evidence": taken.evidence,
    }
    for one in taken.selections:
        if one.kind in ("speaker", "source"):
            yield {f"{one.kind}_sha256": digest_of(one.value, salt), "salt": salt, **by}
        elif one.kind == "licence":
            yield {"licence": one.value, **by}
    for recording_id in sorted(taken.recordings):
        yield {"recording_id": recording_id, **by}
    for clip in sorted(taken.clips.values(), key=lambda clip: clip.clip_id):
        line: dict[str, Any] = {
            "clip_id": clip.clip_id,
            "recording_id": clip.recording_id,
            "start_s": clip.start_s,
            "end_s": clip.end_s,
            **by,
        }
        if clip.kept:
            line |= {"split": clip.split, "n_frames": clip.n_frames}
        if clip.near:
            line["near"] = clip.near[0]
        yield line


def undo(out: Path, name: str, today: str) -> Withdrawal:
    """Take a withdrawal back that is only marked. Raises WithdrawError once its bytes go. The folder must be held."""
    withdrawn = read_withdrawn(out / NAME)
    found = [one for one in withdrawn.withdrawals.values() if one.id.startswith(name)]
    if len(found) != 1 or not name:
        raise WithdrawError(f"--undo {name}: no withdrawal has this id: see --list")
    (one,) = found
    if one.state is State.UNDONE:
        raise WithdrawError(f"--undo {one.id}: it was undone before, on {one.since}")
    if one.state is not State.MARKED:
        what = "was done" if one.state is State.DONE else "was begun"
        raise WithdrawError(
            f"--undo {one.id}: its removal {what} on {one.since}, and bytes that are gone do not come back"
        )
    return lines.turn(out, [one.id], State.UNDONE, today).withdrawals[one.id]


def waiting(out: Path) -> tuple[Sequence[Withdrawal], Sequence[Withdrawal]]:
    """The withdrawals that are only marked, and those whose removal was begun and not ended."""
    withdrawn = read_withdrawn(out / NAME)
    return lines.in_state(withdrawn, State.MARKED), lines.in_state(withdrawn, State.REMOVING)
