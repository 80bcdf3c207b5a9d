"""The training loop of the duplex model: from a dataset folder to checkpoints, metrics and a verdict.

A run folder holds config.json, checkpoints/, metrics.jsonl and tensorboard/. Started again with the same
configuration on the same dataset, a run continues at the exact step and window, as if it had never stopped.
"""

import hashlib
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from model.baseline import Evaluation, HeldOut, StreamLoss, fit_unigram
from model.checkpoint import Progressed, checkpoint_path, load_checkpoint, save_checkpoint
from model.duplex import DuplexModel, stream_nll, training_loss
from model.interrupt import stop_on_signal
from model.loader import PromptCounts, WindowBatches
from model.run_folder import claim_run
from model.shards import Dataset
from model.text import SentencePieceText, load_text_tokenizer
from model.train_config import TrainConfig, TrainError
from model.train_log import Progress, RunLog, RunningMeans
from model.windows import Windows
from model.world import World
from schemas.errors import DatasetError

Ending = Literal["max_steps", "minutes", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What came of a run. Losses are in nats.

    train: the last reported mean, None if this start took no step. held_out: the last evaluation, after the last step
    unless the run was interrupted; None if there was none. text_tokens_lost: of the clips seen, counted every time.
    prompts: None without `persona`.
    """

    steps: int
    ended: Ending
    train: StreamLoss | None
    held_out: HeldOut | None
    checkpoint: Path
    text_tokens_lost: int = 0
    prompts: PromptCounts | None = None

    @property
    def below_unigram(self) -> bool | None:
        """Whether the held-out loss is below the unigram's; None where nothing was evaluated."""
        return self.held_out.below_unigram if self.held_out else None


def train(
    dataset: str | Path,
    run: Path,
    config: TrainConfig,
    *,
    on_progress: Callable[[Progress], None],
    world: World = World(),  # noqa: B008 (frozen)
) -> TrainResult:
    """Train the duplex model from the shards of `dataset` (folder or URL) into the folder `run`, or go on with it.

    Ctrl-C or SIGTERM ends after the current step with a checkpoint. on_progress is called in rank 0 alone.
    Raises TrainError for a run folder of another configuration, DatasetError for a dataset that cannot be read,
    TextError for such a text tokenizer.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    with stop_on_signal() as stop:
        return _Run(Dataset(dataset), run, config, world).go(on_progress, stop)


class _Run:
    """One start of a run in one process."""

    def __init__(self, dataset: Dataset, run: Path, config: TrainConfig, world: World) -> None:
        self.run, self.config, self.world = run, config, world
        self.device = _device(config.device)
        self.tokenizer = _tokenizer(config)
        windows = self._windows(dataset, "train")
        self.loader = WindowBatches(
            windows, config.batch_size, workers=config.workers, rank=world.rank, world=world.size
        )
        self.weights = config.weights.for_data(int(windows.index.n_frames.sum()), config.model.card)
        self.evaluation = self._evaluation(dataset, windows)
        claim_run(run, config, windows.index.digest(), world)
        torch.manual_seed(config.seed)
        self.model = DuplexModel(config.model).to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), betas=(0.9, 0.95), weight_decay=config.weight_decay, fused=True
        )
        self.step = self._resume()
        self.network = world.wrap(self.model)
        self.batches = iter(self.loader)
        self.means = RunningMeans(config.model.dep_q, self.device)
        self.held_out: HeldOut | None = None
        self.evaluated_at = -1

    def _resume(self) -> int:
        """Load the last checkpoint, if any; returns the steps taken."""
        progressed = load_checkpoint(self.run, self.model, self.optimizer)
        if progressed is None:
            return 0
        if len(progressed.loaders) != self.world.size:
            raise TrainError(
                f"{self.run} was trained by {len(progressed.loaders)} processes and continues with as many, "
                f"not {self.world.size}"
            )
        self.loader.load_state_dict(progressed.loaders[self.world.rank])
        return progressed.step

    def _windows(self, dataset: Dataset, split: str) -> Windows:
        """Windows of a split that has clips."""
        config, index = self.config, dataset.index(split)
        if len(index) == 0:
            hint = ": build with a larger share for it (--split), or train without (--eval-every 0)"
            hint = hint if split == "validation" else ""
            raise DatasetError(f"{dataset.root}: no kept clip in the {split} split{hint}")
        return Windows(
            dataset=dataset,
            index=index,
            window_frames=config.window_frames,
            seed=config.seed,
            tokenizer=self.tokenizer,
            rule=config.text_rule,
            prompt_frames=config.prompt_frames if config.persona else 0,
        )

    def _evaluation(self, dataset: Dataset, windows: Windows) -> Evaluation | None:
        """Held-out windows, and the unigram of the training clips; None where nothing is to be evaluated."""
        config = self.config
        if not config.eval_every:
            return None
        return Evaluation(
            windows=self._windows(dataset, "validation"),
            unigram=fit_unigram(windows, config.model.card, config.model.text_card),
            limit=config.eval_windows,
            batch_size=config.batch_size,
        )

    def go(self, on_progress: Callable[[Progress], None], stop: threading.Event) -> TrainResult:
        """Train until the end of the run, of the minutes, or a signal."""
        config, started, first_step = self.config, time.monotonic(), self.step
        with RunLog(self.run, self.step) if self.world.rank == 0 else nullcontext() as log:

            def report(*, evaluate: bool) -> None:
                progress = self._progress(time.monotonic() - started, evaluate=evaluate)
                if log:
                    log.write(progress)
                    on_progress(progress)

            while (ended := self._ended(stop, time.monotonic() - started)) is None:
                self._train_step()
                evaluate = config.eval_every > 0 and self.step % config.eval_every == 0
                if evaluate or self.step % config.log_every == 0:
                    report(evaluate=evaluate)
                if self.step % config.checkpoint_every == 0:
                    self._save()
            evaluate = config.eval_every > 0 and ended != "interrupted" and self.evaluated_at != self.step
            if self.step == first_step:
                self._evaluate(wanted=evaluate)
            elif evaluate or self.means.pending:
                report(evaluate=evaluate)
        counts = self._counts()
        return TrainResult(
            steps=self.step,
            ended=ended,
            train=self.means.last.train if self.means.last else None,
            held_out=self.held_out,
            checkpoint=self._save(),
            text_tokens_lost=counts["text_tokens_lost"],
            prompts=PromptCounts(**{name: counts[name] for name in PromptCounts._fields}) if config.persona else None,
        )

    def _counts(self) -> Counter[str]:
        """What the readers of all ranks counted since the run began."""
        places = self.world.gather(self.loader.state_dict())
        counts: Counter[str] = Counter()
        for place in places:
            for reader in place["readers"]:
                counts.update(reader)
        return counts

    def _ended(self, stop: threading.Event, elapsed_s: float) -> Ending | None:
        """Why the run ends here; every rank gets the same answer."""
        if self.step >= self.config.max_steps:
            return "max_steps"
        if self.world.any(stop.is_set(), self.device):
            return "interrupted"
        minutes = self.config.minutes
        if minutes is not None and self.world.any(elapsed_s >= 60 * minutes, self.device):
            return "minutes"
        return None

    def _train_step(self) -> None:
        """One update of the weights, from `accumulate` batches."""
        config = self.config
        prompt_frames = config.prompt_frames if config.persona else 0
        self.optimizer.zero_grad()
        for part in range(config.accumulate):
            codes = next(self.batches).to(self.device)
            dialogue = codes[:, :, prompt_frames:]
            torch.manual_seed(_seed(config.seed, self.step, part, self.world.rank))
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
                nll = stream_nll(self.network(codes, prompt_frames), dialogue)
            loss = training_loss(nll, dialogue, self.weights)
            torch.autograd.backward(loss / config.accumulate)
            self.means.add(loss, nll)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate_at(self.step)
        self.optimizer.step()
        self.step += 1

    def _progress(self, elapsed_s: float, *, evaluate: bool) -> Progress:
        """What to report now; with an evaluation if asked for."""
        means = self.means.take(self.world)
        if not math.isfinite(means.loss):
            raise TrainError(f"the loss is {means.loss} at step {self.step}; lower learning_rate")
        self._evaluate(wanted=evaluate)
        self.means.restart_clock()
        return Progress(
            step=self.step,
            max_steps=self.config.max_steps,
            loss=means.loss,
            learning_rate=self.config.learning_rate_at(max(self.step - 1, 0)),
            train=means.train,
            held_out=self.held_out if self.evaluated_at == self.step else None,
            frames_per_s=means.frames_per_s,
            elapsed_s=elapsed_s,
        )

    def _evaluate(self, *, wanted: bool) -> None:
        if wanted and self.evaluation:
            self.held_out = self.evaluation(self.model, self.world, self.device)
            self.evaluated_at = self.step

    def _save(self) -> Path:
        """Write a checkpoint; every rank waits for it."""
        progressed = Progressed(step=self.step, loaders=self.world.gather(self.loader.state_dict()))
        if self.world.rank == 0:
            save_checkpoint(self.run, self.model, self.optimizer, progressed)
        self.world.wait()
        return checkpoint_path(self.run, self.step)


def _tokenizer(config: TrainConfig) -> SentencePieceText | None:
    """The configuration's text tokenizer; TrainError where it is not the one whose digest was noted."""
    if config.text is None:
        return None
    tokenizer = load_text_tokenizer(config.text)
    if tokenizer.digest != config.text_sha256:
        raise TrainError(f"{config.text} has digest {tokenizer.digest}, not the {config.text_sha256} of this run")
    return tokenizer


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise TrainError(f"device {name!r} is unknown; use auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise TrainError(f"device {name!r}: no CUDA device here; use cpu or auto")
    return device


def _seed(*parts: int) -> int:
    """Seed of one step's dropout in one process."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big") >> 1
