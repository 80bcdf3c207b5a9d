"""Diarization errors, computed by pyannote.metrics: DER and its parts, JER.

DER (NIST RT-09): missed + false + confused speech over true speech, overlap included: every speaker's seconds count.
JER (DIHARD 2019): one minus the mean over true speakers of |both| / |either|. Both map found to true speakers once
for the whole recording, so that speakers who swap halfway cost what they cost.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from model.measures.activity import Stretch, merged, within
from schemas.conversation import Segment

PIECE_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DiarizationErrors:
    """Seconds of true speech and of errors, of all speakers; additive over recordings."""

    missed_s: float
    false_s: float
    confused_s: float
    speech_s: float

    @property
    def errors_s(self) -> float:
        """Missed, false and confused speech together."""
        return self.missed_s + self.false_s + self.confused_s

    @property
    def rate(self) -> float:
        """DER, 0 and up: 0.1 is 10 %. NaN where nobody truly speaks."""
        return self.errors_s / self.speech_s if self.speech_s else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class JaccardErrors:
    """The sum of the true speakers' Jaccard errors, each 0 to 1, and how many speakers they are; additive."""

    error: float
    speakers: float

    @property
    def rate(self) -> float:
        """JER, 0 to 1; NaN where nobody truly speaks."""
        return self.error / self.speakers if self.speakers else float("nan")


def diarization_errors(
    truth: Iterable[Segment], found: Iterable[Segment], scored: Sequence[Stretch], collar_s: float
) -> DiarizationErrors:
    """DER and its parts over the `scored` stretches (disjoint), as `DiarizationErrorRate` of pyannote.metrics has it.

    collar_s: this much is left out before and after each true start and end, NIST's convention. pyannote.metrics
    calls by `collar` the whole width: it is given twice this. It takes the square of the recording's length, so the
    errors are added up over pieces, under the one mapping that is best for the whole.
    """
    from pyannote.metrics.identification import IdentificationErrorRate

    metric = IdentificationErrorRate(collar=2.0 * collar_s)
    true, made = merged(truth), merged(found)
    pieces = [_Piece.cut(true, made, stretch, collar_s) for stretch in _short(scored)]
    together: Counter[tuple[str, int]] = Counter()
    for piece in pieces:
        together.update(piece.together(metric))
    names = _mapping(together)
    total: Counter[str] = Counter()
    for piece in pieces:
        total.update(metric(piece.truth, piece.found.rename_labels(names), uem=piece.uem, detailed=True))
    return DiarizationErrors(
        missed_s=float(total["missed detection"]),
        false_s=float(total["false alarm"]),
        confused_s=float(total["confusion"]),
        speech_s=float(total["total"]),
    )


def jaccard_errors(truth: Iterable[Segment], found: Iterable[Segment], scored: Sequence[Stretch]) -> JaccardErrors:
    """JER over the `scored` stretches, without a collar, as `JaccardErrorRate` of pyannote.metrics has it."""
    from pyannote.core import Segment as Stretched
    from pyannote.core import Timeline
    from pyannote.metrics.diarization import JaccardErrorRate

    uem = Timeline(segments=[Stretched(start_s, end_s) for start_s, end_s in scored])
    metric = JaccardErrorRate()  # type: ignore[no-untyped-call]
    parts = metric(_annotation(merged(truth), _TRUE), _annotation(merged(found), _MADE), uem=uem, detailed=True)
    return JaccardErrors(error=float(parts["speaker error"]), speakers=float(parts["speaker count"]))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a recording as pyannote's annotations; true speakers are named, found ones numbered."""

    truth: Any
    found: Any
    uem: Any

    @classmethod
    def cut(cls, true: Sequence[Segment], made: Sequence[Segment], stretch: Stretch, collar_s: float) -> "_Piece":
        """The segments that touch a stretch; they go on beyond it, so that its ends are no edges."""
        from pyannote.core import Segment as Stretched
        from pyannote.core import Timeline

        wide = [(stretch[0] - 2.0 * collar_s - 1.0, stretch[1] + 2.0 * collar_s + 1.0)]
        return cls(
            _annotation(within(true, wide), _TRUE),
            _annotation(within(made, wide), _MADE),
            Timeline(segments=[Stretched(*stretch)]),
        )

    def together(self, metric: Any) -> dict[tuple[str, int], float]:
        """Seconds that each true and each found speaker share, outside the collars."""
        truth, found = metric.uemify(self.truth, self.found, uem=self.uem, collar=metric.collar)
        shared = truth * found
        return {
            (t, f): float(shared[i, j]) for i, t in enumerate(truth.labels()) for j, f in enumerate(found.labels())
        }


def _short(scored: Sequence[Stretch]) -> Iterator[Stretch]:
    for start_s, end_s in scored:
        count = max(1, math.ceil((end_s - start_s) / PIECE_S))
        edges = [start_s + (end_s - start_s) * k / count for k in range(count + 1)]
        yield from pairwise(edges)


def _mapping(together: Mapping[tuple[str, int], float]) -> dict[int, str]:
    """From found to true speakers, one to one, so that they share the most seconds."""
    true, made = sorted({t for t, _ in together}), sorted({f for _, f in together})
    shared = np.array([[together.get((t, f), 0.0) for f in made] for t in true]).reshape(len(true), len(made))
    rows, columns = linear_sum_assignment(shared, maximize=True)
    return {made[j]: true[i] for i, j in zip(rows, columns, strict=True) if shared[i, j] > 0}


_TRUE: Final[Callable[[int], str | int]] = "speaker {}".format
_MADE: Final[Callable[[int], str | int]] = int


def _annotation(segments: Iterable[Segment], label: Callable[[int], str | int]) -> Any:
    from pyannote.core import Annotation
    from pyannote.core import Segment as Stretched

    annotation = Annotation()
    for s in segments:
        annotation[Stretched(s.start_s, s.end_s), s.channel] = label(s.channel)
    return annotation
