"""score: measure a conversation. What is good enough is decided later, by `select`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from schemas.conversation import Labelled, Overlap, Quality, Scored, Segment, Worded, spoken_s
from schemas.recording import SAMPLE_RATE_HZ
from stages.contract import Needs

FLOOR_DB = -120.0
# Digits that mean something; what lies below them may depend on how a processor orders its additions.
TIME_DIGITS, DB_DIGITS = 3, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Adds the measurements."""

    name: ClassVar[str] = "score"
    reads: ClassVar[type] = Labelled
    writes: ClassVar[type] = Scored
    needs: ClassVar[Needs] = Needs()
    version: ClassVar[int] = 3

    def load(self, device: str) -> Callable[[Labelled], Scored]:
        """No model."""
        return score


def score(row: Labelled) -> Scored:
    """A labelled span with its measurements."""
    diarized, unmixed = row.worded.diarized, row.worded.diarized.unmixed
    span, segments = diarized.span, diarized.segments
    pcm = np.frombuffer(span.pcm, dtype=np.int16).reshape(2, -1)
    length_s = pcm.shape[1] / SAMPLE_RATE_HZ
    speech_s = (spoken_s(segments, 0), spoken_s(segments, 1))
    both_s = overlap_s(segments)
    leakage_db = span.source.layout.leakage_db
    quality = Quality(
        speech_s=(round(speech_s[0], TIME_DIGITS), round(speech_s[1], TIME_DIGITS)),
        overlap_s=round(both_s, TIME_DIGITS),
        silence_s=round(max(0.0, length_s - sum(speech_s) + both_s), TIME_DIGITS),
        level_db=(level_db(pcm[0], segments, 0), level_db(pcm[1], segments, 1)),
        leakage_db=(round(leakage_db[0], DB_DIGITS), round(leakage_db[1], DB_DIGITS)),
        speech_to_background_db=round(unmixed.background.speech_to_background_db, DB_DIGITS) if unmixed else None,
        overlap_confidence=mean_confidence(unmixed.overlaps) if unmixed else None,
        n_words=words_of(row.worded),
    )
    return Scored(labelled=row, quality=quality)


def words_of(row: Worded) -> tuple[int, int] | None:
    """How many words each channel has; None where nobody wrote down what is said, and nothing heard it."""
    if row.transcript is None or not row.transcript.written:
        return None
    return sum(w.channel == 0 for w in row.words), sum(w.channel == 1 for w in row.words)


def mean_confidence(overlaps: Sequence[Overlap]) -> float | None:
    """The mean over the overlapped time, None without any."""
    total_s = sum(o.end_s - o.start_s for o in overlaps)
    if total_s <= 0.0:
        return None
    return round(sum(o.confidence * (o.end_s - o.start_s) for o in overlaps) / total_s, TIME_DIGITS)


def overlap_s(segments: Sequence[Segment]) -> float:
    """Seconds in which both channels are active. segments: per channel disjoint."""
    edges = sorted((t, step) for s in segments for t, step in ((s.start_s, 1), (s.end_s, -1)))
    total, depth, since = 0.0, 0, 0.0
    for time_s, step in edges:
        if depth == 2:
            total += time_s - since
        depth += step
        since = time_s
    return total


def level_db(pcm: npt.NDArray[np.int16], segments: Sequence[Segment], channel: int) -> float:
    """RMS level of a channel while it is active, dB relative to full scale; -120 where it never is.

    pcm: int16 [samples] at 24 kHz.
    """
    energy, count = 0.0, 0
    for s in segments:
        if s.channel == channel:
            part = pcm[round(s.start_s * SAMPLE_RATE_HZ) : round(s.end_s * SAMPLE_RATE_HZ)]
            energy += float(np.square(part, dtype=np.float64).sum())  # not a BLAS call: those depend on threads
            count += len(part)
    if energy == 0.0:
        return FLOOR_DB
    return round(float(max(FLOOR_DB, 10 * np.log10(energy / count / 32768.0**2))), DB_DIGITS)
