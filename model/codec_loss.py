"""What the built-in codec is trained to keep: log-mel spectra, band envelopes, loudness, pitch.

Shape suffixes: B batch, S samples, N frames, K bands.
"""

import torch
from torch import Tensor

from model.codec_dsp import PITCH_BINS, mel_filters

RESOLUTIONS = ((480, 240, 40), (1_024, 360, 80), (2_048, 720, 160))
"""FFT size, hop and mel bands."""
FLOOR_DB = -50.0
"""Below the loudest of a crop, differences count little."""
SEGMENT_FRAMES = 26
"""Envelopes are compared over 390 ms, as in ESTOI (Jensen and Taal 2016)."""


class SpectralLoss(torch.nn.Module):
    """Distance of two signals [B, S]: of log-mel spectra in nepers, of band envelopes, of loudness."""

    def __init__(self) -> None:
        super().__init__()
        for size, _, bands in RESOLUTIONS:
            self.register_buffer(f"mel_{size}", mel_filters(size // 2 + 1, bands), persistent=False)
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)
        self.register_buffer("thirds", _third_octaves(1_024), persistent=False)
        self.thirds: Tensor

    def forward(self, made_BS: Tensor, true_BS: Tensor) -> dict[str, Tensor]:
        """The three parts, each a mean over batch, bands and frames."""
        parts = {"mel": made_BS.new_zeros(())}
        for size, hop, _ in RESOLUTIONS:
            made, true = self._power(made_BS, size, hop), self._power(true_BS, size, hop)
            filters = self.get_buffer(f"mel_{size}")
            bands_made, bands_true = made @ filters, true @ filters
            parts["mel"] = parts["mel"] + _log_distance(bands_made, bands_true) / len(RESOLUTIONS)
            if size == 1_024:
                low = slice(0, self.thirds.shape[0])
                parts["envelope"] = _decorrelation(made[..., low] @ self.thirds, true[..., low] @ self.thirds)
                parts["loud"] = _loudness_distance(bands_made, bands_true)
        return parts

    def _power(self, audio: Tensor, size: int, hop: int) -> Tensor:
        frames = audio.unfold(-1, size, hop) * self.get_buffer(f"window_{size}")
        return torch.view_as_real(torch.fft.rfft(frames)).square().sum(-1) * (4.0 / size**2)


def _log_distance(made: Tensor, true: Tensor) -> Tensor:
    """Mean absolute difference of log amplitudes, mostly above a floor below the crop's loudest band."""
    loudest = true.amax((1, 2), keepdim=True)
    relative = 10 ** (FLOOR_DB / 10) * loudest + 1e-10
    near = 0.5 * (torch.log(made + relative) - torch.log(true + relative)).abs().mean()
    far = 0.5 * (torch.log(made + 1e-10) - torch.log(true + 1e-10)).abs().mean()
    return near + 0.1 * far


def _loudness_distance(made: Tensor, true: Tensor) -> Tensor:
    """Mean squared difference of loudness (fourth root of power), relative to the crop: keeps the energy of peaks."""
    made, true = (torch.sqrt(torch.sqrt(x + 1e-10)) for x in (made, true))
    scale = true.square().mean((1, 2), keepdim=True).sqrt().clamp(min=0.02)
    return ((made - true) / scale).square().mean()


def _decorrelation(made: Tensor, true: Tensor) -> Tensor:
    """One minus the mean correlation of band amplitudes [B, N, K] over segments, normalised over time, then bands."""
    loud = true.sum(-1).unfold(1, SEGMENT_FRAMES, 9).mean(-1)
    counts = (loud > 1e-4 * loud.amax(1, keepdim=True)).to(true) * (loud > 1e-9)
    a, b = (_normalised(torch.sqrt(x + 1e-12).unfold(1, SEGMENT_FRAMES, 9)) for x in (made, true))
    correlation = (a * b).sum((-1, -2)) / SEGMENT_FRAMES
    return ((1.0 - correlation) * counts).sum() / counts.sum().clamp(min=1.0)


def _normalised(segments: Tensor) -> Tensor:
    """Zero mean and unit length over time (last axis), then over bands (the axis before it)."""
    for axis in (-1, -2):
        centred = segments - segments.mean(axis, keepdim=True)
        segments = centred * torch.rsqrt(centred.square().sum(axis, keepdim=True) + 1e-10)
    return segments


def _third_octaves(size: int) -> Tensor:
    """Fifteen third-octave bands from 150 Hz, [bins, 15], without the empty bins above."""
    hz = torch.arange(size // 2 + 1) * 24_000.0 / size
    centres = 150.0 * 2.0 ** (torch.arange(15) / 3.0)
    inside = (hz[:, None] >= centres * 2 ** (-1 / 6)) & (hz[:, None] < centres * 2 ** (1 / 6))
    return inside[: int(4_400 / 24_000 * size) + 1].float()


def pitch_loss(logits: Tensor, bins: Tensor, clarity: Tensor) -> Tensor:
    """Cross-entropy of logits [B, N, 128] with a bell around the true bin [B, N], weighted by its clarity."""
    place = torch.arange(PITCH_BINS, device=logits.device)
    target = torch.exp(-0.5 * (place - bins[..., None]).square()).clamp(min=1e-6)
    target = target / target.sum(-1, keepdim=True)
    weight = clarity.square() + 0.01
    loss = -(target * logits.log_softmax(-1)).sum(-1)
    return (loss * weight).sum() / weight.sum()
