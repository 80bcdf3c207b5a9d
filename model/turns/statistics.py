"""How conversations are shared out between two: counts, times and distributions, added up in constant memory.

Lengths and offsets are counted in bins of 10 ms, from which quantiles and distances are taken.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.turns.events import events_of
from model.turns.units import units_of
from schemas.conversation import Segment, TurnEvent, TurnKind

Counts = NDArray[np.int64]

BIN_S: Final = 0.01
RANGE_S: Final = {"unit": (0.0, 30.0), "pause": (0.0, 10.0), "gap": (0.0, 10.0), "transfer": (-10.0, 10.0)}
"""What is counted by length, or offset; what lies outside is counted in the outermost bin."""
OVERLAPS: Final = tuple(kind for kind in TurnKind if kind.startswith("overlap_"))


@dataclass(slots=True)
class Distribution:
    """Counts per bin of BIN_S from `low_s` on."""

    low_s: float
    counts: Counts

    @staticmethod
    def of(name: str) -> "Distribution":
        """An empty one for a key of RANGE_S."""
        low_s, high_s = RANGE_S[name]
        return Distribution(low_s, np.zeros(round((high_s - low_s) / BIN_S), np.int64))

    def add(self, values_s: Iterable[float]) -> None:
        """Count some values."""
        at = np.floor((np.fromiter(values_s, np.float64) - self.low_s) / BIN_S + 1e-6).astype(np.int64)
        np.add.at(self.counts, at.clip(0, self.counts.size - 1), 1)

    @property
    def total(self) -> int:
        """How many there are."""
        return int(self.counts.sum())

    @property
    def middles_s(self) -> NDArray[np.float64]:
        """The middle of each bin."""
        middles: NDArray[np.float64] = self.low_s + BIN_S * (np.arange(self.counts.size, dtype=np.float64) + 0.5)
        return middles

    def quantile_s(self, share: float) -> float:
        """To within a bin; NaN of none."""
        if not self.total:
            return float("nan")
        return float(self.middles_s[np.searchsorted(self.counts.cumsum(), share * self.total)])

    def mean_s(self) -> float:
        """To within a bin; NaN of none."""
        return float((self.counts * self.middles_s).sum() / self.total) if self.total else float("nan")

    def share_below(self, bound_s: float) -> float:
        """Share of the values below a bound that lies between bins; NaN of none."""
        return float(self.counts[self.middles_s < bound_s].sum() / self.total) if self.total else float("nan")

    def distance_s(self, other: "Distribution") -> float:
        """Wasserstein-1 distance: by how much a value must be moved on average; NaN where either is empty."""
        if not self.total or not other.total:
            return float("nan")
        apart = self.counts.cumsum() / self.total - other.counts.cumsum() / other.total
        return float(BIN_S * np.abs(apart).sum())


def _distributions() -> dict[str, Distribution]:
    return {name: Distribution.of(name) for name in RANGE_S}


@dataclass(slots=True)
class Statistics:
    """Sums over conversations, each from its first to its last speech.

    `speech_s`: of both speakers together; `less_s`: of the one of each conversation who says less. `counts`,
    `seconds`: by kind of event. `words` are counted, and `worded_s` is the speech, where there are words.
    """

    conversations: int = 0
    length_s: float = 0.0
    speech_s: float = 0.0
    less_s: float = 0.0
    words: int = 0
    worded_s: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    distributions: dict[str, Distribution] = field(default_factory=_distributions)

    def add(
        self, segments: Sequence[Segment], events: Sequence[TurnEvent] | None = None, words: int | None = None
    ) -> None:
        """A conversation; events: None to find them; words: how many, None where nobody wrote them down."""
        units = units_of(segments)
        if not units:
            return
        spoken = [sum(u.length_s for u in units if u.channel == c) for c in (0, 1)]
        self.conversations += 1
        self.length_s += max(u.end_s for u in units) - units[0].start_s
        self.speech_s += sum(spoken)
        self.less_s += min(spoken)
        if words is not None:
            self.words += words
            self.worded_s += sum(spoken)
        self._count("unit", [u.length_s for u in units])
        by_kind: dict[str, list[float]] = {}
        for event in events_of(segments) if events is None else events:
            value = event.end_s - event.start_s if event.offset_s is None else event.offset_s
            by_kind.setdefault(event.kind.value, []).append(value)
        for kind, values in by_kind.items():
            self._count(kind, values)

    def _count(self, kind: str, values_s: Sequence[float]) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + len(values_s)
        self.seconds[kind] = self.seconds.get(kind, 0.0) + sum(values_s)
        if kind in self.distributions:
            self.distributions[kind].add(values_s)

    def per_minute(self, *kinds: str) -> tuple[float, float]:
        """(times, seconds) a minute of these kinds together."""
        minutes = self.length_s / 60.0 or float("nan")
        return (
            sum(self.counts.get(k, 0) for k in kinds) / minutes,
            sum(self.seconds.get(k, 0.0) for k in kinds) / minutes,
        )

    def figures(self) -> dict[str, float]:
        """The figures that references give, by name: shares 0 to 1, times in seconds."""
        length_s = self.length_s or float("nan")
        offsets = self.distributions["transfer"]
        return {
            "overlap_of_time": self.per_minute(*OVERLAPS)[1] / 60.0,
            "silence_of_time": self.per_minute(TurnKind.PAUSE, TurnKind.GAP)[1] / 60.0,
            "overlapped_changes": offsets.share_below(0.0),
            "transfers_per_min": self.per_minute(TurnKind.TRANSFER)[0],
            "backchannels_per_min": self.per_minute(TurnKind.BACKCHANNEL)[0],
            "fto_median_s": offsets.quantile_s(0.5),
            "fto_p5_s": offsets.quantile_s(0.05),
            "fto_p95_s": offsets.quantile_s(0.95),
            "less_of_speech": self.less_s / self.speech_s if self.speech_s else float("nan"),
            "words_per_s": self.words / self.worded_s if self.worded_s else float("nan"),
            "speech_of_time": self.speech_s / length_s,
        }

    def as_json(self) -> dict[str, object]:
        """The inverse of `from_json`; distributions as [bin, count] of the bins that are not empty."""
        values: dict[str, object] = {f.name: getattr(self, f.name) for f in fields(self)}
        values["distributions"] = {
            name: [[int(i), int(d.counts[i])] for i in np.flatnonzero(d.counts)]
            for name, d in self.distributions.items()
        }
        return values


def from_json(values: Mapping[str, object]) -> Statistics:
    """Statistics as `as_json` gave them. Raises KeyError, TypeError, ValueError, IndexError for other values."""
    made = Statistics(**{f.name: values[f.name] for f in fields(Statistics)})  # type: ignore[arg-type]
    pairs, made.distributions = made.distributions, _distributions()
    for name, distribution in made.distributions.items():
        for at, count in pairs[name]:  # type: ignore[attr-defined]
            distribution.counts[int(at)] = int(count)
    return made
