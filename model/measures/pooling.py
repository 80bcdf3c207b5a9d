"""Figures over many recordings, each with its bootstrap interval.

Seconds and counts are pooled (a long recording weighs more); decibels and recordings' own rates have a median or a
mean over recordings and channels. Intervals are percentiles of RESAMPLES draws of recordings with replacement (Efron
1979), seeded: the same scores, the same intervals.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.measures.diarization import DiarizationErrors
from model.measures.events import Edges, Found
from model.measures.recording import RecordingScore
from model.measures.separation import ChannelScore
from model.measures.turn_taking import EVENT_KINDS, Counted
from schemas.conversation import TurnKind

Float64 = NDArray[np.float64]

RESAMPLES: Final = 1_000
LOW_PERCENT, HIGH_PERCENT = 2.5, 97.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A pooled figure and the ends of its 95 % interval; NaN where nothing is measured, or with one recording."""

    value: float
    low: float
    high: float


def pooled(scores: Sequence[RecordingScore], seed: int = 0) -> dict[str, Figure]:
    """Every pooled figure by its name, from at least one recording."""
    draws = np.random.default_rng(seed).multinomial(len(scores), np.full(len(scores), 1 / len(scores)), RESAMPLES)
    return {name: figure(scores, draws) for name, figure in _FIGURES.items()}


_Measure = Callable[[Sequence[RecordingScore], NDArray[np.int64]], Figure]


def _ratio(part: Callable[[RecordingScore], float], whole: Callable[[RecordingScore], float]) -> _Measure:
    """The sum of `part` over the sum of `whole`."""

    def figure(scores: Sequence[RecordingScore], draws: NDArray[np.int64]) -> Figure:
        parts, wholes = (np.array([f(s) for s in scores], dtype=np.float64) for f in (part, whole))
        return _figure(_divided(parts.sum(), wholes.sum()), _divided(draws @ parts, draws @ wholes), len(scores))

    return figure


def _mean(values: Callable[[RecordingScore], Float64]) -> _Measure:
    return _ratio(lambda s: float(np.nansum(values(s))), lambda s: float(np.isfinite(values(s)).sum()))


def _quantile(values: Callable[[RecordingScore], Float64], share: float) -> _Measure:
    """A quantile of all values of all recordings; NaN values are left out."""

    def figure(scores: Sequence[RecordingScore], draws: NDArray[np.int64]) -> Figure:
        lists = [values(s) for s in scores]
        every = np.concatenate([v[np.isfinite(v)] for v in lists])
        owner = np.repeat(np.arange(len(lists)), [int(np.isfinite(v).sum()) for v in lists])
        if not every.size:
            return Figure(value=float("nan"), low=float("nan"), high=float("nan"))
        order = np.argsort(every, kind="stable")
        drawn = np.array([_weighted_quantile(every[order], draw[owner[order]], share) for draw in draws])
        return _figure(float(np.quantile(every, share)), drawn, len(scores))

    return figure


def _weighted_quantile(ordered: Float64, counts: NDArray[np.int64], share: float) -> float:
    """`np.quantile` (linear) of sorted values that each stand for so many."""
    ends = np.cumsum(counts)
    if not ends.size or not ends[-1]:
        return float("nan")
    at = share * (ends[-1] - 1)
    low, high = (ordered[np.searchsorted(ends, k, side="right")] for k in (np.floor(at), np.ceil(at)))
    return float(low + (high - low) * (at - np.floor(at)))


def _divided(part: Float64, whole: Float64) -> Float64:
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    divided: Float64 = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return divided


def _figure(value: Float64 | float, drawn: Float64, n: int) -> Figure:
    known = drawn[np.isfinite(drawn)]
    if n < 2 or not known.size:
        return Figure(value=float(value), low=float("nan"), high=float("nan"))
    low, high = np.percentile(known, [LOW_PERCENT, HIGH_PERCENT])
    return Figure(value=float(value), low=float(low), high=float(high))


def _found(get: Callable[[RecordingScore], Found]) -> _Measure:
    return _ratio(lambda s: get(s).found, lambda s: get(s).of)


def _channel(get: Callable[[ChannelScore], float]) -> Callable[[RecordingScore], Float64]:
    return lambda s: np.array([get(c) for c in s.channels], dtype=np.float64)


