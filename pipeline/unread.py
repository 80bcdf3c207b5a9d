"""Transcripts that could not be read: how many, why, and of which recordings."""

import re
from dataclasses import dataclass, field
from typing import Final

from schemas.plain_text import counted
from schemas.shard import RecordingRow
from schemas.transcript import UNREAD

REASONS: Final = 3
NAMES: Final = 3
_KINDS: Final = 1_000  # of reasons that are told apart
_PARTICULAR: Final = re.compile(r"\S*\.[A-Za-z]\w*\b|'[^']*'|\"[^\"]*\"|\d+(?:[.,]\d+)*")


@dataclass(slots=True)
class _Reason:
    """The same in other words: `said` of the first of `count`; `names` of the first few recordings."""

    said: str
    count: int = 0
    names: list[str] = field(default_factory=list)

    def words(self) -> str:
        names = ", ".join(self.names) + (", ..." if self.count > len(self.names) else "")
        return f"{self.said} ({names})" if self.count == 1 else f"{self.count} as {self.said} ({names})"


@dataclass(slots=True)
class Unread:
    """Recordings whose transcript was not read, by reason: what is said alike but for names, quotes and numbers."""

    count: int = 0
    _reasons: dict[str, _Reason] = field(default_factory=dict)

    def add(self, row: RecordingRow) -> None:
        """Count a recording."""
        note = next((note for note in row.notes if note.startswith(UNREAD)), None)
        if note is None:
            return
        self.count += 1
        said = note.removeprefix(UNREAD)
        key = _PARTICULAR.sub("#", said)
        if key in self._reasons or len(self._reasons) < _KINDS:
            reason = self._reasons.setdefault(key, _Reason(said))
            reason.count += 1
            if len(reason.names) < NAMES:
                reason.names.append(row.uri)

    def words(self) -> str:
        """How many and why, the most common reasons first; "" where all were read."""
        if not self.count:
            return ""
        ordered = sorted(self._reasons.values(), key=lambda reason: (-reason.count, reason.said))[:REASONS]
        others = self.count - sum(reason.count for reason in ordered)
        reasons = [*(reason.words() for reason in ordered), *([f"{others} for other reasons"] if others else [])]
        were = "was" if self.count == 1 else "were"
        return f"{counted(self.count, 'transcript')} {were} not read: {'; '.join(reasons)}"
