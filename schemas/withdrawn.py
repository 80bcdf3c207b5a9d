"""Withdrawn: what may no longer be used, as `withdrawn.jsonl` of a dataset has it. A JSON object a line.

    {"clip_id": "..."}                                            written by hand; `recording_id` or `licence` as well
    {"withdrawal": ID, "kind": ..., "reason": ..., "date": ..., ...}           what a withdrawal took, its first line
    {"clip_id": ..., "recording_id": ..., "start_s": ..., "end_s": ..., "withdrawal": ID}
    {"recording_id": ..., "withdrawal": ID}                                    all of a recording
    {"speaker_sha256": ..., "salt": ..., "withdrawal": ID}                     also `source_sha256`, `licence`
    {"withdrawal": ID, "state": "removing", "done" or "undone", "date": ...}   what became of it

Nobody is named in it: of a speaker and a source it has a salted digest, by which builds know them again. A clip
stands for its stretch of the recording, too, wherever a later build cuts; `near`: it went since most of its speech
is in a clip of the withdrawal, or the other way round. `split` and `n_frames` are what it had in the shards.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from schemas.errors import UserError

NAME: Final = "withdrawn.jsonl"


class State(StrEnum):
    """What became of a withdrawal. Up to MARKED nothing is gone yet, and it can be undone."""

    MARKED = "marked"
    REMOVING = "removing"
    DONE = "done"
    UNDONE = "undone"


_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(("clip_id", "recording_id", "speaker_sha256", "source_sha256", "licence"), str),
    **dict.fromkeys(("salt", "withdrawal", "state", "kind", "reason", "date", "split"), str),
    **dict.fromkeys(("start_s", "end_s", "seconds", "near"), (int, float)),
    **dict.fromkeys(("clips", "recordings", "n_frames"), int),
    **dict.fromkeys(("evidence", "shards"), list),
    "keep_evidence": bool,
}
_STATES: Final = (State.REMOVING, State.DONE, State.UNDONE)
_WHAT: Final = ("clip_id", "recording_id", "speaker_sha256", "source_sha256", "licence")
_NEED: Final = {
    "speaker_sha256": ("salt",),
    "source_sha256": ("salt",),
    "kind": ("reason", "date", "clips", "seconds", "recordings", "keep_evidence"),
}


class WithdrawnError(UserError):
    """A line of withdrawn.jsonl that cannot be read: which, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """One withdrawal. `clips`, `seconds`: what it took out of the shards.

    `evidence`: files that only its recordings rest on, by name. `since`: when it came to its state. `shards`: those
    that it changes, once its removal was begun.
    """

    id: str
    kind: str
    reason: str
    date: str
    clips: int
    seconds: float
    recordings: int
    keep_evidence: bool
    evidence: tuple[str, ...] = ()
    state: State = State.MARKED
    since: str = ""
    shards: tuple[str, ...] = ()


class Mark(NamedTuple):
    """Why something is withdrawn: by which withdrawal, None by hand. near: for another clip that is like it."""

    withdrawal: str | None
    near: bool = False

    @property
    def detail(self) -> str:
        """In words."""
        return f"withdrawal {self.withdrawal}" if self.withdrawal else "named in withdrawn.jsonl"


