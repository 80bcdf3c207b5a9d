"""The duplex model: Moshi's temporal and depth transformers over 17 token streams.

The temporal transformer reads the sum of a frame's 17 embeddings. From its output the text of the next frame is
predicted, and the depth transformer predicts that frame's codebooks one after the other: its step 0 sees the text
token, step k codebook k - 1 (Défossez et al. 2024, arXiv:2410.00037; kyutai-labs/moshi, `models/lm.py`). With
`dep_q` 16 the user's codebooks are predicted too, as in PersonaPlex and J-Moshi. Parameter names are Kyutai's.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from model.streams import CARD, CODEBOOKS, DELAYS, NO_TOKEN, TEXT_EPAD, TEXT_PAD, delay, initial_tokens, undelay
from model.transformer import RMSNorm, Transformer, TransformerConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplexConfig:
    """Shape of the network. The defaults are the small one, which learns on two CPU cores within minutes.

    `ffn_dim` and `depth_ffn_dim` are the widths inside the gate; `context_frames` bounds the attention's memory;
    `dep_q` is 8 (own codebooks predicted) or 16 (the user's too). `text_card` counts the tokenizer's ids.
    """

    dim: int = 128
    heads: int = 4
    layers: int = 2
    ffn_dim: int = 352
    context_frames: int = 750
    rope_period: float = 10_000.0
    depth_dim: int = 64
    depth_heads: int = 2
    depth_layers: int = 1
    depth_ffn_dim: int = 128
    dep_q: int = 16
    card: int = CARD
    text_card: int = 256
    dropout: float = 0.2

    def __post_init__(self) -> None:
        """Raise ValueError for a shape that cannot be."""
        if self.dep_q not in (CODEBOOKS, 2 * CODEBOOKS):
            raise ValueError(f"dep_q is {self.dep_q}: it must be 8 or 16")
        if self.dim % (2 * self.heads) or self.depth_dim % self.depth_heads:
            raise ValueError("dim must be a multiple of 2 * heads, depth_dim of depth_heads")

    def temporal(self) -> TransformerConfig:
        """The transformer over frames."""
        return TransformerConfig(
            dim=self.dim,
            heads=self.heads,
            layers=self.layers,
            ffn_dim=self.ffn_dim,
            context=self.context_frames,
            rope_period=self.rope_period,
            dropout=self.dropout,
        )

    def depth(self) -> TransformerConfig:
        """The transformer over the codebooks of one frame."""
        return TransformerConfig(
            dim=self.depth_dim,
            heads=self.depth_heads,
            layers=self.depth_layers,
            ffn_dim=self.depth_ffn_dim,
            steps=self.dep_q,
            dropout=self.dropout,
        )


MOSHI_7B = DuplexConfig(
    dim=4096,
    heads=32,
    layers=32,
    ffn_dim=11_264,
    context_frames=3000,
    depth_dim=1024,
    depth_heads=16,
    depth_layers=6,
    depth_ffn_dim=2816,
    dep_q=8,
    text_card=32_000,
    dropout=0.0,
)


class DuplexOutput(NamedTuple):
    """Logits aligned with the undelayed input codes, and where they count (False: no token, or past the delay)."""

    text_logits: torch.Tensor  # [B, T, text_card]
    text_mask: torch.Tensor  # bool [B, T]
    audio_logits: tuple[torch.Tensor, ...]  # dep_q times [B, T, card], never one huge tensor
    audio_mask: torch.Tensor  # bool [B, dep_q, T]


class TokenEmbedding(nn.Embedding):
    """Embedding with one more id for the initial token; NO_TOKEN gives zeros."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """int64 [...] to [..., D]."""
        embedded = super().forward(tokens.clamp(min=0))
        return embedded.masked_fill((tokens == NO_TOKEN)[..., None], 0.0)


class DuplexModel(nn.Module):
    """See the module's docstring. Randomly initialised from torch's global generator."""

    def __init__(self, config: DuplexConfig) -> None:
        super().__init__()
        self.config = config
        rows, text_rows = config.card + 1, config.text_card + 1
        self.emb = nn.ModuleList([TokenEmbedding(rows, config.dim) for _ in DELAYS[1:]])
        self.text_emb = TokenEmbedding(text_rows, config.dim)
        self.transformer = Transformer(config.temporal())
        self.out_norm = RMSNorm(config.dim)
        self.text_linear = nn.Linear(config.dim, config.text_card, bias=False)
        self.depformer_in = nn.ModuleList(
            [nn.Linear(config.dim, config.depth_dim, bias=False) for _ in range(config.dep_q)]
        )
        self.depformer_text_emb = TokenEmbedding(text_rows, config.depth_dim)
        self.depformer_emb = nn.ModuleList([TokenEmbedding(rows, config.depth_dim) for _ in range(config.dep_q - 1)])
        self.depformer = Transformer(config.depth())
        self.linears = nn.ModuleList(
            [nn.Linear(config.depth_dim, config.card, bias=False) for _ in range(config.dep_q)]
        )
        self._initialise()

    def _initialise(self) -> None:
        """Untrained, every token is equally likely, and an id that training never shows stays close to silent."""
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.trunc_normal_(parameter, std=parameter.shape[1] ** -0.5, a=-1.0, b=1.0)
        for module in self.modules():
            if isinstance(module, TokenEmbedding):
                nn.init.normal_(module.weight, std=0.02)
        for head in (self.text_linear, *self.linears):
            nn.init.zeros_(head.weight)

    def forward(self, codes: torch.Tensor, prompt_frames: int = 0) -> DuplexOutput:
        """Teacher-forced logits of the frames after the prompt, which is only read.

        codes: int64 [B, 17, T], undelayed, NO_TOKEN where there is nothing. prompt_frames: P of them come first; what
        comes out is that of codes[:, :, P:]. The acoustic codes of the prompt's last frame are none of it, though the
        delay has them predicted together with the first one's semantic code.
        """
        n_frames = codes.shape[2]
        initial = initial_tokens(self.config.card, self.config.text_card).to(codes.device)
        delayed = delay(codes, DELAYS, initial)[:, :, :n_frames]
        first = initial[None, :, None].expand(codes.shape[0], -1, 1)
        hidden_BTD = self._temporal(torch.cat([first, delayed[:, :, :-1]], dim=2))[:, prompt_frames:]
        depth_BKTD = self._depth(delayed[:, :, prompt_frames:], hidden_BTD)
        codes = codes[:, :, prompt_frames:]
        audio_delays = DELAYS[1 : 1 + self.config.dep_q]
        spare = max(audio_delays)
        aligned_BKTD = undelay(functional.pad(depth_BKTD, (0, 0, 0, spare)), audio_delays)
        reached = undelay(functional.pad(torch.ones_like(depth_BKTD[..., 0]), (0, spare)), audio_delays) > 0
        return DuplexOutput(
            text_logits=self.text_linear(hidden_BTD),
            text_mask=codes[:, 0] != NO_TOKEN,
            audio_logits=tuple(head(x) for head, x in zip(self.linears, aligned_BKTD.unbind(1), strict=True)),
            audio_mask=reached & (codes[:, 1 : 1 + self.config.dep_q] != NO_TOKEN),
        )

    def _temporal(self, tokens: torch.Tensor) -> torch.Tensor:
        """int64 [B, 17, T], delayed, to the normed hidden state [B, T, D]."""
        summed: torch.Tensor = self.text_emb(tokens[:, 0])
        for k, embedding in enumerate(self.emb):
            summed = summed + embedding(tokens[:, 1 + k])
        summed = functional.dropout(summed, self.config.dropout, self.training)
        hidden: torch.Tensor = self.out_norm(self.transformer(summed))
        return hidden

    def _depth(self, targets: torch.Tensor, hidden_BTD: torch.Tensor) -> torch.Tensor:
        """targets: int64 [B, 17, T], delayed: the frames predicted. Returns [B, dep_q, T, depth_dim]."""
        steps = []
        for k, project in enumerate(self.depformer_in):
            embedding = self.depformer_text_emb if k == 0 else self.depformer_emb[k - 1]
            steps.append(project(hidden_BTD) + embedding(targets[:, k]))
        depth_in = torch.stack(steps, dim=2).flatten(0, 1)
        depth_out: torch.Tensor = self.depformer(functional.dropout(depth_in, self.config.dropout, self.training))
        return depth_out.view(*hidden_BTD.shape[:2], *depth_out.shape[1:]).transpose(1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossWeights:
    """What each token counts in the training loss.

    text_padding: PAD and EPAD against real text (Moshi: 0.5). semantic: the first codebook of each speaker against
    the seven acoustic ones; Kyutai fine-tunes with 100, the default 1 lets a network from scratch learn all
    codebooks. user: the user's codebooks against the own ones, where dep_q is 16. smoothing: share of each audio
    target spread over all codes, which keeps a model of little data from being certain; 0 is Moshi's, None is worked
    out from the amount of data.
    """

    text_padding: float = 0.5
    semantic: float = 1.0
    user: float = 1.0
    smoothing: float | None = None

    def for_data(self, n_frames: int, card: int = CARD) -> "LossWeights":
        """With a number for smoothing: card / (card + n_frames), the share of the uniform in an add-one estimate.

        n_frames: of the training clips. Half a share at 3 minutes, 0.2 % at 20 hours.
        """
        return self if self.smoothing is not None else replace(self, smoothing=card / (card + n_frames))


class StreamNll(NamedTuple):
    """Negative log-likelihood in nats, text first, zero where `mask` is False; [B, 1 + dep_q, T] each."""

    nats: torch.Tensor  # float32, of the token
    spread: torch.Tensor  # float32, averaged over all ids: what label smoothing adds
    mask: torch.Tensor  # bool


def stream_nll(output: DuplexOutput, codes: torch.Tensor) -> StreamNll:
    """Cross-entropy per stream and frame. codes: int64 [B, 17, T], undelayed, as given to the model."""
    logits = (output.text_logits, *output.audio_logits)
    mask = torch.cat([output.text_mask[:, None], output.audio_mask], dim=1)
    target = codes[:, : len(logits)].where(mask, 0)
    nats, spread = [], []
    for k, logits_BTC in enumerate(logits):
        log_p = functional.log_softmax(logits_BTC.float().flatten(0, 1), dim=1)
        nats.append(functional.nll_loss(log_p, target[:, k].flatten(), reduction="none"))
        spread.append(-log_p.mean(dim=1))
    shape = (len(logits), *target[:, 0].shape)
    by_stream = [torch.stack(parts).view(shape).transpose(0, 1).where(mask, 0.0) for parts in (nats, spread)]
    return StreamNll(by_stream[0], by_stream[1], mask)


def training_loss(nll: StreamNll, codes: torch.Tensor, weights: LossWeights) -> torch.Tensor:
    """Weighted mean over the text plus weighted mean over the audio, as in moshi-finetune. Returns a scalar.

    Raises ValueError for weights whose smoothing is still to be worked out.
    """
    if weights.smoothing is None:
        raise ValueError("smoothing is None: call for_data first")
    weight = nll.mask.float()
    padding = (codes[:, 0] == TEXT_PAD) | (codes[:, 0] == TEXT_EPAD)
    weight[:, 0] *= torch.where(padding, weights.text_padding, 1.0)
    weight[:, 9:] *= weights.user
    weight[:, 1::8] *= weights.semantic
    audio_nats = torch.lerp(nll.nats[:, 1:], nll.spread[:, 1:], weights.smoothing)
    text = (nll.nats[:, 0] * weight[:, 0]).sum() / weight[:, 0].sum().clamp(min=1e-9)
    audio = (audio_nats * weight[:, 1:]).sum() / weight[:, 1:].sum().clamp(min=1e-9)
    return text + audio
