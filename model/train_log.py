"""What a run tells while it goes: `Progress`, RUN/metrics.jsonl (a line each) and RUN/tensorboard."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import torch
from torch.utils.tensorboard import SummaryWriter

from model.baseline import HeldOut, StreamLoss
from model.duplex import StreamNll
from model.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """State after `step` steps. `loss` and `train` are means since the last report; losses are in nats.

    frames_per_s counts windows' frames over all processes; held_out stands at the steps that evaluated.
    """

    step: int
    max_steps: int
    loss: float
    learning_rate: float
    train: StreamLoss
    held_out: HeldOut | None
    frames_per_s: float
    elapsed_s: float


class Means(NamedTuple):
    """Training loss over some steps, overall and per stream, and the speed over all processes."""

    loss: float
    train: StreamLoss
    frames_per_s: float


class RunningMeans:
    """Gathers the training loss between two reports."""

    def __init__(self, dep_q: int, device: torch.device) -> None:
        self.last: Means | None = None
        self._sums = torch.zeros(2, 1 + dep_q, dtype=torch.float64, device=device)
        self._losses = torch.zeros(2, dtype=torch.float64, device=device)
        self._frames = 0
        self._since = time.perf_counter()

    @property
    def pending(self) -> bool:
        """Whether there are batches that no report has counted."""
        return self._frames > 0

    def add(self, loss: torch.Tensor, nll: StreamNll) -> None:
        """Count one batch, without waiting for the device."""
        self._losses += torch.stack([loss.detach().double(), self._losses.new_ones(())])
        self._sums += torch.stack([part.detach().double().sum(dim=(0, 2)) for part in (nll.nats, nll.mask)])
        self._frames += nll.mask.shape[0] * nll.mask.shape[2]

    def take(self, world: World) -> Means:
        """The means of what was added since the last call; the same again where nothing was."""
        if self.last is None or self.pending:
            total, batches = world.sum(self._losses).tolist()
            train = StreamLoss.of(*world.sum(self._sums).cpu())
            elapsed_s = time.perf_counter() - self._since
            self.last = Means(total / max(batches, 1), train, self._frames * world.size / elapsed_s)
            self._sums.zero_()
            self._losses.zero_()
            self._frames = 0
        return self.last

    def restart_clock(self) -> None:
        """Leave out what came between: an evaluation is no training."""
        self._since = time.perf_counter()


class RunLog:
    """Writes progress into the run folder. Lines after `step`, left by a run that was killed, are dropped first."""

    def __init__(self, run: Path, step: int) -> None:
        self._path = run / "metrics.jsonl"
        kept = [line for line in self._lines() if json.loads(line)["step"] <= step]
        aside = self._path.with_name(".metrics.jsonl.tmp")
        aside.write_text("".join(f"{line}\n" for line in kept))
        aside.replace(self._path)
        self._file = self._path.open("a", buffering=1)
        self._tensorboard = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)

    def _lines(self) -> list[str]:
        """Whole lines of a previous start; one cut short by a kill is not a line."""
        if not self._path.exists():
            return []
        return [line for line in self._path.read_text().split("\n")[:-1] if line]

    def write(self, progress: Progress) -> None:
        """Append one report."""
        self._file.write(json.dumps(asdict(progress)) + "\n")
        self._scalar("train/loss", progress.loss, progress.step)
        self._scalar("train/learning_rate", progress.learning_rate, progress.step)
        self._scalar("train/frames_per_s", progress.frames_per_s, progress.step)
        self._streams("train", progress.train, progress.step)
        if progress.held_out:
            self._streams("held_out", progress.held_out.model, progress.step)
            self._streams("unigram", progress.held_out.unigram, progress.step)
        self._tensorboard.flush()

    def _streams(self, group: str, loss: StreamLoss, step: int) -> None:
        self._scalar(f"{group}/text", loss.text, step)
        for side, values in (("own", loss.own), ("user", loss.user)):
            for codebook, value in enumerate(values, start=1):
                self._scalar(f"{group}/{side}_{codebook}", value, step)

    def _scalar(self, tag: str, value: float, step: int) -> None:
        self._tensorboard.add_scalar(tag, value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._tensorboard.close()
