"""The blocks of subtitle files: an optional name, a line of times, and lines of text, up to a blank line."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from stages.transcripts.draft import Draft

_CLOCK: Final = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})(?:[.,](\d{1,6}))?", re.ASCII)

Numbered = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A cue; `at`: its line of times, for messages."""

    at: str
    start_s: float
    end_s: float
    lines: tuple[str, ...]


def blocks_of(lines: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """What stands between blank lines."""
    block: list[Numbered] = []
    for number, line in lines:
        if line.strip():
            block.append((number, line.strip()))
        elif block:
            yield block
            block = []
    if block:
        yield block


def has_times(block: list[Numbered]) -> bool:
    """Whether a block is a cue."""
    return any("-->" in line for _, line in block[:2])


def cue_of(draft: Draft, block: list[Numbered]) -> Cue:
    """The cue of a block. Raises TranscriptError."""
    if not has_times(block):
        number, line = block[0]
        raise draft.error(
            f"line {number}", f"{line[:40]!r} stands under no line of times: write '00:01.000 --> 00:02.500' over it"
        )
    if "-->" not in block[0][1]:
        block = block[1:]
    (number, line), *rest = block
    at = f"line {number}"
    start, _, after = line.partition("-->")
    end = after.split(None, 1)[0] if after.strip() else ""
    for other, text in rest:
        if "-->" in text:
            raise draft.error(f"line {other}", "has times within a cue: put a blank line before each cue")
    return Cue(
        at=at,
        start_s=clock_s(draft, at, start),
        end_s=clock_s(draft, at, end),
        lines=tuple(text for _, text in rest),
    )


def clock_s(draft: Draft, at: str, written: str) -> float:
    """Seconds of `[hours:]minutes:seconds[.,]fraction`. Raises TranscriptError."""
    found = _CLOCK.fullmatch(written.strip())
    if not found or int(found[2]) > 59 or int(found[3]) > 59:
        raise draft.error(at, f"{written.strip()[:40]!r} is no time: write it as 00:01:02.500")
    whole = int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])
    return round(whole + int((found[4] or "0").ljust(6, "0")) / 1e6, 6)
