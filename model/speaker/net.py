"""The speaker embedding: log-mel frames in, one unit vector per stretch of one voice out.

A time-delay network with squeeze-and-excitation blocks and attentive statistics pooling, after ECAPA-TDNN
(Desplanques, Thienpondt, Demuynck 2020), about a fifteenth of its size. The frames are computed once per recording
and pooled over any set of frames, so that a voice is embedded from its solo speech wherever that lies.

Shape suffixes: B batch, K bands, N 100-Hz frames, M 50-Hz frames, C channels, E embedding.
"""

from typing import Final

import torch
from torch import Tensor, nn

from model.codec_dsp import mel_filters

SAMPLE_RATE_HZ: Final = 24_000
HOP: Final = 240
FFT: Final = 1_024
WINDOW: Final = 600
BANDS: Final = 68  # of 80 up to 12 kHz: to about 7.8 kHz
FRAME_RATE_HZ: Final = 50.0  # of the pooled frames
CHANNELS: Final = 192
EMBEDDING: Final = 128
FLOOR: Final = 1e-9


class MelPower(nn.Module):
    """float32 audio [..., S] at 24 kHz -> mel power [..., N, 68]; frame n is centred on sample 240 n + 120."""

    window: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(WINDOW, periodic=True), persistent=False)
        self.register_buffer("filters", mel_filters(FFT // 2 + 1, 80)[:, :BANDS], persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """See the class; S is a multiple of 240."""
        side = (WINDOW - HOP) // 2
        frames = nn.functional.pad(audio, (side, side)).unfold(-1, WINDOW, HOP)
        power: Tensor = torch.fft.rfft(frames * self.window, FFT).abs().square() @ self.filters
        return power


class SqueezeBlock(nn.Module):
    """[B, C, M] -> [B, C, M]: a dilated convolution and a gate from the mean over time."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(CHANNELS, CHANNELS, 3, padding=dilation, dilation=dilation, groups=2)
        self.mix = nn.Conv1d(CHANNELS, CHANNELS, 1)
        self.norm_in, self.norm_out = nn.BatchNorm1d(CHANNELS), nn.BatchNorm1d(CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y = self.norm_in(nn.functional.relu(self.conv(x)))
        out: Tensor = x + self.norm_out(nn.functional.relu(self.mix(y)))
        return out


class SpeakerNet(nn.Module):
    """Log-mel [B, N, 68], less the recording's mean, and weights of its frames -> embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv1d(BANDS, CHANNELS, 5, stride=2, padding=2)
        self.norm = nn.BatchNorm1d(CHANNELS)
        self.blocks = nn.ModuleList([SqueezeBlock(d) for d in (1, 2, 3, 4)])
        self.gather = nn.Conv1d(3 * CHANNELS, 2 * CHANNELS, 1)
        self.attend = nn.Sequential(nn.Conv1d(2 * CHANNELS, 64, 1), nn.Tanh(), nn.Conv1d(64, 1, 1))
        self.norm_pooled = nn.BatchNorm1d(4 * CHANNELS)
        self.embed = nn.Linear(4 * CHANNELS, EMBEDDING)

    def frames(self, log_mel_BNK: Tensor) -> Tensor:
        """What is pooled: [B, 2 C + 1, M] with M = ceil(N / 2); the last row is the log weight of attention."""
        x = self.norm(nn.functional.relu(self.enter(log_mel_BNK.transpose(1, 2))))
        seen = []
        for block in self.blocks:
            x = block(x)
            seen.append(x)
        gathered = nn.functional.relu(self.gather(torch.cat(seen[1:], 1)))
        return torch.cat([gathered, self.attend(gathered)], 1)

    def pool(self, frames: Tensor, use_BM: Tensor) -> Tensor:
        """Embeddings [B, E] of unit length from `frames` [B, 2 C + 1, M]; use: 0 to 1, how much a frame counts."""
        return self.finish(self.weighted(frames, use_BM).sum(2))

    def follow(self, frames: Tensor, use_BM: Tensor, span: int) -> Tensor:
        """Embeddings [B, M, E] of the `span` frames (an odd number) around each frame; none in use gives any."""
        up_to = nn.functional.pad(self.weighted(frames, use_BM).double().cumsum(2), (1, 0))
        at = torch.arange(use_BM.shape[1], device=use_BM.device)
        last, first = (at + span // 2 + 1).clamp(max=at.numel()), (at - span // 2).clamp(min=0)
        return self.finish((up_to[..., last] - up_to[..., first]).float().transpose(1, 2))

    def weighted(self, frames: Tensor, use_BM: Tensor) -> Tensor:
        """What is summed over the frames of a voice before `finish`: [B, 4 C + 1, M]."""
        values, logits = frames[:, :-1], frames[:, -1:]
        weights = logits.clamp(-12.0, 12.0).exp() * use_BM[:, None]
        return torch.cat([weights, values * weights, values.square() * weights], 1)

    def finish(self, sums: Tensor) -> Tensor:
        """Embeddings [..., E] of unit length from sums [..., 4 C + 1]."""
        weight, values, squares = torch.split(sums, [1, 2 * CHANNELS, 2 * CHANNELS], -1)
        mean = values / weight.clamp(min=1e-9)
        spread = (squares / weight.clamp(min=1e-9) - mean.square()).clamp(min=1e-4).sqrt()
        pooled = torch.cat([mean, spread], -1)
        normed = self.norm_pooled(pooled.reshape(-1, pooled.shape[-1])).view(pooled.shape)
        return nn.functional.normalize(self.embed(normed), dim=-1)

    def forward(self, log_mel_BNK: Tensor) -> Tensor:
        """Embeddings of whole crops."""
        frames = self.frames(log_mel_BNK)
        return self.pool(frames, torch.ones_like(frames[:, 0]))
