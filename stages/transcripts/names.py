"""Speakers named at the start of a line: `ANNA: text`, `[Anna] text`, `[SPEAKER_00]: text`."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from stages.transcripts.draft import Draft

_PREFIX: Final = re.compile(
    r"(?:[-–—]\s*+)?"
    r"(?:\[(?P<bracket>[^\[\]]{1,60})\](?P<colon>\s*[:：])?|(?P<name>[^:：\[\](){}<>]{1,40})(?::(?=\s)|：))"
    r"\s*(?P<text>\S.*)",
    re.DOTALL,
)
_MARKERS: Final = frozenset(
    (
        *("laughter", "laughs", "laugh", "laughing", "music", "noise", "applause", "cough", "coughs", "coughing"),
        *("breath", "sigh", "sighs", "silence", "pause", "inaudible", "unintelligible", "crosstalk", "overlap"),
    )
)
_MOST_WORDS: Final = 4


def split_name(line: str) -> tuple[str, str, bool] | None:
    """The name, the text and whether brackets without a colon name it; None where the line has no such start."""
    found = _PREFIX.fullmatch(line.strip())
    if not found:
        return None
    name = (found["bracket"] or found["name"]).strip()
    if not name or len(name.split()) > _MOST_WORDS:
        return None
    return name, found["text"], bool(found["bracket"]) and not found["colon"]


def with_speakers(draft: Draft, cues: Sequence[Sequence[str]]) -> list[list[tuple[str, str]]]:
    """For each cue, given as its lines, its speakers ("" where none is named) and what each says.

    `I said: go` and `[laughter] yes` name nobody. So a start counts as a name only where all cues have one, where it
    comes again or is in capitals; one in brackets where it starts with one and is no usual marker of a noise.
    """
    found = [[split_name(line) for line in cue] for cue in cues]
    everywhere = all(cue and cue[0] for cue in found)
    often = Counter(start[0] for cue in found for start in cue if start)
    parts: list[list[tuple[str, str]]] = []
    for lines, starts in zip(cues, found, strict=True):
        said: list[tuple[str, str]] = []
        for line, start in zip(lines, starts, strict=True):
            if start and _is_name(start[0], start[2], everywhere, often[start[0]]):
                said.append((start[0], start[1]))
                continue
            if start and not start[2]:
                draft.count("taken as text: starts of cues that look like a name")
            speaker, before = said.pop() if said else ("", "")
            said.append((speaker, f"{before} {line}"))
        parts.append(said)
    return parts


def _is_name(name: str, in_brackets: bool, everywhere: bool, times: int) -> bool:
    if in_brackets:
        return name.casefold() not in _MARKERS and (everywhere or not name[0].islower())
    return everywhere or times > 1 or name.isupper()
