"""Two voices told apart by examples of each: frames of their own solo speech in the same recording.

A frame of the mixture, with its neighbours, is explained as a sum of such examples with weights of zero or more
(Gemmeke, Virtanen, Hurmalainen 2011: exemplar-based sparse representations; the Kullback-Leibler updates are those of
Lee and Seung 2001). Nothing is trained; the share that a speaker's examples explain is where the network starts.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.separator.spectrum import HOP, WINDOW, WINDOW_SHAPE, in_bands, looked_at

CONTEXT: Final = 3  # frames to an example
_LOUD: Final = 1e-3  # of the energy of a loud frame: softer frames are no examples
_FLOOR: Final = 1e-6
_BLOCK_FRAMES: Final = 1_500
_SHARPEN: Final = 3.0  # the start of the updates: likeness to this power


@dataclass(frozen=True, slots=True)
class Examples:
    """Of a batch of speakers: in bands with their neighbours, [B, n, 3 * 101], sum 1; in bins [B, n, 3 * 320]."""

    bands: Tensor
    bins: Tensor


def with_neighbours(frames_BTX: Tensor) -> Tensor:
    """Each frame between the one before and the one after, [B, T, 3 X]; zeros beyond the ends."""
    padded = torch.nn.functional.pad(frames_BTX, (0, 0, 1, 1))
    out: Tensor = torch.cat([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], 2)
    return out


def choose(
    audio: NDArray[np.float32 | np.int16], frames: NDArray[np.int64], count: int, random: np.random.Generator
) -> Examples:
    """`count` examples of a speaker, drawn from the louder of `frames` (of 20 ms) in which only he speaks.

    audio: float32 or int16 [samples] at 24 kHz. Some come twice where there are fewer frames.
    """
    frames = frames[(frames >= CONTEXT) & (frames < audio.size // HOP - CONTEXT)]
    if not frames.size:
        raise ValueError("a speaker without solo speech has no examples")
    power = _power(audio, frames)
    loud = frames[power >= _LOUD * np.quantile(power, 0.95)]
    at = random.choice(loud, count, replace=loud.size < count)
    pieces = np.stack([audio[(f - 2) * HOP : (f + 2) * HOP] for f in at]).astype(np.float32)
    windows = torch.from_numpy(pieces).unfold(1, WINDOW, HOP)
    bins = looked_at(torch.fft.rfft(windows * WINDOW_SHAPE)).abs()
    bands = in_bands(bins).flatten(1)
    scale = bands.sum(1, keepdim=True) + 1e-12
    return Examples((bands / scale + _FLOOR)[None], (bins.flatten(1) / scale)[None])


def _power(audio: NDArray[np.float32 | np.int16], frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """Energy of each of these frames, ascending; the audio is read block by block."""
    energy = []
    for start in range(0, audio.size // HOP, _BLOCK_FRAMES):
        inside = frames[np.searchsorted(frames, start) : np.searchsorted(frames, start + _BLOCK_FRAMES)] - start
        if inside.size:
            block = audio[start * HOP : (start + _BLOCK_FRAMES) * HOP]
            of_frames = block[: block.size // HOP * HOP].reshape(-1, HOP)[inside]
            energy.append(np.square(of_frames, dtype=np.float64).sum(1))
    return np.concatenate(energy)


def explain(magnitude_BTF: Tensor, first: Examples, second: Examples, updates: int) -> tuple[Tensor, Tensor]:
    """What of a mixture's magnitudes [B, T, 320] each speaker's examples explain, two of [B, T, 320]."""
    seen = with_neighbours(in_bands(magnitude_BTF))
    examples = torch.cat([first.bands, second.bands], 1)
    backwards = examples.transpose(1, 2).contiguous()
    weights = (seen @ backwards).pow(_SHARPEN)
    weights = weights * (seen.sum(2, keepdim=True) / (weights.sum(2, keepdim=True) + 1e-20))
    for _ in range(updates):
        weights = weights * ((seen / (weights @ examples + 1e-12)) @ backwards)
    count = first.bands.shape[1]
    return _laid_over(weights[..., :count] @ first.bins), _laid_over(weights[..., count:] @ second.bins)


def _laid_over(windows_BTX: Tensor) -> Tensor:
    """Each frame as the sum of what the three windows that hold it say, [B, T, 320]."""
    before, here, after = torch.chunk(windows_BTX, CONTEXT, 2)
    out: Tensor = here.clone()
    out[:, :-1] += before[:, 1:]
    out[:, 1:] += after[:, :-1]
    return out
