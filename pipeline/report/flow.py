"""What went in, and what was lost where and why: sums over the index of recordings."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pipeline.index import recording_rows
from pipeline.report.sketch import Frequent
from pipeline.unread import Unread
from schemas.shard import RecordingRow

WORST: Final = 10
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """A recording of which much was lost, and to what most of it."""

    uri: str
    lost_s: float
    duration_s: float
    stage: str
    reason: str
    detail: str


@dataclass(slots=True)
class Flow:
    """Recordings and seconds; `lost`: (stage, reason) -> [times, seconds]; `unread`: of no known length."""

    recordings: int = 0
    kept: int = 0
    unlicensed: int = 0
    unread: int = 0
    seconds: float = 0.0
    kept_s: float = 0.0
    lost: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    details: Frequent = field(default_factory=Frequent)
    worst: list[Worst] = field(default_factory=list)
    transcripts: Unread = field(default_factory=Unread)

    @property
    def lost_s(self) -> float:
        """All that was lost."""
        return sum(seconds for _, seconds in self.lost.values())

    def add(self, row: RecordingRow) -> None:
        """Count a recording."""
        self.recordings += 1
        self.kept += row.n_clips > 0
        self.unlicensed += row.unlicensed and row.n_clips > 0
        self.unread += row.duration_s == 0.0
        self.seconds += row.duration_s
        self.kept_s += row.kept_s
        self.transcripts.add(row)
        for loss in row.lost:
            length_s = loss.end_s - loss.start_s
            entry = self.lost.setdefault((loss.stage, loss.reason), [0, 0.0])
            entry[0] += 1
            entry[1] += length_s
            self.details.add(loss.stage, loss.reason, _words(loss.detail, row), loss.detail, length_s)
        if row.lost:
            self._rank(row)

    def _rank(self, row: RecordingRow) -> None:
        most = max(row.lost, key=lambda loss: loss.end_s - loss.start_s)
        lost_s = sum(loss.end_s - loss.start_s for loss in row.lost)
        if lost_s > 0.0:
            self.worst.append(
                Worst(
                    uri=row.uri,
                    lost_s=lost_s,
                    duration_s=row.duration_s,
                    stage=most.stage,
                    reason=most.reason,
                    detail=most.detail,
                )
            )
            self.worst.sort(key=lambda worst: (-worst.lost_s, worst.uri))
            del self.worst[WORST:]


def _words(detail: str, row: RecordingRow) -> str:
    """A detail without the name and the numbers of its recording: the same for recordings of the same trouble."""
    for name in filter(None, (row.uri_b, row.uri)):
        detail = detail.replace(name, "(name)")
    return _NUMBER.sub("#", detail)


def flow_of(out: Path) -> Flow:
    """The flow of a dataset; its index is read piece by piece. Raises DatasetError."""
    flow = Flow()
    for row in recording_rows(out):
        flow.add(row)
    return flow
