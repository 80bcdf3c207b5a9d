"""Speed of the mixture path, stage by stage: part of `make bench`."""

import tempfile
import time
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import typer

from pipeline.config import BuildConfig, conversation, intake
from pipeline.sources import read_sources
from schemas.recording import SAMPLE_RATE_HZ
from stages.contract import Row

LICENCE = {"licence": "CC0-1.0"}


def write_mono(path: Path, audio: npt.NDArray[np.int16], length_s: float) -> None:
    """A mono wav of both channels on one track, int16 [2, samples] at 24 kHz, repeated to a length."""
    mixed = (audio.astype(np.int32).sum(axis=0) // 2).astype(np.int16)
    left = round(length_s * SAMPLE_RATE_HZ)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        while left > 0:
            file.writeframes(mixed[:left].tobytes())
            left -= mixed.size


def stage_seconds(path: Path) -> dict[str, float]:
    """Seconds that each stage takes for a recording, the loading of its models left out, all on one thread."""
    config = BuildConfig()
    rows: list[Row] = list(read_sources([str(path)], LICENCE).usable)
    took_s: dict[str, float] = {}
    for stage in [*intake(config), *conversation(config)]:
        work = stage.load("cpu")
        began = time.perf_counter()
        done: list[Row] = []
        for row in rows:
            made = work(row) if isinstance(row, stage.reads) else row
            done.extend(made if hasattr(made, "__iter__") else [made])
        took_s[stage.name] = took_s.get(stage.name, 0.0) + time.perf_counter() - began
        rows = done
    return took_s


def mixtures(minutes: float, audio: npt.NDArray[np.int16]) -> None:
    """Print the speed of the whole path from one track to tokens on one core, and each stage's share."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mono.wav"
        write_mono(path, audio, minutes * 60)
        took_s = stage_seconds(path)
    whole_s = sum(took_s.values())
    typer.echo(f"a mixture of {minutes:g} min on one core: {minutes * 60 / whole_s:.1f} x real time")
    for name, seconds in took_s.items():
        if seconds > 0.005 * whole_s:
            typer.echo(f"  {name:10}  {100 * seconds / whole_s:5.1f} % of it")
