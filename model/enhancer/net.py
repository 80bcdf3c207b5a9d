"""The enhancer's network: demucs' spectrogram branch, small, with a mask for the mixture.

Layers of the demucs package (github.com/adefossez/demucs, MIT; Défossez 2021, arxiv.org/abs/2111.03600) over
frequency, its BLSTM over time at the bottom. Three things differ from HDemucs: nothing is normalised by the level of
the chunk (a recording keeps one gain from start to end, the norms are fixed after training), the input is compressed,
and what comes out is a bounded mask rather than a spectrum, so that clean speech passes from early on.

Shape suffixes: B batch, C channels, F frequency bins, T frames.
"""

import math
from pathlib import Path
from typing import Final

import torch
from demucs.demucs import BLSTM
from demucs.hdemucs import HDecLayer, HEncLayer, ScaledEmbedding
from torch import Tensor, nn

SAMPLE_RATE_HZ: Final = 24_000
WINDOW: Final = 768  # 32 ms
HOP: Final = 384
BINS: Final = WINDOW // 2  # the bin at 12 kHz is left as it is
COMPRESSION: Final = 0.3
NOMINAL_DB: Final = -26.0  # level of active speech that the network was trained around, dB below full scale
MOST_GAIN_DB: Final = 40.0
BUILTIN_WEIGHTS: Final = Path(__file__).parents[1] / "weights" / "enhancer.safetensors"

_CHANNELS: Final = (16, 32, 64)
_KERNEL: Final = 8
_STRIDE: Final = 4
_BOTTOM: Final = 128
_LARGEST: Final = 1e-6  # of a spectrum: below it nothing is divided
_MOMENTUM: Final = 0.05
_EMBEDDING: Final = 0.2
_PASSING: Final = 1.5  # tanh of it is the mask before training


class Enhancer(nn.Module):
    """float32 [B, samples] at 24 kHz -> the speech in it, float32 [B, samples]; any number of samples from 1 on."""

    def __init__(self) -> None:
        super().__init__()
        self.window: Tensor
        self.register_buffer("window", torch.hann_window(WINDOW).sqrt(), persistent=False)
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        before = 5
        for i, channels in enumerate(_CHANNELS):
            shape = {"kernel_size": _KERNEL, "stride": _STRIDE, "norm": False, "rewrite": i > 0}
            inner = {"depth": 2, "compress": 4, "norm": False}
            after = before if i else 2
            encode = HEncLayer(before, channels, dconv=i > 0, dconv_kw=inner, **shape)  # type: ignore[no-untyped-call]
            decode = HDecLayer(channels, after, dconv=False, last=i == 0, **shape)  # type: ignore[no-untyped-call]
            encode.add_module("norm1", _norm(channels))
            if i > 0:
                encode.add_module("norm2", _norm(2 * channels))
                decode.add_module("norm1", _norm(2 * channels))
                decode.add_module("norm2", _norm(after))
            self.encoder.append(encode)
            self.decoder.insert(0, decode)
            before = channels
        self.embedding = ScaledEmbedding(BINS // _STRIDE, _CHANNELS[0], smooth=True)
        wide = _CHANNELS[-1] * BINS // _STRIDE ** len(_CHANNELS)
        self.narrow = nn.Conv1d(wide, _BOTTOM, 1)
        self.over_time = BLSTM(_BOTTOM, layers=2, skip=True)  # type: ignore[no-untyped-call]
        self.widen = nn.Conv1d(_BOTTOM, wide, 1)

    def forward(self, audio: Tensor) -> Tensor:
        """See the class."""
        return self.waveform(self.estimate(self.spectrum(audio)), audio.shape[-1])

    def spectrum(self, audio: Tensor) -> Tensor:
        """float32 [B, samples] -> complex [B, BINS + 1, T], T = floor(samples / HOP) + 2."""
        padded = nn.functional.pad(audio, (HOP, WINDOW))
        return torch.stft(padded, WINDOW, HOP, window=self.window, center=False, return_complex=True)

    def waveform(self, spectrum: Tensor, samples: int) -> Tensor:
        """The inverse of `spectrum`: the windows squared add up to one."""
        frames = torch.fft.irfft(spectrum.transpose(1, 2), WINDOW) * self.window  # [B, T, WINDOW]
        whole: Tensor = frames[:, 1:, :HOP] + frames[:, :-1, HOP:]
        return whole.reshape(whole.shape[0], -1)[:, :samples]

    def estimate(self, mixture: Tensor) -> Tensor:
        """The spectrum of the speech in the mixture's spectrum, both complex [B, BINS + 1, T]."""
        mask_BFT = self.mask(mixture[:, :BINS])
        return torch.cat([mixture[:, :BINS] * mask_BFT, mixture[:, BINS:] * mask_BFT[:, -1:].abs()], 1)

    def mask(self, mixture: Tensor) -> Tensor:
        """Complex [B, BINS, T], of magnitude below one."""
        x_BCFT = features(mixture)
        length = x_BCFT.shape[-1]
        saved = []
        for i, encode in enumerate(self.encoder):
            x_BCFT = encode(x_BCFT)
            if i == 0:
                bins = torch.arange(x_BCFT.shape[2], device=x_BCFT.device)
                x_BCFT = x_BCFT + _EMBEDDING * self.embedding(bins).t()[None, :, :, None]
            saved.append(x_BCFT)
        bottom = self.widen(self.over_time(self.narrow(x_BCFT.flatten(1, 2))))
        x_BCFT = bottom.view(x_BCFT.shape)
        for decode in self.decoder:
            x_BCFT, _ = decode(x_BCFT, saved.pop(), length)
        real: Tensor = x_BCFT[:, 0] + _PASSING
        imaginary: Tensor = x_BCFT[:, 1]
        size = (real.square() + imaginary.square() + 1e-8).sqrt()
        return torch.complex(real, imaginary) * (torch.tanh(size) / size)


def _norm(channels: int) -> nn.Module:
    """After training it is a fixed gain and offset per channel: a window's own level does not matter."""
    return nn.BatchNorm2d(channels, momentum=_MOMENTUM)


def features(spectrum: Tensor) -> Tensor:
    """Complex [B, F, T] -> float32 [B, 5, F, T].

    Magnitude to the power of 0.3, its real and imaginary part, and of each bin its floor (what nine frames in ten lie
    above) and its mean over the window: what stays while speech comes and goes.
    """
    power = spectrum.real.square() + spectrum.imag.square() + _LARGEST
    scale = power ** ((COMPRESSION - 1) / 2)
    size = power ** (COMPRESSION / 2)
    floor = size.kthvalue(1 + (size.shape[-1] - 1) // 10, dim=-1, keepdim=True).values.expand_as(size)
    mean = size.mean(-1, keepdim=True).expand_as(size)
    return torch.stack([size, spectrum.real * scale, spectrum.imag * scale, floor, mean], 1)


def gain_for(speech_db: float) -> float:
    """The factor that brings speech of a level, dB below full scale, to the level that the network knows."""
    if not math.isfinite(speech_db):
        return 1.0
    return float(10 ** (max(-MOST_GAIN_DB, min(NOMINAL_DB - speech_db, MOST_GAIN_DB)) / 20))
