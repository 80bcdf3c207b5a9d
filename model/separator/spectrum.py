"""The spectra in which voices are told apart: 40-ms windows, 50 frames a second, 25 Hz to 8 kHz.

Frame n is centred on sample 480 n and is one of the recording's 20-ms frames. Above 8 kHz a mask goes on as it is at
8 kHz.

Shape suffixes: B batch, T frames, F the 320 bins that are looked at, K the 101 bands that they are gathered in.
"""

from typing import Final

import torch
from torch import Tensor

SAMPLE_RATE_HZ: Final = 24_000
WINDOW: Final = 960
HOP: Final = 480
BINS: Final = 320
WINDOW_SHAPE: Final = torch.hann_window(WINDOW, periodic=True).sqrt()


def _edges() -> list[int]:
    """Single bins to 1.6 kHz, where harmonics are told apart; above it bands of 4.5 % of their frequency."""
    edges = list(range(65))
    while edges[-1] < BINS:
        edges.append(min(BINS, round(edges[-1] * 1.045)))
    return edges


BAND_EDGES: Final = tuple(_edges())
BANDS: Final = len(BAND_EDGES) - 1
_BAND_OF_BIN: Final = torch.bucketize(torch.arange(BINS), torch.tensor(BAND_EDGES), right=True) - 1
_GATHER: Final = torch.nn.functional.one_hot(_BAND_OF_BIN, BANDS).float()


def spectrum(audio: Tensor) -> Tensor:
    """float32 [B, S] -> complex [B, T, 481], T = S // 480 + 1; the ends are mirrored."""
    out: Tensor = torch.stft(audio, WINDOW, HOP, window=WINDOW_SHAPE, return_complex=True).transpose(1, 2)
    return out


def waveform(spectrum_BTF: Tensor, samples: int) -> Tensor:
    """The inverse of `spectrum`, float32 [B, samples]."""
    return torch.istft(spectrum_BTF.transpose(1, 2), WINDOW, HOP, window=WINDOW_SHAPE, length=samples)


def looked_at(spectrum_BTF: Tensor) -> Tensor:
    """The bins of 25 Hz to 8 kHz, [..., 320]."""
    return spectrum_BTF[..., 1 : BINS + 1]


def in_bands(magnitude_F: Tensor) -> Tensor:
    """Magnitudes [..., 320] summed in bands [..., 101]."""
    return magnitude_F @ _GATHER.to(magnitude_F.device)


def spread(mask_F: Tensor) -> Tensor:
    """A mask [..., 320] for all 481 bins: the lowest as the next one, those above 8 kHz as the mean of 6 to 8 kHz."""
    above = mask_F[..., 240:].mean(-1, keepdim=True).expand(*mask_F.shape[:-1], WINDOW // 2 - BINS)
    return torch.cat([mask_F[..., :1], mask_F, above], -1)
