"""Sums that do not grow with the corpus: histograms, what is most common, how many are different."""

import hashlib
import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

DETAILS: Final = 200
"""Kinds of detail that are remembered; of more than twice as many the rarest are forgotten."""
HASHES: Final = 4_096
"""Different names up to which `Distinct` is exact; beyond, its standard error is 1.6 %."""
_NO_HASH: Final = 2**64


@dataclass(slots=True)
class Histogram:
    """Weights in bins of equal width; what lies outside is in the outermost bin, what is no number is left out."""

    low: float
    high: float
    n_bins: int
    counts: Float64 = field(init=False)
    total: float = 0.0
    _weighted: float = 0.0

    def __post_init__(self) -> None:
        self.counts = np.zeros(self.n_bins)

    def add(self, value: float, weight: float) -> None:
        """Count a value."""
        if not math.isfinite(value) or weight <= 0.0:
            return
        at = int((value - self.low) / (self.high - self.low) * self.n_bins + 1e-9)
        self.counts[min(max(at, 0), self.n_bins - 1)] += weight
        self.total += weight
        self._weighted += weight * value

    @property
    def edges(self) -> Float64:
        """Of the bins, one more than there are bins."""
        return np.linspace(self.low, self.high, self.n_bins + 1)

    def mean(self) -> float:
        """Of the values, not of the bins; NaN of none."""
        return self._weighted / self.total if self.total else math.nan


@dataclass(slots=True)
class Detail:
    """Losses that are told in the same words, but for numbers and names."""

    stage: str
    reason: str
    text: str
    example: str
    count: int = 0
    seconds: float = 0.0

    @property
    def words(self) -> str:
        """As it was said, where it was said once."""
        return self.example if self.count == 1 else self.text


@dataclass(slots=True)
class Frequent:
    """The details that cost most. Exact while there are fewer than twice DETAILS."""

    details: dict[tuple[str, str, str], Detail] = field(default_factory=dict)

    def add(self, stage: str, reason: str, text: str, example: str, seconds: float) -> None:
        """Count a loss."""
        detail = self.details.setdefault((stage, reason, text), Detail(stage, reason, text, example))
        detail.count += 1
        detail.seconds += seconds
        if len(self.details) > 2 * DETAILS:
            self.details = {(d.stage, d.reason, d.text): d for d in self.most(DETAILS)}

    def most(self, count: int) -> list[Detail]:
        """Those that cost most time, then those that are most common."""
        ordered = sorted(self.details.values(), key=lambda d: (-d.seconds, -d.count, d.stage, d.reason, d.text))
        return ordered[:count]


@dataclass(slots=True)
class Distinct:
    """How many different names there are, from the smallest hashes: Bar-Yossef et al. 2002, algorithm 2."""

    _smallest: set[int] = field(default_factory=set)
    _bound: int = _NO_HASH

    def add(self, name: str) -> None:
        """Count a name, which may have been there before."""
        value = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8], "big")
        if value < self._bound:
            self._smallest.add(value)
            if len(self._smallest) > HASHES:
                self._smallest.remove(max(self._smallest))
                self._bound = max(self._smallest)

    @property
    def exact(self) -> bool:
        """Whether nothing had to be forgotten."""
        return self._bound == _NO_HASH

    def count(self) -> int:
        """How many, or about how many."""
        if self.exact:
            return len(self._smallest)
        return round((HASHES - 1) * (_NO_HASH / self._bound))
