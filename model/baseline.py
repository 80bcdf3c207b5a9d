"""What the model is measured against: held-out cross-entropy beside a unigram, per stream and codebook, in nats."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from model.duplex import DuplexModel, stream_nll
from model.loader import held_out_windows
from model.shards import WithdrawnClipError
from model.streams import CODEBOOKS
from model.windows import Windows
from model.world import World

UNIGRAM_FRAMES = 500_000  # 11 h: more would not move the unigram


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLoss:
    """Mean cross-entropy in nats. `user` is empty where the model does not predict the user's codebooks."""

    text: float
    own: tuple[float, ...]
    user: tuple[float, ...]

    @classmethod
    def of(cls, totals: torch.Tensor, counts: torch.Tensor) -> "StreamLoss":
        """From sums over tokens and numbers of tokens, both [1 + dep_q], text first; 0 where there was no token."""
        means = [float(mean) for mean in (totals / counts.clamp(min=1)).tolist()]
        return cls(text=means[0], own=tuple(means[1 : 1 + CODEBOOKS]), user=tuple(means[1 + CODEBOOKS :]))

    @property
    def own_mean(self) -> float:
        """Mean over the own codebooks."""
        return sum(self.own) / len(self.own)

    @property
    def user_mean(self) -> float | None:
        """Mean over the user's codebooks, None where they are not predicted."""
        return sum(self.user) / len(self.user) if self.user else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """The model and the unigram on the same tokens of the same held-out windows."""

    model: StreamLoss
    unigram: StreamLoss
    frames: int

    @property
    def below_unigram(self) -> bool:
        """Whether the model is better on the own codebooks and, where predicted, on the user's."""
        own = self.model.own_mean < self.unigram.own_mean
        if self.model.user_mean is None or self.unigram.user_mean is None:
            return own
        return own and self.model.user_mean < self.unigram.user_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Unigram:
    """Add-one unigram: -log((count + 1) / (total + card)) of every id. Either speaker counts alike."""

    text_nats: torch.Tensor  # float64 [text_card]
    code_nats: torch.Tensor  # float64 [8, card]

    def nats(self, codes: torch.Tensor, dep_q: int) -> torch.Tensor:
        """Surprise of every token. codes: int64 [B, 17, T] to float64 [B, 1 + dep_q, T], arbitrary where masked."""
        ids = codes.clamp(min=0)
        audio = [self.code_nats[k % CODEBOOKS][ids[:, 1 + k]] for k in range(dep_q)]
        return torch.stack([self.text_nats[ids[:, 0]], *audio], dim=1)


def fit_unigram(windows: Windows, card: int, text_card: int) -> Unigram:
    """Count the tokens of training clips in a fixed shuffled order, up to UNIGRAM_FRAMES of them."""
    text = np.zeros(text_card)
    codes = np.zeros((CODEBOOKS, card))
    withdrawn = windows.dataset.withdrawn()
    frames = 0
    for clip in np.random.default_rng(windows.seed).permutation(len(windows.index)):
        if frames >= UNIGRAM_FRAMES:
            break
        if windows.index.clip_id(clip) in withdrawn:
            continue
        try:
            items = windows.items(clip).items
        except WithdrawnClipError:
            continue
        for own in items:
            text += np.bincount(own[0], minlength=text_card)
            codes += [np.bincount(row, minlength=card) for row in own[1 : 1 + CODEBOOKS]]
        frames += items[0].shape[1]
    return Unigram(text_nats=_nats(text), code_nats=_nats(codes))


def _nats(counts: NDArray[np.float64]) -> torch.Tensor:
    """float64 [..., card]."""
    smoothed = counts + 1
    return torch.from_numpy(-np.log(smoothed / smoothed.sum(axis=-1, keepdims=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Held-out windows and the unigram, ready to be asked again and again during a run."""

    windows: Windows
    unigram: Unigram
    limit: int  # windows, each orientation counting as one
    batch_size: int

    @torch.inference_mode()
    def __call__(self, model: DuplexModel, world: World, device: torch.device) -> HeldOut:
        """Both losses over all processes' windows. Leaves the model in training mode."""
        model.eval()
        dep_q, prompt_frames = model.config.dep_q, self.windows.prompt_frames
        sums = torch.zeros(3, 1 + dep_q, dtype=torch.float64, device=device)
        for codes in self._batches(world):
            on_device = codes.to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                nll = stream_nll(model(on_device, prompt_frames), on_device[:, :, prompt_frames:])
            unigram = self.unigram.nats(codes[:, :, prompt_frames:], dep_q).to(device).where(nll.mask, 0.0)
            sums += torch.stack([part.double().sum(dim=(0, 2)) for part in (nll.nats, unigram, nll.mask)])
        model.train()
        model_sum, unigram_sum, counts = world.sum(sums).cpu()
        return HeldOut(
            model=StreamLoss.of(model_sum, counts),
            unigram=StreamLoss.of(unigram_sum, counts),
            frames=int(counts[0].item()),
        )

    def _batches(self, world: World) -> Iterator[torch.Tensor]:
        """This rank's share, int64 [up to batch_size, 17, P + W]."""
        pending: list[NDArray[np.int64]] = []
        for window in held_out_windows(self.windows, self.limit, world.rank, world.size):
            pending.append(window)
            if len(pending) == self.batch_size:
                yield torch.from_numpy(np.stack(pending))
                pending = []
        if pending:
            yield torch.from_numpy(np.stack(pending))
