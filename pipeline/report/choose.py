"""Which clips a person should look at: the extremes of what was measured, and some by chance."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from schemas.clip import ClipInfo
from schemas.conversation import TurnKind
from schemas.shard import ClipRow

COUNT: Final = 10
_CHANCE: Final = "chance"


@dataclass(frozen=True, slots=True)
class Criterion:
    """What a clip can be chosen for. `value`: the larger, the sooner; None where it does not apply."""

    name: str
    words: str
    value: Callable[[ClipInfo], float | None]
    sign: float = 1.0

    def why(self, value: float) -> str:
        """In words, with the figure."""
        return self.words.format(self.sign * value)


def _overlap(info: ClipInfo) -> float | None:
    return 100.0 * info.quality.overlap_s / (info.end_s - info.start_s) or None


def _leakage(info: ClipInfo) -> float | None:
    worst_db = max(info.quality.leakage_db)
    return worst_db if worst_db > -100.0 else None


def _confidence(info: ClipInfo) -> float | None:
    confidence = info.quality.overlap_confidence
    return None if confidence is None else -confidence


def _backchannels(info: ClipInfo) -> float | None:
    count = sum(event.kind is TurnKind.BACKCHANNEL for event in info.events)
    return 60.0 * count / (info.end_s - info.start_s) or None


def _background(info: ClipInfo) -> float | None:
    ratio_db = info.quality.speech_to_background_db
    return None if ratio_db is None else -ratio_db


def _uneven(info: ClipInfo) -> float | None:
    spoken_s = sum(info.quality.speech_s)
    return -100.0 * min(info.quality.speech_s) / spoken_s if spoken_s > 0.0 else None


def _words(info: ClipInfo) -> float | None:
    if info.transcript is None or not info.quality.n_words or not sum(info.quality.n_words):
        return None
    return 100.0 * info.transcript.approximate / sum(info.quality.n_words) or None


CRITERIA: Final = (
    Criterion("overlap", "most overlap: {:.0f} % of its time", _overlap),
    Criterion("leakage", "worst leakage: {:.0f} dB", _leakage),
    Criterion("confidence", "lowest confidence of its overlaps: {:.2f}", _confidence, -1.0),
    Criterion("backchannels", "most backchannels: {:.1f} a minute", _backchannels),
    Criterion("background", "least speech over the background: {:.0f} dB", _background, -1.0),
    Criterion("uneven", "most uneven: the quieter one has {:.0f} % of the speech", _uneven, -1.0),
    Criterion("words", "least certain times of words: {:.0f} % approximate", _words),
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A clip, what it was chosen for (a criterion's name), and why in words."""

    row: ClipRow
    criterion: str
    why: str


@dataclass(slots=True)
class Candidates:
    """The best COUNT clips by each criterion: as many rows as that, whatever the size of the corpus."""

    best: dict[str, list[tuple[float, ClipRow]]] = field(default_factory=dict)

    def add(self, row: ClipRow) -> None:
        """Look at a clip."""
        for criterion in CRITERIA:
            value = criterion.value(row.info)
            if value is not None:
                self._enter(criterion.name, value, row)
        digest = hashlib.sha256(row.clip_id.encode()).digest()
        self._enter(_CHANCE, float(int.from_bytes(digest[:6], "big")), row)

    def _enter(self, name: str, value: float, row: ClipRow) -> None:
        best = self.best.setdefault(name, [])
        if len(best) < COUNT or value >= best[-1][0]:
            best.append((value, row))
            best.sort(key=lambda entry: (-entry[0], entry[1].clip_id))
            del best[COUNT:]

    def chosen(self) -> list[Chosen]:
        """One clip a criterion, none twice, then by chance up to COUNT."""
        made: dict[str, Chosen] = {}
        for criterion in CRITERIA:
            for value, row in self.best.get(criterion.name, []):
                if row.clip_id not in made:
                    made[row.clip_id] = Chosen(row, criterion.name, criterion.why(value))
                    break
        for _, row in self.best.get(_CHANCE, []):
            if row.clip_id not in made and len(made) < COUNT:
                made[row.clip_id] = Chosen(row, _CHANCE, "taken by chance, by a hash of its id")
        return list(made.values())
