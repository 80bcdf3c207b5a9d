"""RTTM, the diarization community's text format: one `SPEAKER` line per turn (NIST RT-09, appendix A)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from model.measures.activity import merged
from schemas.conversation import Segment
from schemas.errors import UserError

_FIELDS = "SPEAKER file 1 start duration <NA> <NA> name <NA> <NA>"


class RttmError(UserError):
    """Text that is no RTTM; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class Diarization:
    """Speakers in the order of their first turn, and their segments; a segment's channel is its speaker's number."""

    speakers: tuple[str, ...]
    segments: tuple[Segment, ...]


def read_rttm(text: str, where: str, order: Sequence[str] = ()) -> Diarization:
    """The turns of an RTTM file of one recording; lines of other types than SPEAKER are passed over.

    where: the file, for messages. order: names that come first, with or without a turn. Raises RttmError.
    """
    turns: list[tuple[str, float, float]] = []
    files: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0].startswith(";") or fields[0] in _OTHERS:
            continue
        if fields[0] != "SPEAKER" or len(fields) < 8:
            raise RttmError(f"{where}, line {number}: not RTTM ({line.strip()[:60]!r}); write {_FIELDS!r}")
        turns.append((fields[7], *_times(fields, f"{where}, line {number}")))
        files.add(fields[1])
    if len(files) > 1:
        names = ", ".join(sorted(files)[:3])
        raise RttmError(f"{where} has turns of {len(files)} recordings ({names}): write one RTTM file for each")
    speakers = tuple(dict.fromkeys([*order, *(name for name, _, _ in sorted(turns, key=lambda t: t[1]))]))
    number_of = {name: k for k, name in enumerate(speakers)}
    segments = merged(Segment(channel=number_of[n], start_s=start_s, end_s=end_s) for n, start_s, end_s in turns)
    return Diarization(speakers, segments)


_OTHERS = frozenset(
    {"SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "SPKR-INFO", "FILLER"}
)


def _times(fields: Sequence[str], where: str) -> tuple[float, float]:
    try:
        start_s, length_s = float(fields[3]), float(fields[4])
    except ValueError as error:
        raise RttmError(f"{where}: start {fields[3]!r} and duration {fields[4]!r} are to be seconds") from error
    if not (math.isfinite(start_s) and math.isfinite(length_s) and start_s >= 0 and length_s >= 0):
        raise RttmError(f"{where}: start {start_s:g} s and duration {length_s:g} s; neither may be below zero")
    return start_s, start_s + length_s


def write_rttm(name: str, diarization: Diarization) -> str:
    """The text of an RTTM file; `name` is the recording's. Blanks in names become underscores."""
    return "".join(
        f"SPEAKER {_word(name)} 1 {s.start_s:.3f} {s.end_s - s.start_s:.3f} <NA> <NA> "
        f"{_word(diarization.speakers[s.channel])} <NA> <NA>\n"
        for s in diarization.segments
    )


def _word(text: str) -> str:
    return "_".join(text.split()) or "_"
