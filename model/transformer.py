"""The transformer of Moshi, temporal and depth alike: RMSNorm, RoPE, causal attention, gated SiLU, no biases.

Parameter names and shapes are those of Kyutai's published weights (kyutai-labs/moshi, `modules/transformer.py`,
`modules/gating.py`, `modules/rope.py`). Shape suffixes: B batch, T time or depth step, D width, H heads.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

NORM_EPS = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerConfig:
    """A stack of layers.

    `ffn_dim` is the width inside the gate (Moshi: 2/3 of its `dim_feedforward`). `steps` > 1 gives every position its
    own weights and no positional embedding (the depth transformer). `context` bounds how far attention looks back.
    """

    dim: int
    heads: int
    layers: int
    ffn_dim: int
    steps: int = 1
    context: int | None = None
    rope_period: float | None = None
    dropout: float = 0.0


class RMSNorm(nn.Module):
    """Root-mean-square norm with a gain, computed in float32 whatever comes in."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, 1, dim))

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """[B, T, D] to [B, T, D] in the input's dtype."""
        x = x_BTD.float()
        scale = torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + NORM_EPS)
        return (x * (self.alpha.float() * scale)).to(x_BTD.dtype)


def rope(x_BHTD: torch.Tensor, period: float) -> torch.Tensor:
    """Rotate neighbouring pairs of features by their position (Su et al. 2021, arXiv:2104.09864), in float32."""
    n_frames, dim = x_BHTD.shape[-2:]
    rates = torch.exp(torch.arange(dim // 2, device=x_BHTD.device) * (-2 * math.log(period) / dim))
    angles = torch.arange(n_frames, device=x_BHTD.device)[:, None] * rates
    cos, sin = angles.cos(), angles.sin()
    even, odd = x_BHTD[..., 0::2].float(), x_BHTD[..., 1::2].float()
    turned = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1)
    return turned.flatten(-2).to(x_BHTD.dtype)


def step_linear(x_BTD: torch.Tensor, weight: torch.Tensor, steps: int) -> torch.Tensor:
    """Linear map whose weight [steps * out, in] differs per position when steps > 1 (then T = steps)."""
    if steps == 1:
        return functional.linear(x_BTD, weight)
    return torch.einsum("btd,tod->bto", x_BTD, weight.view(steps, -1, x_BTD.shape[-1]))


class Attention(nn.Module):
    """Causal multi-head self-attention over at most `context` positions back, the current one included."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.in_proj_weight = nn.Parameter(torch.empty(config.steps * 3 * config.dim, config.dim))
        self.out_proj = nn.Linear(config.dim, config.steps * config.dim, bias=False)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """[B, T, D] to [B, T, D]."""
        config = self.config
        batch, length, dim = x_BTD.shape
        projected = step_linear(x_BTD, self.in_proj_weight, config.steps)
        q, k, v = projected.view(batch, length, 3, config.heads, -1).permute(2, 0, 3, 1, 4)
        if config.rope_period is not None:
            q, k = rope(q, config.rope_period), rope(k, config.rope_period)
        if config.context is None or length <= config.context:
            attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            past = torch.arange(length, device=q.device)
            back = past[:, None] - past
            mask = (back >= 0) & (back < config.context)
            attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return step_linear(attended.transpose(1, 2).reshape(batch, length, dim), self.out_proj.weight, config.steps)


class GatedSiLU(nn.Module):
    """Feed-forward: silu(a) * b, with a and b the halves of one projection."""

    def __init__(self, dim: int, ffn_dim: int) -> None:
        super().__init__()
        self.linear_in = nn.Linear(dim, 2 * ffn_dim, bias=False)
        self.linear_out = nn.Linear(ffn_dim, dim, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., D] to [..., D]."""
        gate, value = self.linear_in(x).chunk(2, dim=-1)
        out: torch.Tensor = self.linear_out(functional.silu(gate) * value)
        return out


class Layer(nn.Module):
    """Pre-norm attention and feed-forward, each with a residual."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.steps, self.dropout = config.steps, config.dropout
        self.norm1 = RMSNorm(config.dim)
        self.self_attn = Attention(config)
        self.norm2 = RMSNorm(config.dim)
        gates = [GatedSiLU(config.dim, config.ffn_dim) for _ in range(config.steps)]
        self.gating = nn.ModuleList(gates) if config.steps > 1 else gates[0]

    def _feed_forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        if isinstance(self.gating, nn.ModuleList):
            return torch.stack([gate(x) for gate, x in zip(self.gating, x_BTD.unbind(1), strict=True)], dim=1)
        out: torch.Tensor = self.gating(x_BTD)
        return out

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """[B, T, D] to [B, T, D]."""
        attended = self.self_attn(self.norm1(x_BTD))
        x_BTD = x_BTD + functional.dropout(attended, self.dropout, self.training)
        return x_BTD + functional.dropout(self._feed_forward(self.norm2(x_BTD)), self.dropout, self.training)


class Transformer(nn.Module):
    """Layers in a row; the final norm, where there is one, belongs to the caller."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Layer(config) for _ in range(config.layers)])

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """[B, T, D] to [B, T, D]."""
        for layer in self.layers:
            x_BTD = layer(x_BTD)
        return x_BTD
