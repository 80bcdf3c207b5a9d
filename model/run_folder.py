"""The folder of a training run: whose it is. config.json says which configuration and which clips."""

import importlib.metadata
import json
import os
from pathlib import Path

from model.train_config import TrainConfig, TrainError
from model.world import World


def claim_run(run: Path, config: TrainConfig, clips_sha256: str, world: World) -> None:
    """Make the folder this configuration's, or make sure that it is. Called by every process of the run.

    Raises TrainError where the folder holds another run or cannot be written.
    """
    path = run / "config.json"
    if path.exists():
        _compare(path, config, clips_sha256)
    world.wait()
    if world.rank == 0 and not path.exists():
        written = {
            "config": config.fixed(),
            "clips_sha256": clips_sha256,
            "torch": importlib.metadata.version("torch"),
        }
        try:
            run.mkdir(parents=True, exist_ok=True)
            _write_json(path, written)
        except OSError as error:
            raise TrainError(f"{run}: cannot be written ({error.strerror}); give another run folder") from error
    world.wait()


def _compare(path: Path, config: TrainConfig, clips_sha256: str) -> None:
    try:
        written = json.loads(path.read_text())
        differing = config.differences(written["config"])
        same_clips = written["clips_sha256"] == clips_sha256
        text_before = written["config"].get("text_sha256")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainError(f"{path}: not the configuration of a run ({error}); give another run folder") from error
    if text_before != config.fixed().get("text_sha256"):
        before = f"the text tokenizer of digest {text_before}" if text_before else "no text tokenizer"
        now = f"the one of {config.text} has {config.text_sha256}" if config.text else "now there is none"
        raise TrainError(f"{path.parent} was trained with {before}, {now}; give that one, or another run folder")
    if differing:
        raise TrainError(
            f"{path.parent} is the run of another configuration ({', '.join(differing)} differ); "
            "give another run folder, or the configuration in its config.json"
        )
    if not same_clips:
        raise TrainError(
            f"{path.parent} was started on other training clips than the dataset holds now; give another run folder"
        )


def _write_json(path: Path, value: object) -> None:
    """Whole or not at all."""
    aside = path.with_name(f".{path.name}.tmp")
    aside.write_text(json.dumps(value, indent=2) + "\n")
    sync(aside)
    aside.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
