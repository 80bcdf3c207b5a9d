"""simulate: conversations with known channels from single-speaker speech, as recordings and their truth."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from model.simulate.conversation import Simulated, simulate
from model.simulate.phrases import SAMPLE_RATE_HZ
from model.simulate.scene import MOST_SPEAKERS, SCENES, draw_scene
from model.simulate.sounds import Sounds
from model.simulate.timing import TimingModel
from model.simulate.timing_fit import replay
from model.simulate.truth import FORMATS, is_written, write
from model.simulate.voices import PAIRS, Pair, Voices
from pipeline.simulate_licence import write_licence
from schemas.atomic import write_text
from schemas.errors import UserError

PLAN: Final = "simulation.json"
_TRIES: Final = 20
_LEAST_TALK_S: Final = 1.0
_SHORTEST_S: Final = 5.0


class SimulateError(UserError):
    """The conversations asked for cannot be made: what is wrong, where, what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateConfig:
    """What conversations to make; the folders are of speech, noises, music and room responses."""

    speech: Path
    count: int = 20
    length_s: float = 60.0
    seed: int = 0
    scene: str = "train"
    pair: Pair = "any"
    speakers: int = 2
    held: bool | None = None
    noise: Path | None = None
    music: Path | None = None
    rooms: Path | None = None
    timings: Path | None = None
    file_format: str = "flac"


@dataclass(slots=True)
class SimulateResult:
    """What is there: conversations, how many of them this run made, their seconds, those that ended early, and
    whether a licence is stated for all sources."""

    conversations: int = 0
    made: int = 0
    seconds: float = 0.0
    short: int = 0
    licensed: bool = False


def check(config: SimulateConfig) -> None:
    """Raises SimulateError for what cannot be asked for."""
    for given, known, option in (
        (config.scene, tuple(SCENES), "--scene"),
        (config.pair, PAIRS, "--pair"),
        (config.file_format, tuple(FORMATS), "--format"),
    ):
        if given not in known:
            raise SimulateError(f"{option} {given!r} is not known: give one of {', '.join(known)}")
    if not 1 <= config.speakers <= MOST_SPEAKERS:
        raise SimulateError(f"--speakers {config.speakers}: give 1 to {MOST_SPEAKERS}")
    if config.pair != "any" and config.speakers < 2:
        raise SimulateError(f"--pair {config.pair} needs two speakers: give --speakers 2 or more")
    if config.timings is not None and config.speakers != 2:
        raise SimulateError("--timings replays conversations of two: leave it out or give --speakers 2")
    if config.length_s < _SHORTEST_S:
        raise SimulateError(f"--length {config.length_s:g}: give {_SHORTEST_S:g} seconds or more")
    for folder in (config.speech, config.noise, config.music, config.rooms):
        if folder is not None and not folder.is_dir():
            raise SimulateError(f"{folder}: no such folder")


def run(config: SimulateConfig, out: Path, report: Callable[[str], None]) -> SimulateResult:
    """Make the conversations that OUT does not have yet. Raises SimulateError and what reading the folders raises."""
    check(config)
    _same_plan(config, out)
    names = [f"{config.scene}-{config.pair}-{number:05d}" for number in range(config.count)]
    missing = {n: name for n, name in enumerate(names) if not is_written(out, name, config.file_format)}
    result = SimulateResult(conversations=len(names), made=len(missing))
    if missing:
        _make(config, out, missing, report)
    for name in names:
        length_s = float(json.loads((out / "truth" / f"{name}.json").read_text(encoding="utf-8"))["duration_s"])
        result.seconds += length_s
        result.short += length_s < config.length_s - 0.1
    result.licensed = (out / "recordings" / "LICENSE.toml").is_file()
    return result


def _make(config: SimulateConfig, out: Path, missing: dict[int, str], report: Callable[[str], None]) -> None:
    timing = replay(config.timings) if config.timings else TimingModel.builtin()
    sounds = Sounds.load(config.noise, config.music, config.rooms, config.held)
    report(f"reading voices in {config.speech}")
    voices = Voices.load(config.speech, config.held, most_s=max(60.0, 1.2 * config.length_s))
    if len(voices) < config.speakers - (config.pair == "twins"):
        raise SimulateError(
            f"{config.speakers} speakers asked for, {config.speech} has {len(voices)} with enough speech: give more "
            "speech, or an INDEX.tsv or a folder per speaker that tells the speakers apart"
        )
    write_text(out / PLAN, json.dumps(_plan(config), indent=1) + "\n")
    write_licence(out, voices, [f for f in (config.noise, config.music, config.rooms) if f is not None])
    started, done_s = time.monotonic(), 0.0
    for done, (number, name) in enumerate(missing.items(), 1):
        made, seed = _one(config, number, voices, timing, sounds)
        write(out, name, made, seed, config.file_format)
        done_s += made.mixture.size / SAMPLE_RATE_HZ
        speed = done_s / max(time.monotonic() - started, 1e-3)
        report(f"{name}: {done} of {len(missing)}, {speed:.0f} x real time")


def _one(
    config: SimulateConfig, number: int, voices: Voices, timing: TimingModel, sounds: Sounds
) -> tuple[Simulated, list[int]]:
    """One conversation in which everybody says something, and the seed that makes it."""
    for attempt in range(_TRIES):
        seed = [config.seed, number, attempt]
        random = np.random.default_rng(seed)
        scene = draw_scene(random, config.scene)
        made = simulate(
            random, voices, timing, scene, sounds, config.length_s, config.speakers, pair=config.pair, inside=False
        )
        if (made.activity.sum(axis=1) * 0.01 >= _LEAST_TALK_S).all():
            return made, seed
    raise SimulateError(
        f"no conversation of {config.length_s:g} s in which all {config.speakers} speak came out of {_TRIES} drawn: "
        "give a longer --length or more speech per speaker"
    )


def _plan(config: SimulateConfig) -> dict[str, object]:
    """What the conversations follow from; the folders by name, so that a folder may move."""
    return {k: v.name if isinstance(v, Path) else v for k, v in asdict(config).items() if k != "count"}


def _same_plan(config: SimulateConfig, out: Path) -> None:
    """Raises SimulateError where OUT was made in another way; only the count may differ."""
    path = out / PLAN
    if not path.is_file():
        return
    there = json.loads(path.read_text(encoding="utf-8"))
    for key, value in _plan(config).items():
        if there.get(key) != value:
            raise SimulateError(
                f"{out} holds conversations with {key} {there.get(key)!r}, not {value!r}: give another folder"
            )
