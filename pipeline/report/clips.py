"""What came out: sums over the index of clips, and the clips that are worth a look."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from model.turns.statistics import Statistics
from pipeline.index import kept_clips
from pipeline.report.choose import Candidates
from pipeline.report.sketch import Distinct, Histogram
from schemas.clip import ClipInfo
from schemas.licence import Licence
from schemas.shard import ClipRow
from schemas.transcript import Removed, Transcribed

LICENCES: Final = 500
"""Different licences and holders that are told apart; the rest is one line."""
LOW_CONFIDENCE: Final = 0.5

LicenceKey = tuple[str, str, str, bool | None]
OTHERS: Final[LicenceKey] = ("(others)", "", "", None)


def _histograms() -> dict[str, Histogram]:
    return {
        "level": Histogram(-60.0, 0.0, 30),
        "leakage": Histogram(-80.0, 0.0, 32),
        "overlap": Histogram(0.0, 40.0, 40),
        "confidence": Histogram(0.0, 1.0, 20),
        "background": Histogram(-10.0, 60.0, 28),
        "words": Histogram(0.0, 6.0, 24),
    }


@dataclass(slots=True)
class QualityFacts:
    """Sums of what was measured.

    `histograms`: level and leakage in dB by seconds of clips, the louder leak of the two channels; overlap in % of
    the clip's time; confidence by seconds of separated overlap; words a second of speech in clips with words.
    `transcribed`, `words`: of transcripts; `recognised`, `heard`: of recognisers, which `removed` more of those.
    """

    histograms: dict[str, Histogram] = field(default_factory=_histograms)
    leaked: float = 0.0
    measured_s: float = 0.0
    separated_s: float = 0.0
    enhanced_s: float = 0.0
    low_confidence_s: float = 0.0
    transcribed: int = 0
    transcribed_s: float = 0.0
    uncertain_s: float = 0.0
    words: int = 0
    approximate: int = 0
    recognised: int = 0
    recognised_s: float = 0.0
    recognisers: set[str] = field(default_factory=set)
    heard: int = 0
    removed: dict[str, int] = field(default_factory=dict)

    def add(self, info: ClipInfo, length_s: float) -> None:
        """Count a clip."""
        quality, made = info.quality, self.histograms
        for level_db, speech_s in zip(quality.level_db, quality.speech_s, strict=True):
            made["level"].add(level_db, speech_s)
        leakage_db = max(quality.leakage_db)
        if math.isfinite(leakage_db):
            made["leakage"].add(leakage_db, length_s)
            self.leaked += length_s * 10.0 ** (leakage_db / 10.0)
            self.measured_s += length_s
        made["overlap"].add(100.0 * quality.overlap_s / length_s, length_s)
        if quality.speech_to_background_db is not None:
            made["background"].add(quality.speech_to_background_db, length_s)
        for overlap in info.overlaps:
            made["confidence"].add(overlap.confidence, overlap.end_s - overlap.start_s)
            self.low_confidence_s += (overlap.end_s - overlap.start_s) * (overlap.confidence < LOW_CONFIDENCE)
        self.separated_s += length_s * info.provenance.separated
        self.enhanced_s += length_s * info.provenance.enhanced
        self._words(info, length_s)

    def _words(self, info: ClipInfo, length_s: float) -> None:
        if info.transcript is None or info.quality.n_words is None:
            return
        n_words, speech_s = sum(info.quality.n_words), sum(info.quality.speech_s)
        if info.transcript.recogniser is not None:
            self._recognised(info.transcript, n_words, length_s)
        else:
            self.transcribed += 1
            self.transcribed_s += length_s
            self.uncertain_s += length_s * (not info.transcript.certain)
            self.words += n_words
            self.approximate += info.transcript.approximate
        if speech_s > 0.0:
            self.histograms["words"].add(n_words / speech_s, length_s)

    def _recognised(self, transcript: Transcribed, n_words: int, length_s: float) -> None:
        self.recognised += 1
        self.recognised_s += length_s
        self.recognisers.add(transcript.recogniser or "")
        self.heard += n_words
        for guard, count in asdict(transcript.removed or Removed()).items():
            self.removed[guard] = self.removed.get(guard, 0) + count

    @property
    def leakage_db(self) -> float:
        """Mean of the energies that leak, in the worse channel of each clip; NaN where nothing was measured."""
        return 10.0 * math.log10(max(self.leaked / self.measured_s, 1e-12)) if self.measured_s else math.nan


@dataclass(slots=True)
class ClipFacts:
    """Sums over the kept clips. `splits`, `licences`: [clips, seconds]. `withdrawn`: since the build."""

    clips: int = 0
    seconds: float = 0.0
    splits: dict[str, list[float]] = field(default_factory=dict)
    licences: dict[LicenceKey, list[float]] = field(default_factory=dict)
    speakers: Distinct = field(default_factory=Distinct)
    quality: QualityFacts = field(default_factory=QualityFacts)
    turns: Statistics = field(default_factory=Statistics)
    candidates: Candidates = field(default_factory=Candidates)
    withdrawn: int = 0

    def add(self, row: ClipRow, withdrawn: frozenset[str] = frozenset()) -> None:
        """Count a kept clip; one that was withdrawn since is counted, but not shown."""
        info = row.info
        self.clips += 1
        self.seconds += row.duration_s
        _count(self.splits, row.split.value if row.split else "", row.duration_s)
        key = licence_key(info.licence)
        known = key in self.licences or len(self.licences) < LICENCES
        _count(self.licences, key if known else OTHERS, row.duration_s)
        for name in info.stated_speakers or info.speakers:
            self.speakers.add(name)
        self.quality.add(info, row.duration_s)
        self.turns.add(info.segments, info.events, info.quality.words)
        if row.clip_id in withdrawn:
            self.withdrawn += 1
        else:
            self.candidates.add(row)


def licence_key(licence: Licence) -> LicenceKey:
    """What the table of licences tells apart."""
    return licence.spdx, licence.holder or "", licence.consent.value, licence.rights.commercial_use


def _count(sums: dict[Any, list[float]], key: Any, seconds: float) -> None:
    entry = sums.setdefault(key, [0, 0.0])
    entry[0] += 1
    entry[1] += seconds


def clips_of(out: Path, withdrawn: frozenset[str]) -> ClipFacts:
    """The facts of a dataset; its index is read piece by piece. Raises DatasetError."""
    facts = ClipFacts()
    for row in kept_clips(out):
        facts.add(row, withdrawn)
    return facts
