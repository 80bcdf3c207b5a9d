"""What others do with a mixture, as two channels to score against: the baselines of every comparison."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.measures.activity import FRAMES_PER_S, Bool
from schemas.recording import SAMPLE_RATE_HZ

Float32 = NDArray[np.float32]

FRAME_SAMPLES: Final = SAMPLE_RATE_HZ // FRAMES_PER_S


def copied(mixture: Float32, n_channels: int = 2) -> Float32:
    """The mixture [samples] on every channel: float32 [n_channels, samples]."""
    return np.tile(mixture, (n_channels, 1))


def sliced(mixture: Float32, active: Bool) -> Float32:
    """Diarization slicing: each channel has the mixture where only its speaker is active, silence elsewhere.

    mixture: [samples] at 24 kHz; active: [channels, frames] at 100 frames a second. Overlaps are dropped, as in
    pipelines that cut single-speaker segments. Gives float32 [channels, samples].
    """
    return _gated(mixture, active & (active.sum(axis=0) == 1))


def routed(mixture: Float32, active: Bool) -> Float32:
    """As `sliced`, but an overlap goes, unseparated, to the channels of all who speak in it."""
    return _gated(mixture, active)


def _gated(mixture: Float32, open_frames: Bool) -> Float32:
    needed = -(-mixture.size // FRAME_SAMPLES)
    gates = np.zeros((open_frames.shape[0], needed), dtype=np.float32)
    gates[:, : min(needed, open_frames.shape[1])] = open_frames[:, :needed]
    channels: Float32 = np.repeat(gates, FRAME_SAMPLES, axis=1)[:, : mixture.size] * mixture
    return channels
