"""Whether what a clip says of itself is true: the confidence of its overlaps, and the leakage it expects."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.diarization.activity import overlaps

Bool = NDArray[np.bool_]

BINS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
LIMITS_DB: Final = (-25.0, -15.0)


@dataclass(frozen=True, slots=True)
class Trust:
    """Of one stretch: for each overlap its confidence, its frames and those of them in which two speak, float [n, 3];
    the worse channel's leakage in dB, expected and measured."""

    overlaps: NDArray[np.float64]
    expected_db: float
    measured_db: float


def said_of_overlaps(activity: Bool, true: Bool, confidence: Sequence[float]) -> NDArray[np.float64]:
    """Confidence, frames, and truly overlapped frames of each overlap, [n, 3]. activity, true: [2, T]."""
    both: Bool = np.all(true, axis=0)
    rows = [(c, b - a, both[a:b].sum()) for c, (a, b) in zip(confidence, overlaps(activity), strict=True)]
    return np.array(rows, np.float64).reshape(-1, 3)


def trust_table(found: Sequence[Trust]) -> str:
    """Two markdown tables: how much of the overlaps is right, by confidence; leakage expected against measured."""
    said = np.concatenate([np.zeros((0, 3)), *(t.overlaps for t in found)])
    lines = ["| confidence | overlaps | mean | right, % |", "|---|---|---|---|"]
    for low, high in itertools.pairwise(BINS):
        inside = said[(said[:, 0] >= low) & ((said[:, 0] < high) | (high == BINS[-1]))]
        if len(inside):
            mean = np.average(inside[:, 0], weights=inside[:, 1])
            right = 100.0 * inside[:, 2].sum() / inside[:, 1].sum()
            lines.append(f"| {low:g} to {high:g} | {len(inside)} | {mean:.2f} | {right:.0f} |")
    expected, measured = (np.array([getattr(t, f"{kind}_db") for t in found]) for kind in ("expected", "measured"))
    lines += ["", "| leakage above | expected | measured | both |", "|---|---|---|---|"]
    for limit in LIMITS_DB:
        over = expected > limit, measured > limit
        lines.append(f"| {limit:g} dB | {over[0].sum()} | {over[1].sum()} | {(over[0] & over[1]).sum()} |")
    return "\n".join(lines)
