"""Speed and memory, measured on this machine: `make bench`. Ratios are of figures taken in one run.

The audio is the demo's two-channel recordings, repeated.
"""

import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import typer
from rich.console import Console

from cluster.engine import open_engine
from model.codec import decode, encode, load_codec
from model.resample import Resampler, to_int16
from model.vad import StreamingVad, load_vad
from pipeline.bench_mixture import mixtures, write_mono
from pipeline.build import made_by_of
from pipeline.config import BuildConfig
from pipeline.prepare import Preparation
from pipeline.sources import read_sources
from pipeline.view import View
from schemas.recording import SAMPLE_RATE_HZ
from stages.decode import decode as decode_file
from stages.probe import probe

DEMO = Path(__file__).parents[1] / "demo" / "recordings"
LICENCE = {"licence": "CC0-1.0"}
Pcm = npt.NDArray[np.int16]


def demo_audio() -> Pcm:
    """The demo's two-channel recordings one after the other, int16 [2, samples] at 24 kHz."""
    names = ("telephone-parcel.wav", "videocall-budget.ogg", "interview-lighthouse.m4a", "clinic-knee.mp3")
    parts = []
    for source in read_sources([str(DEMO / name) for name in names], LICENCE).usable:
        rate_hz = probe(source.uri).sample_rate_hz
        resampler = Resampler(rate_hz, SAMPLE_RATE_HZ, 2)
        blocks = [resampler.push(block) for block in decode_file(source)]
        parts.append(to_int16(np.concatenate([*blocks, resampler.flush()], axis=1)))
    return np.concatenate(parts, axis=1)


def write_long(path: Path, audio: Pcm, length_s: float, rate_hz: int = SAMPLE_RATE_HZ) -> None:
    """A stereo wav of the demo audio, repeated to a length, in bounded memory."""
    left = round(length_s * rate_hz)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        while left > 0:
            block = audio[:, : min(left, audio.shape[1])]
            file.writeframes(np.ascontiguousarray(block.T).tobytes())
            left -= block.shape[1]


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bare_models(audio: Pcm) -> tuple[float, float]:
    """Seconds that the networks alone take on the audio: (voice activity, codec)."""
    codec, network = load_codec(), load_vad()
    floats = audio.astype(np.float32) / 32768.0

    def activity() -> None:
        vad = StreamingVad(network, channels=2)
        for start in range(0, audio.shape[1], SAMPLE_RATE_HZ):
            vad.push(audio[:, start : start + SAMPLE_RATE_HZ])
        vad.flush()

    def tokens() -> None:
        for channel in floats:
            encode(codec, channel)

    return seconds(activity), seconds(tokens)


def prepare_seconds(paths: list[Path], engine_name: str, workers: int | None) -> float:
    """Seconds of phase 1 over recordings, the start of Ray itself left out, that of its workers included."""
    config = BuildConfig()
    sources = read_sources([str(path) for path in paths], LICENCE)
    made_by = made_by_of(config)
    engine = open_engine(engine_name, workers)
    with tempfile.TemporaryDirectory() as out, View(Console(quiet=True), interactive=False) as view:
        run = Preparation(config=config, fingerprint=made_by.fingerprint, out=Path(out), engine=engine, view=view)
        took_s = seconds(lambda: run.run(sources))
    engine.close()
    return took_s


def peak_mib(length_s: float, rate_hz: int, audio: Pcm) -> float:
    """Peak memory of `duplexset build --engine inline` on one long recording, a mixture where rate_hz is 0."""
    with tempfile.TemporaryDirectory() as folder:
        if rate_hz:
            write_long(Path(folder) / "long.wav", audio, length_s, rate_hz)
        else:
            write_mono(Path(folder) / "long.wav", audio, length_s)
        program = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
        )
        build = [sys.executable, "-m", "pipeline.cli", "build", f"{folder}/long.wav", f"{folder}/out"]
        command = [sys.executable, "-c", program, *build, "--engine", "inline", "--licence", "CC0-1.0"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own program
    return float(done.stdout)


def speed(minutes: float, audio: Pcm) -> None:
    """Phase 1 on one and two workers, beside the bare model calls on the same audio in this process.

    Six recordings against two: the difference is the work itself, what is over is the start of the workers.
    """
    length_s = minutes * 60
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{i}.wav" for i in range(6)]
        for i, path in enumerate(paths):
            write_long(path, np.roll(audio, i * SAMPLE_RATE_HZ, axis=1), length_s)
        repeats = -(-round(length_s * SAMPLE_RATE_HZ) // audio.shape[1])
        vad_s, codec_s = bare_models(np.tile(audio, (1, repeats))[:, : round(length_s * SAMPLE_RATE_HZ)])
        bare_s = vad_s + codec_s
        typer.echo(f"phase 1, recordings of {minutes:g} min, 24 kHz stereo")
        typer.echo(f"  voice activity alone  {length_s / vad_s:7.0f} x real time")
        typer.echo(f"  codec alone           {length_s / codec_s:7.0f} x real time")
        typer.echo(f"  both, bare            {length_s / bare_s:7.0f} x real time")
        for name, workers in (("inline", None), ("ray", 1), ("ray", 2)):
            two_s, six_s = (prepare_seconds(paths[:n], name, workers) for n in (2, 6))
            each_s = (six_s - two_s) / 4
            label = f"{name}, {workers} worker{'s' * (workers > 1)}" if workers else name
            start_s = max(0.0, six_s - 6 * each_s)
            typer.echo(
                f"  {label:20}  {length_s / each_s:7.0f} x real time, {each_s / bare_s:.2f} of the bare calls; "
                f"start {start_s:.0f} s"
            )


def codec_speed(audio: Pcm) -> None:
    """The codec alone, both directions, one channel."""
    codec = load_codec()
    channel = audio[0].astype(np.float32) / 32768.0
    length_s = len(channel) / SAMPLE_RATE_HZ
    codes = encode(codec, channel)
    typer.echo("codec, one channel on one core")
    typer.echo(f"  encode                {length_s / seconds(lambda: encode(codec, channel)):7.0f} x real time")
    typer.echo(f"  decode                {length_s / seconds(lambda: decode(codec, codes)):7.0f} x real time")


def memory(audio: Pcm) -> None:
    """A long recording beside a short one."""
    short, long = (peak_mib(length_s, 48_000, audio) for length_s in (20 * 60, 180 * 60))
    typer.echo("peak memory of a build, one 48-kHz stereo recording, inline")
    typer.echo(f"  20 minutes            {short:7.0f} MiB")
    typer.echo(f"  3 hours               {long:7.0f} MiB, {long / short:.2f} of the short one")
    short, long = (peak_mib(length_s, 0, audio) for length_s in (20 * 60, 120 * 60))
    typer.echo("peak memory of a build, one mixture, inline")
    typer.echo(f"  20 minutes            {short:7.0f} MiB")
    typer.echo(f"  2 hours               {long:7.0f} MiB, {long / short:.2f} of the short one")


def main(minutes: float = 10.0, skip_memory: bool = False) -> None:
    """Print all figures."""
    torch.set_num_threads(1)
    audio = demo_audio()
    codec_speed(audio)
    speed(minutes, audio)
    mixtures(minutes, audio)
    if not skip_memory:
        memory(audio)


if __name__ == "__main__":
    typer.run(main)