class Stretch(NamedTuple):
    """Seconds of a recording that are withdrawn."""

    start_s: float
    end_s: float
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """What counts of a withdrawn.jsonl. Speakers and sources are known by digests with `salt`."""

    clips: Mapping[str, Mark] = field(default_factory=dict)
    stretches: Mapping[str, tuple[Stretch, ...]] = field(default_factory=dict)
    recordings: Mapping[str, Mark] = field(default_factory=dict)
    speakers: Mapping[str, Mark] = field(default_factory=dict)
    sources: Mapping[str, Mark] = field(default_factory=dict)
    licences: Mapping[str, Mark] = field(default_factory=dict)
    salt: str = ""
    withdrawals: Mapping[str, Withdrawal] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything is withdrawn."""
        return bool(self.clips or self.recordings or self.speakers or self.sources or self.licences)

    def clip(
        self, clip_id: str, recording_id: str, start_s: float, end_s: float, names: Iterable[str] = ()
    ) -> Mark | None:
        """Why this clip is withdrawn: itself, its recording, a part of its stretch, or one of its speakers."""
        found = self.clips.get(clip_id) or self.recordings.get(recording_id)
        stretches = self.stretches.get(recording_id, ())
        found = found or next((s.mark for s in stretches if s.start_s < end_s and start_s < s.end_s), None)
        return found or self.of(names)

    def of(self, speakers: Iterable[str] = (), source: str | None = None, licence: str | None = None) -> Mark | None:
        """Why a recording of these speakers, from this address and under this licence is withdrawn."""
        if self.speakers:
            for name in speakers:
                if found := self.speakers.get(digest_of(name, self.salt)):
                    return found
        if self.sources and source and (found := self.sources.get(digest_of(source, self.salt))):
            return found
        return self.licences.get(licence) if licence else None

    def gone(self) -> "Withdrawn":
        """What has to be, and may be, gone from the disk: of withdrawals whose removal was begun."""
        begun = {w.id for w in self.withdrawals.values() if w.state in (State.REMOVING, State.DONE)}
        return self._where(lambda mark: mark.withdrawal in begun)

    def ours(self) -> "Withdrawn":
        """What withdrawals took, all but what was written by hand."""
        return self._where(lambda mark: mark.withdrawal is not None)

    def by_hand(self) -> "Withdrawn":
        """What was written by hand and belongs to no withdrawal."""
        return self._where(lambda mark: mark.withdrawal is None)

    def _where(self, counts: Callable[[Mark], bool]) -> "Withdrawn":
        kept: dict[str, Any] = {
            name: {key: m for key, m in getattr(self, name).items() if counts(m)} for name in _MARKED
        }
        stretches = {r: tuple(s for s in found if counts(s.mark)) for r, found in self.stretches.items()}
        return replace(self, **kept, stretches={r: found for r, found in stretches.items() if found})


_MARKED: Final = ("clips", "recordings", "speakers", "sources", "licences")


def digest_of(name: str, salt: str) -> str:
    """By what a speaker's name or a source's address is known again."""
    return hashlib.sha256(f"{salt}\n{name}".encode("utf-8", "surrogatepass")).hexdigest()


def read_withdrawn(path: Path) -> Withdrawn:
    """What counts of a withdrawn.jsonl; nothing if there is no such file. Raises WithdrawnError."""
    return parse_withdrawn(text_of(path), str(path))


def text_of(path: Path) -> str:
    """The text of a withdrawn.jsonl, "" if there is none. Raises WithdrawnError."""
    try:
        return decoded(path.read_bytes(), str(path))
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise WithdrawnError(f"{path}: cannot be read ({error.strerror}): correct or remove it") from error


def decoded(data: bytes, name: str) -> str:
    """Its bytes as text. Raises WithdrawnError."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise WithdrawnError(f"{name}:{line}: is not UTF-8: correct or remove the line") from error


def parse_withdrawn(text: str, name: str) -> Withdrawn:
    """What counts of the text of a withdrawn.jsonl. name: for messages. Raises WithdrawnError."""
    lines, withdrawals, salt = [], dict[str, Withdrawal](), ""
    for place, line in _lines(text, name):
        if any(what in line for what in _WHAT):
            lines.append((place, line))
            salt = line.get("salt", salt)
        elif "kind" in line:
            withdrawals[line["withdrawal"]] = _head(line)
        else:
            before = _known(withdrawals, line["withdrawal"], place)
            withdrawals[before.id] = _turned(before, line)
    found: dict[str, dict[str, Mark]] = {what: {} for what in _WHAT}
    stretches: dict[str, list[Stretch]] = defaultdict(list)
    for place, line in lines:
        if (by := line.get("withdrawal")) and _known(withdrawals, by, place).state is State.UNDONE:
            continue
        mark = Mark(by, near=by is not None and "near" in line)
        what = next(name for name in _WHAT if name in line)
        if by or line[what] not in found[what]:  # a withdrawal counts more than what was written by hand
            found[what][line[what]] = mark
        if by and what == "clip_id" and {"recording_id", "start_s", "end_s"} <= line.keys():
            stretches[line["recording_id"]].append(Stretch(line["start_s"], line["end_s"], mark))
    return Withdrawn(
        **dict(zip(_MARKED, (found[what] for what in _WHAT), strict=True)),
        stretches={recording: tuple(s) for recording, s in stretches.items()},
        salt=salt,
        withdrawals=withdrawals,
    )


