"""Checkpoints of a run: whole, atomic, and free of pickles.

`RUN/checkpoints/step-00000200/` holds model.safetensors (Kyutai's parameter names), optimizer.safetensors (AdamW's
two moments by parameter name) and state.json (the step and every rank's place in the data). There is no
random-number state to keep: a step's generator is seeded by seed, step and rank.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from model.duplex import DuplexModel
from model.loader import LoaderState
from model.run_folder import sync
from model.train_config import TrainError

KEEP = 2
MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progressed:
    """How far a run has come: steps taken, and the loader's place by rank."""

    step: int
    loaders: list[LoaderState]


def checkpoint_path(run: Path, step: int) -> Path:
    """Folder of the checkpoint after `step` steps."""
    return run / "checkpoints" / f"step-{step:08d}"


def save_checkpoint(run: Path, model: DuplexModel, optimizer: torch.optim.Optimizer, progressed: Progressed) -> None:
    """Write the checkpoint of this step beside the others, then drop all but the last two.

    Raises TrainError where it cannot be written; the earlier ones then stay.
    """
    final = checkpoint_path(run, progressed.step)
    if final.exists():
        return
    aside = final.with_name(f".{final.name}.tmp")
    try:
        for left_over in final.parent.glob(".step-*.tmp"):
            shutil.rmtree(left_over)
        aside.mkdir(parents=True)
        _write(aside, model, optimizer, progressed)
        aside.rename(final)
        sync(final.parent)
    except (OSError, SafetensorError) as error:
        raise TrainError(f"{final}: cannot be written ({error}); the checkpoint before it is intact") from error
    for old in _checkpoints(run)[:-KEEP]:
        shutil.rmtree(old)


def _write(folder: Path, model: DuplexModel, optimizer: torch.optim.Optimizer, progressed: Progressed) -> None:
    names = [name for name, _ in model.named_parameters()]
    moments = {
        f"{moment}.{names[place]}": state[moment]
        for place, state in optimizer.state_dict()["state"].items()
        for moment in MOMENTS
    }
    save_file(model.state_dict(), folder / "model.safetensors")
    save_file(moments, folder / "optimizer.safetensors")
    (folder / "state.json").write_text(json.dumps({"step": progressed.step, "loaders": progressed.loaders}))
    for path in (*folder.iterdir(), folder):
        sync(path)


def load_checkpoint(run: Path, model: DuplexModel, optimizer: torch.optim.Optimizer) -> Progressed | None:
    """Bring the last checkpoint into model and optimizer; None where the run has none yet."""
    found = _checkpoints(run)
    if not found:
        return None
    try:
        model.load_state_dict(load_file(found[-1] / "model.safetensors"))
        moments = load_file(found[-1] / "optimizer.safetensors")
        state = json.loads((found[-1] / "state.json").read_text())
        progressed = Progressed(step=state["step"], loaders=state["loaders"])
    except (OSError, SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise TrainError(
            f"{found[-1]}: damaged checkpoint ({error}); delete it to go on from the one before"
        ) from error
    optimizer_state = optimizer.state_dict()
    optimizer_state["state"] = {
        place: {
            "step": torch.tensor(float(progressed.step)),
            **{moment: moments[f"{moment}.{name}"] for moment in MOMENTS},
        }
        for place, (name, _) in enumerate(model.named_parameters())
        if progressed.step
    }
    optimizer.load_state_dict(optimizer_state)
    return progressed


def _checkpoints(run: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return sorted((run / "checkpoints").glob("step-*"))
