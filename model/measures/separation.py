"""How well two voices were told apart: SI-SDR and leakage, from sums over frames of 10 ms.

The audio is read once, in blocks, and only its products per frame are kept (about 90 bytes a frame for two speakers,
65 MB for two hours), so that every region and every permutation can be measured afterwards.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.measures.activity import FRAMES_PER_S, Bool, widened
from schemas.recording import SAMPLE_RATE_HZ

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

FRAME_SAMPLES: Final = SAMPLE_RATE_HZ // FRAMES_PER_S  # 240
CAP_DB: Final = 100.0
"""SI-SDR is at most this: a perfect channel would be infinitely good."""
LEAST_DB: Final = -30.0
"""SI-SDR is at least this: a channel without anything of its speaker would be infinitely bad."""
FLOOR_DB: Final = -120.0
"""Leakage of a channel that is silent."""
GUARD_FRAMES: Final = 25
"""Leakage is not measured within 0.25 s of the channel's own speaker: true edges are not exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSums:
    """Sums over each 10-ms frame (240 samples at 24 kHz) of a recording of n frames, float64.

    found [C, n], truth [S, n], mixture [n]: squares. found_truth [C, S, n], mixture_truth [S, n]: products.
    """

    found: Float64
    truth: Float64
    mixture: Float64
    found_truth: Float64
    mixture_truth: Float64

    @property
    def n_frames(self) -> int:
        """Length in frames."""
        return int(self.mixture.size)


def frame_sums(found: Float32, truth: Float32, mixture: Float32) -> FrameSums:
    """The sums of a block: found [C, samples], truth [S, samples], mixture [samples], a whole number of frames."""
    found_, truth_ = _framed(found), _framed(truth)
    mixture_ = _framed(mixture[None])[0]
    return FrameSums(
        found=np.square(found_).sum(axis=2),
        truth=np.square(truth_).sum(axis=2),
        mixture=np.square(mixture_).sum(axis=1),
        found_truth=np.einsum("cnk,snk->csn", found_, truth_),
        mixture_truth=np.einsum("nk,snk->sn", mixture_, truth_),
    )


def joined(blocks: list[FrameSums]) -> FrameSums:
    """The sums of blocks that follow each other; at least one."""
    return FrameSums(
        found=np.concatenate([b.found for b in blocks], axis=1),
        truth=np.concatenate([b.truth for b in blocks], axis=1),
        mixture=np.concatenate([b.mixture for b in blocks]),
        found_truth=np.concatenate([b.found_truth for b in blocks], axis=2),
        mixture_truth=np.concatenate([b.mixture_truth for b in blocks], axis=1),
    )


def _framed(audio: Float32) -> Float64:
    return audio.astype(np.float64).reshape(audio.shape[0], -1, FRAME_SAMPLES)


def likeness(sums: FrameSums, covered: Bool) -> Float64:
    """[C, S], 0 to 1: squared correlation of each channel with each true one over frames `covered`; 0 if silent."""
    weights = covered.astype(np.float64)
    scale = np.outer(sums.found @ weights, sums.truth @ weights)
    products = np.square(sums.found_truth @ weights)
    return np.divide(products, scale, out=np.zeros_like(scale), where=scale > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """One figure for each part of a recording; NaN where there is no such part."""

    overall: float
    overlap: float
    solo: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelScore:
    """One channel against its speaker, dB. `gain_db`: SI-SDR of the channel less that of the mixture."""

    speaker: str
    si_sdr_db: Regions
    gain_db: Regions
    leakage_db: float


def si_sdr_db(product: float, estimate: float, target: float) -> float:
    """SI-SDR (Le Roux et al. 2019, equation 3) from <estimate, target> and the two energies, LEAST_DB to CAP_DB.

    No mean is taken off. NaN where the target is silent. A silent estimate has LEAST_DB, as noise of any level has:
    it holds nothing of the target, and its scale does not count.
    """
    if target <= 0.0:
        return float("nan")
    explained = product * product / target
    residual = estimate - explained
    if explained <= 0.0 or residual <= 0.0:
        return CAP_DB if explained > 0.0 else LEAST_DB
    return max(LEAST_DB, min(CAP_DB, 10.0 * math.log10(explained / residual)))


def score_channel(
    sums: FrameSums, pair: tuple[int, int], rival: tuple[int, int] | None, active: Bool, covered: Bool, *, name: str
) -> ChannelScore:
    """One channel against one true speaker; `pair` and `rival` are (channel, speaker), the latter of the other one.

    active: true activity [S, frames]; covered: frames that the output has. Overlap is where the speaker and another
    are active, solo where only the speaker is; one scale holds for all of a region. Without a rival, leakage is NaN.
    """
    channel, speaker = pair
    alone = active.sum(axis=0) == 1
    masks = (covered, covered & active[speaker] & ~alone, covered & active[speaker] & alone)
    own = [_region_db(sums.found_truth[channel, speaker], sums.found[channel], sums.truth[speaker], m) for m in masks]
    raw = [_region_db(sums.mixture_truth[speaker], sums.mixture, sums.truth[speaker], m) for m in masks]
    leak = float("nan")
    if rival is not None:
        other_alone = covered & alone & active[rival[1]] & ~widened(active[speaker], GUARD_FRAMES)
        leak = leakage_db(sums.found[channel], sums.found[rival[0]], other_alone)
    return ChannelScore(
        speaker=name,
        si_sdr_db=Regions(overall=own[0], overlap=own[1], solo=own[2]),
        gain_db=Regions(overall=own[0] - raw[0], overlap=own[1] - raw[1], solo=own[2] - raw[2]),
        leakage_db=leak,
    )


def leakage_db(channel: Float64, other: Float64, other_alone: Bool) -> float:
    """Level of a channel while only the other speaker speaks, relative to the other's own channel in the same time.

    channel, other: energy of each frame [n]. Everything that the channel then holds counts, noise included. NaN where
    the other is never alone, or both channels are silent; held within plus and minus 120 dB.
    """
    leaked, own = float(channel[other_alone].sum()), float(other[other_alone].sum())
    if leaked <= 0.0:
        return FLOOR_DB if own > 0.0 else float("nan")
    return max(FLOOR_DB, min(-FLOOR_DB, 10.0 * math.log10(leaked / own))) if own > 0.0 else -FLOOR_DB


def _region_db(product: Float64, estimate: Float64, target: Float64, mask: Bool) -> float:
    return si_sdr_db(float(product[mask].sum()), float(estimate[mask].sum()), float(target[mask].sum()))