def clips_of(text: str, name: str) -> frozenset[str]:
    """Only the ids of the withdrawn clips: what a loader needs. Raises WithdrawnError."""
    return frozenset(clip_id for clip_id, _ in _clips(text, name))


def clips_of_split(text: str, name: str, split: str) -> dict[str, int]:
    """The withdrawn clips that were in the shards of a split, with their frames. Raises WithdrawnError."""
    return {clip_id: line["n_frames"] for clip_id, line in _clips(text, name) if _lay_in(line, split)}


def _lay_in(line: Mapping[str, Any], split: str) -> bool:
    return {"withdrawal", "n_frames"} <= line.keys() and line.get("split") == split


def _clips(text: str, name: str) -> list[tuple[str, dict[str, Any]]]:
    found, undone = [], set()
    for _, line in _lines(text, name):
        if "clip_id" in line:
            found.append((line["clip_id"], line))
        elif line.get("state") == State.UNDONE:
            undone.add(line["withdrawal"])
    return [(clip_id, line) for clip_id, line in found if line.get("withdrawal") not in undone]


def _lines(text: str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, raw in enumerate(text.split("\n"), start=1):
        if raw.strip():
            yield f"{name}:{number}", _line(raw, f"{name}:{number}")


def _line(raw: str, place: str) -> dict[str, Any]:
    try:
        line = json.loads(raw)
        if "\\u" in raw:
            json.dumps(line, ensure_ascii=False).encode()  # half a character is written nowhere
    except (ValueError, RecursionError) as error:
        raise _wrong(place) from error
    if not isinstance(line, dict):
        raise _wrong(place)
    of_ours = "withdrawal" in line  # what is written by hand may say more, in its own way
    checked = line if of_ours else line.keys() & {*_WHAT, "salt"}
    if any(_is_other(line[key], _TYPES.get(key)) for key in checked):
        raise _wrong(place)
    needed = [_NEED.get(key, ()) for key in _WHAT if key in line]
    if of_ours and not needed:
        needed = [_NEED["kind"]] if "kind" in line else [("state",)]
        if "kind" not in line and line.get("state") not in _STATES:
            raise _wrong(place)
    if not needed or any(not line.keys() >= set(keys) for keys in needed):
        raise _wrong(place)
    return line


def _is_other(value: object, wanted: type | tuple[type, ...] | None) -> bool:
    return wanted is not None and (not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool))


def _wrong(place: str) -> WithdrawnError:
    return WithdrawnError(f'{place}: not a line like {{"clip_id": "..."}}: correct or remove it')


def _known(withdrawals: Mapping[str, Withdrawal], name: str, place: str) -> Withdrawal:
    if name not in withdrawals:
        raise WithdrawnError(f"{place}: names a withdrawal that no line before it begins: correct or remove it")
    return withdrawals[name]


def _turned(before: Withdrawal, line: Mapping[str, Any]) -> Withdrawal:
    shards = tuple(line.get("shards", before.shards))
    return replace(before, state=State(line["state"]), since=line.get("date", ""), shards=shards)


def _head(line: Mapping[str, Any]) -> Withdrawal:
    counted = {
        key: line[key] for key in ("kind", "reason", "date", "clips", "seconds", "recordings", "keep_evidence")
    }
    return Withdrawal(id=line["withdrawal"], **counted, evidence=tuple(line.get("evidence", ())))
