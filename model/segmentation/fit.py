"""How the segmentation network is trained: simulated windows, the loss, and its error on held-out speakers."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from model.fit_data import WholeBatches
from model.fitting import bfloat16_where_fast
from model.segmentation.affinity import affinity_loss
from model.segmentation.feed import Feed
from model.segmentation.net import WINDOW_SAMPLES, NetConfig, build_net, powerset
from model.segmentation.powerset import LocalErrors, PowersetLoss, local_errors
from model.segmentation.scenes import held_scenes, training_scenes
from model.simulate.timing_fit import replay

Random = np.random.Generator
_HELD_SEED: Final = 20_240
_EVAL_BATCH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentationConfig:
    """Windows of a step: twice as many of half the length at first.

    overlap_weight: how much a frame of overlap counts in the loss. affinity_weight: of that loss at first; it falls
    to a tenth. seed: of the first weights.
    """

    net: NetConfig = field(default_factory=NetConfig)
    windows: int = 8
    short_share: float = 0.3
    overlap_weight: float = 1.5
    affinity_weight: float = 1.0
    held_windows: int = 96
    held_every: int = 250
    seed: int = 0


class SegmentationRecipe(WholeBatches[tuple[Tensor, Tensor]]):
    """The Recipe of model.fitting: windows of `feed`; every `held_every` steps the errors on windows of `held`."""

    def __init__(
        self, feed: Feed, held: Feed | None = None, config: SegmentationConfig | None = None, device: str = "cpu"
    ) -> None:
        self.config = config or SegmentationConfig()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            self.net: nn.Module = build_net(self.config.net).to(device)
        self._device = device
        self._feed = feed
        self._loss = PowersetLoss(self.config.overlap_weight)
        self._held: tuple[Tensor, Tensor] | None = None
        if held is not None:
            self._held = held.windows(np.random.default_rng(_HELD_SEED), self.config.held_windows, WINDOW_SAMPLES)
        self._calls = 0

    def make(self, random: Random, share_done: float) -> tuple[Tensor, Tensor]:
        """The windows of a step and who speaks in them, see `Feed.windows`."""
        short = share_done < self.config.short_share
        samples = WINDOW_SAMPLES // 2 if short else WINDOW_SAMPLES
        return self._feed.windows(random, self.config.windows * (1 + short), samples, share_done)

    def loss(self, batch: tuple[Tensor, Tensor], share_done: float) -> tuple[Tensor, dict[str, float]]:
        """The loss of one step's windows. share_done: 0 to 1."""
        figures = self._held_figures() if self._calls % self.config.held_every == 0 else {}
        self._calls += 1
        audio, activity = (part.to(self._device) for part in batch)
        scores, hidden = training_scores(self.net, audio)
        named, affinity = self._loss(scores, activity), affinity_loss(hidden, activity)
        figures |= {"powerset": float(named.detach()), "affinity": float(affinity.detach())}
        return named + self.config.affinity_weight * (1.0 - 0.9 * share_done) * affinity, figures

    def _held_figures(self) -> dict[str, float]:
        if self._held is None:
            return {}
        return {f"held_{name}": value for name, value in errors_of(self.net, *self._held).figures().items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """What to train on: single-speaker speech; noise, music and room responses; a table of turns to measure with.

    Without the last four, made noise, rooms and timings serve.
    """

    speech: Path
    noise: Path | None = None
    music: Path | None = None
    rooms: Path | None = None
    turns: Path | None = None


def segmentation_recipe(
    folders: Folders, config: SegmentationConfig | None = None, device: str = "cpu"
) -> SegmentationRecipe:
    """The recipe on all training speakers of a folder, measured on the others. Raises SpeechError, TimingError."""
    sounds = (folders.speech, folders.noise, folders.music, folders.rooms)
    held = held_scenes(*sounds, timing=replay(folders.turns) if folders.turns else None)
    return SegmentationRecipe(Feed(training_scenes(*sounds)), Feed(held), config, device)


def training_scores(net: nn.Module, audio: Tensor) -> tuple[Tensor, Tensor]:
    """What net(audio) gives, up to rounding, and the output of its LSTM.

    All after the sinc filters is done in bfloat16 where that is fast.
    """
    sincnet = net.get_submodule("sincnet")
    with torch.no_grad():
        x = sincnet.get_submodule("conv1d.0")(sincnet.get_submodule("wav_norm1d")(audio)).abs_()
        x = sincnet.get_submodule("pool1d.0")(x)
    with bfloat16_where_fast(audio.device.type):
        x = leaky_relu(sincnet.get_submodule("norm1d.0")(x))
        for i in range(1, 3):
            for name in ("conv1d", "pool1d", "norm1d"):
                x = sincnet.get_submodule(f"{name}.{i}")(x)
            x = leaky_relu(x)
        hidden, _ = net.get_submodule("lstm")(x.transpose(1, 2))
        x = hidden
        for linear in net.get_submodule("linear").children():
            x = leaky_relu(linear(x))
        x = net.get_submodule("classifier")(x)
    scores: Tensor = net.get_submodule("activation")(x.float())
    return scores, hidden.float()


def errors_of(net: nn.Module, audio: Tensor, activity: Tensor) -> LocalErrors:
    """What the network gets wrong on windows float32 [n, 1, samples] with truth bool [n, frames, 3]."""
    conversion = powerset()
    training = net.training
    net.eval()
    with torch.inference_mode():
        device = next(net.parameters()).device
        batches = (audio[i : i + _EVAL_BATCH].to(device) for i in range(0, len(audio), _EVAL_BATCH))
        found = torch.cat([conversion(net(batch).cpu()) for batch in batches]) > 0.5
    net.train(training)
    return local_errors(found, activity)
