"""The training loop that every recipe shares: seeded steps, a schedule, the whole state saved, weights as float16."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, Protocol, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from model.fit_data import Batches, Maker
from schemas.atomic import whole_file
from schemas.errors import UserError

FLOOR: Final = 0.02  # of the learning rate, at the end
REPORT_EVERY: Final = 50  # steps
Made = TypeVar("Made")


class FitError(UserError):
    """A training that cannot start or go on: what is wrong, where, what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """How long and how fast.

    A training lasts `steps` or, where that is 0, `minutes` of trained time (a resumed run goes on counting). Only a
    number of steps makes the learning rate, and so the weights, the same on every machine's speed. start: weights
    to begin with instead of random ones. together: parts that are joined to a batch. uses: how often a part is used.
    workers: processes that make parts ahead, beside the one that trains: with a number of steps the same ones, but
    for a curriculum, which they see a little late, and for segmentation, whose feed keeps conversations.
    """

    minutes: float = 60.0
    steps: int = 0
    seed: int = 0
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    clip: float = 1.0
    save_every: int = 250
    start: str = ""
    uses: int = 1
    together: int = 1
    workers: int = 0


class Recipe(Maker[Made], Protocol[Made]):
    """A network, the batches that it is trained on, in parts, and the loss of one."""

    @property
    def net(self) -> nn.Module:
        """What is trained."""
        ...

    def loss(self, batch: Made, share_done: float) -> tuple[Tensor, dict[str, float]]:
        """The loss and the figures to print. share_done: 0 to 1."""
        ...


@dataclass(slots=True)
class Progress:
    """How far a training is."""

    step: int = 0
    trained_s: float = 0.0

    def share_done(self, config: FitConfig) -> float:
        """0 to 1."""
        if config.steps:
            return min(1.0, self.step / config.steps)
        return min(1.0, self.trained_s / (60 * config.minutes))


def run(recipe: Recipe[Made], config: FitConfig, out: Path, report: Callable[[str], None] = print) -> Progress:
    """Train, or go on where `out` was left, until the end; OUT/state.pt holds everything a resumed run needs.

    Ctrl-C ends the step, saves and raises KeyboardInterrupt; a second one stops at once. Raises FitError where `out`
    holds a training with other settings.
    """
    torch.manual_seed(config.seed)
    optimizer = torch.optim.AdamW(recipe.net.parameters(), lr=config.learning_rate, weight_decay=1e-3)
    progress = _load(recipe.net, optimizer, config, out) if (out / "state.pt").is_file() else Progress()
    recent: dict[str, list[float]] = {}
    batches = Batches(
        recipe, config.seed, progress.step, uses=config.uses, together=config.together, workers=config.workers
    )
    recipe.net.train()
    with _interrupts() as interrupted:
        while progress.share_done(config) < 1.0:
            started = time.monotonic()
            figures = _step(recipe, batches, optimizer, config, progress)
            progress.step += 1
            progress.trained_s += time.monotonic() - started
            for name, value in figures.items():
                recent.setdefault(name, []).append(value)
            done = progress.share_done(config) >= 1.0
            if done or progress.step % REPORT_EVERY == 0:
                means = "  ".join(f"{name} {np.mean(values):.4g}" for name, values in recent.items())
                report(f"step {progress.step}  {progress.trained_s / 60:.1f} min  {means}")
                recent.clear()
            if done or interrupted.is_set() or progress.step % config.save_every == 0:
                _save(recipe.net, optimizer, config, progress, out)
            if interrupted.is_set():
                report(f"stopped at step {progress.step}: the same command goes on from there")
                raise KeyboardInterrupt
    recipe.net.eval()
    return progress


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """What the first Ctrl-C sets instead of breaking into a step; outside the main thread, nothing does."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    before = signal.getsignal(signal.SIGINT)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _step(
    recipe: Recipe[Made],
    batches: Batches[Made],
    optimizer: torch.optim.Optimizer,
    config: FitConfig,
    progress: Progress,
) -> dict[str, float]:
    share = progress.share_done(config)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, progress.step, share)
    loss, figures = recipe.loss(batches.next(share), share)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(recipe.net.parameters(), config.clip)
    optimizer.step()
    return {"loss": float(loss.detach()), **figures}


def learning_rate(config: FitConfig, step: int, share_done: float) -> float:
    """Linear rise over `warmup_steps`, cosine fall over the whole training."""
    rise = min(1.0, (step + 1) / config.warmup_steps)
    fall = FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * share_done))
    return config.learning_rate * rise * fall


def _save(net: nn.Module, optimizer: torch.optim.Optimizer, config: FitConfig, progress: Progress, out: Path) -> None:
    state = {
        "config": asdict(config),
        "progress": asdict(progress),
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    with whole_file(out / "state.pt") as aside:
        torch.save(state, aside)


def _load(net: nn.Module, optimizer: torch.optim.Optimizer, config: FitConfig, out: Path) -> Progress:
    state = read_state(out)
    before = asdict(FitConfig()) | state["config"]
    given = asdict(config) | {"workers": before["workers"]}
    if before != given:
        kept = ", ".join(f"{name}={value}" for name, value in before.items() if given.get(name) != value)
        raise FitError(f"{out} holds a training with other settings ({kept}): give those, or another folder")
    try:
        net.load_state_dict(state["net"])
    except RuntimeError as error:
        raise FitError(
            f"{out} holds a training on other voices or of another network: give another folder"
        ) from error
    optimizer.load_state_dict(state["optimizer"])
    return Progress(**state["progress"])


def start_from(net: nn.Module, config: FitConfig) -> None:
    """Load the weights that a training starts from, if it does. Raises FitError where there are none, or others."""
    if config.start:
        load_net(net, Path(config.start))


def bfloat16_where_fast(device: str) -> torch.autocast:
    """Training in bfloat16 where the machine multiplies it faster than float32, else in float32."""
    fast = device == "cuda" or (device == "cpu" and torch.cpu._is_avx512_bf16_supported())
    return torch.autocast(device, torch.bfloat16, enabled=fast)


def read_state(out: Path) -> dict[str, Any]:
    """The state of a training in `out`, on the CPU: config, progress, net, optimizer. Raises FitError without one."""
    if not (out / "state.pt").is_file():
        raise FitError(f"no state.pt in {out}: give the folder of a training")
    state: dict[str, Any] = torch.load(out / "state.pt", map_location="cpu", weights_only=True)
    return state


def save_net(net: nn.Module, path: Path) -> Path:
    """Write the weights as float16 safetensors."""
    tensors = {name: t.detach().cpu().half().contiguous() for name, t in net.state_dict().items()}
    with whole_file(path) as aside:
        aside.write_bytes(save(tensors))
    return path


def load_net(net: nn.Module, path: Path) -> None:
    """Load weights that `save_net` wrote, strictly. Raises FitError where they are none, or another network's."""
    if not path.is_file():
        raise FitError(f"no weights at {path}")
    try:
        net.load_state_dict({name: t.float() for name, t in load_file(path).items()})
    except SafetensorError as error:
        raise FitError(f"{path} is no whole safetensors file ({error}): copy it again, or train anew") from error
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise FitError(f"{path} holds weights of another network ({reason})") from error
