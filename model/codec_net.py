"""The built-in codec's network: 100-Hz features to 12.5-Hz latents, and latents to pitch and spectral envelopes.

Causal throughout. Every convolution takes the frames before its input as state and hands on the state after it, so
that a stream cut into blocks gives what the whole gives.

Shape suffixes: B batch, T codec frames (12.5 Hz), N synthesis frames (100 Hz), C channels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.codec_dsp import FEATURES, FILTER_BANDS, PITCH_BINS
from model.quantizer import ResidualQuantizer

CODEBOOKS = 8
CARDINALITY = 2_048
LATENT = 64
PER_FRAME = 8
WIDE = 256
FINE = 96

State = list[Tensor]


class Block(nn.Module):
    """Causal depthwise convolution and a two-layer perceptron, residual (Liu et al. 2022)."""

    def __init__(self, channels: int, kernel: int, dilation: int = 1, expansion: int = 2) -> None:
        super().__init__()
        self.kernel, self.dilation = kernel, dilation
        self.taps = nn.Parameter(torch.randn(kernel, channels) * kernel**-0.5)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, expansion * channels)
        self.narrow = nn.Linear(expansion * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.3))

    @property
    def history(self) -> int:
        """Frames of the past that an output depends on."""
        return (self.kernel - 1) * self.dilation

    def forward(self, x_BTC: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """x and the `history` frames before it; returns the output and the state after x."""
        count = x_BTC.shape[1]
        whole = torch.cat([past, x_BTC], 1)
        mixed: Tensor = self.bias
        for k in range(self.kernel):
            at = k * self.dilation
            mixed = torch.addcmul(mixed, whole[:, at : at + count], self.taps[k])
        hidden = self.narrow(nn.functional.gelu(self.widen(self.norm(mixed))))
        return x_BTC + self.scale * hidden, whole[:, whole.shape[1] - self.history :]


class Stack(nn.Module):
    """Blocks one after the other."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.channels = channels
        self.blocks = nn.ModuleList(Block(channels, kernel, d) for d in dilations)

    def start(self, batch: int, device: torch.device) -> State:
        """State before the first frame: zeros."""
        return [torch.zeros(batch, b.history, self.channels, device=device) for b in self._typed()]

    def _typed(self) -> list[Block]:
        return [b for b in self.blocks if isinstance(b, Block)]

    def forward(self, x_BTC: Tensor, state: State) -> tuple[Tensor, State]:
        """Output and the state after x."""
        after = []
        for block, past in zip(self._typed(), state, strict=True):
            x_BTC, past_after = block(x_BTC, past)
            after.append(past_after)
        return x_BTC, after


class EncoderNet(nn.Module):
    """Features [B, 8 T, 176] to latents [B, T, 64]."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(FEATURES, FINE)
        self.fine = Stack(FINE, 5, [1])
        self.gather = nn.Linear(PER_FRAME * FINE, WIDE)
        self.wide = Stack(WIDE, 5, [1, 2])
        self.norm = nn.LayerNorm(WIDE)
        self.leave = nn.Linear(WIDE, LATENT)

    def start(self, batch: int, device: torch.device) -> State:
        """State before the first frame."""
        return self.fine.start(batch, device) + self.wide.start(batch, device)

    def forward(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """Latents and the state after them."""
        fine, after_fine = self.fine(self.enter(features), state[:1])
        wide, after_wide = self.wide(self.gather(fine.unflatten(1, (-1, PER_FRAME)).flatten(2)), state[1:])
        return self.leave(self.norm(wide)), after_fine + after_wide


class DecoderNet(nn.Module):
    """Latents [B, T, 64] to log gains [B, 8 T, 64] of pulses and of noise, and pitch logits [B, 8 T, 128]."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(LATENT, WIDE)
        self.wide = Stack(WIDE, 5, [1, 2, 4, 8])
        self.norm = nn.LayerNorm(WIDE)
        self.spread = nn.Linear(WIDE, PER_FRAME * FINE)
        self.fine = Stack(FINE, 7, [1, 1, 2])
        self.fine_norm = nn.LayerNorm(FINE)
        self.leave = nn.Linear(FINE, 2 * FILTER_BANDS + PITCH_BINS)

    def start(self, batch: int, device: torch.device) -> State:
        """State before the first frame."""
        return self.wide.start(batch, device) + self.fine.start(batch, device)

    def forward(self, latents: Tensor, state: State) -> tuple[Tensor, Tensor, Tensor, State]:
        """Log gains of pulses, of noise, pitch logits, and the state after them."""
        depth = len(self.wide.blocks)
        wide, after_wide = self.wide(self.enter(latents), state[:depth])
        spread = self.spread(self.norm(wide)).unflatten(-1, (PER_FRAME, FINE)).flatten(1, 2)
        fine, after_fine = self.fine(spread, state[depth:])
        out = self.leave(self.fine_norm(fine))
        gains = (3.0 * out[..., : 2 * FILTER_BANDS] - 5.0).clamp(-16.0, 4.0)
        pulses, noise = gains.split(FILTER_BANDS, -1)
        return pulses, noise, out[..., 2 * FILTER_BANDS :], after_wide + after_fine


class CodecNet(nn.Module):
    """Encoder, quantizer, decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = EncoderNet()
        self.quantizer = ResidualQuantizer(CODEBOOKS, CARDINALITY, LATENT)
        self.decoder = DecoderNet()


def pitch_bins(logits: Tensor) -> Tensor:
    """Fractional pitch bins [...] of logits [..., bins]: the mean around the likeliest bin."""
    best = logits.argmax(-1, keepdim=True)
    near = (best + torch.arange(-3, 4, device=logits.device)).clamp(0, logits.shape[-1] - 1)
    weight = logits.gather(-1, near).softmax(-1)
    return (weight * near).sum(-1)