def _edges(get: Callable[[RecordingScore], Edges]) -> dict[str, _Measure]:
    return {
        "median_ms": _quantile(lambda s: np.abs(get(s).errors_ms), 0.5),
        "p90_ms": _quantile(lambda s: np.abs(get(s).errors_ms), 0.9),
        "unmatched": _ratio(lambda s: get(s).unmatched, lambda s: get(s).unmatched + get(s).errors_ms.size),
    }


CHANNEL_FIGURES: Final[dict[str, Callable[[ChannelScore], float]]] = {
    "si_sdr_db": lambda c: c.si_sdr_db.overall,
    "si_sdr_overlap_db": lambda c: c.si_sdr_db.overlap,
    "si_sdr_solo_db": lambda c: c.si_sdr_db.solo,
    "gain_db": lambda c: c.gain_db.overall,
    "gain_overlap_db": lambda c: c.gain_db.overlap,
    "gain_solo_db": lambda c: c.gain_db.solo,
    "leakage_db": lambda c: c.leakage_db,
}
"""What is measured on each channel, by name."""


def _one(get: Callable[[RecordingScore], float]) -> Callable[[RecordingScore], Float64]:
    return lambda s: np.array([get(s)], dtype=np.float64)


def _der(get: Callable[[RecordingScore], DiarizationErrors]) -> dict[str, _Measure]:
    return {
        "": _ratio(lambda s: get(s).errors_s, lambda s: get(s).speech_s),
        "_missed": _ratio(lambda s: get(s).missed_s, lambda s: get(s).speech_s),
        "_false": _ratio(lambda s: get(s).false_s, lambda s: get(s).speech_s),
        "_confused": _ratio(lambda s: get(s).confused_s, lambda s: get(s).speech_s),
        "_median": _quantile(_one(lambda s: get(s).rate), 0.5),
        "_worst": _quantile(_one(lambda s: get(s).rate), 1.0),
    }


def _events(kind: TurnKind) -> _Measure:
    def counted(score: RecordingScore) -> Counted:
        return score.turns.taking.counts[kind]

    return _ratio(lambda s: 2 * counted(s).found, lambda s: counted(s).true + counted(s).made)


def _named(prefix: str, measures: dict[str, _Measure]) -> dict[str, _Measure]:
    return {f"{prefix}{name}": measure for name, measure in measures.items()}


_HOUR_S: Final = 3600.0
_FIGURES: Final[dict[str, _Measure]] = {
    "coverage": _ratio(lambda s: s.covered_s, lambda s: s.duration_s),
    **_named("der", _der(lambda s: s.der)),
    **_named("der_collar", _der(lambda s: s.der_collar)),
    "jer": _ratio(lambda s: s.jer.error, lambda s: s.jer.speakers),
    **{f"{name}_median": _quantile(_channel(get), 0.5) for name, get in CHANNEL_FIGURES.items()},
    **{f"{name}_mean": _mean(_channel(get)) for name, get in CHANNEL_FIGURES.items()},
    "wrong_speaker_s_per_hour": _ratio(lambda s: _HOUR_S * s.turns.wrong_speaker_s, lambda s: s.covered_s),
    "swaps_per_recording": _ratio(lambda s: s.turns.swaps.count, lambda s: 1),
    "swap_free": _ratio(lambda s: s.turns.swaps.count == 0, lambda s: 1),
    "overlap_recall": _found(lambda s: s.turns.overlap_recall),
    "overlap_precision": _found(lambda s: s.turns.overlap_precision),
    "short_overlap_recall": _found(lambda s: s.turns.short_overlap_recall),
    "backchannel_recall": _found(lambda s: s.turns.backchannel_recall),
    **_named("onset_", _edges(lambda s: s.turns.onsets)),
    **_named("offset_", _edges(lambda s: s.turns.offsets)),
    **{f"{kind.value}_f1": _events(kind) for kind in EVENT_KINDS},
    "transfer_offset_median_ms": _quantile(lambda s: np.abs(s.turns.taking.offset_errors_ms), 0.5),
    "transfer_offset_p90_ms": _quantile(lambda s: np.abs(s.turns.taking.offset_errors_ms), 0.9),
}
