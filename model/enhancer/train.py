"""`duplexset fit enhancer`: folders of voices, noise and music in, the enhancer and its card out."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import torch

from model.enhancer.apply import load_enhancer
from model.enhancer.fit import EnhancerRecipe, improvements
from model.enhancer.sounds import MOST_S, Material, held_piece, load_material
from model.fitting import FitConfig, run, save_net, start_from
from model.model_card import Network, Values, finish
from model.simulate.phrases import SAMPLE_RATE_HZ
from model.simulate.sounds import Sounds, coloured_noise
from model.simulate.timing import TimingModel
from model.speech_audio import Utterance, find_speech
from model.training_sets import TrainingFolders, check_count, files_of, usable

LEARNING_RATE: Final = 3e-3
BATCH: Final = 6
CROP_S: Final = 2.5
CROPS: Final = 16
CHECK_CROPS: Final = 4
NOISE_S: Final = 5
_SEED: Final = 2_113


def fit_enhancer(
    audio: Path,
    out: Path,
    *,
    config: FitConfig,
    noise: Path | None = None,
    music: Path | None = None,
    rooms: Path | None = None,
    device: str = "cpu",
    report: Callable[[str], None] = print,
    batch: int = BATCH,
    crop_s: float = CROP_S,
) -> Path:
    """Train on the folder `audio`, or go on where `out` was left; returns OUT/enhancer.safetensors.

    noise, music, rooms: folders; made noise and music serve as well. batch, crop_s: of a step. Raises SpeechError,
    FitError.
    """
    folders = TrainingFolders(speech=audio, noise=noise, music=music, rooms=rooms)
    usable(device)
    material, held = _material(folders), _held(folders)
    torch.manual_seed(config.seed)
    recipe = EnhancerRecipe(material=material, measured=held, batch=batch, crop_s=crop_s)
    start_from(recipe.net, config)
    recipe.net.to(device)
    run(recipe, config, out, report)
    save_net(recipe.net, out / "enhancer.safetensors")
    return finish(NETWORK, folders, out, sources=_used(folders, material), device=device, report=report)


def _material(folders: TrainingFolders) -> Material:
    """What to train on. Raises SpeechError where there are too few voices, or no audio."""
    made = _load(folders, held=False)
    check_count(len(made.voices), folders.speech)
    return made


def _held(folders: TrainingFolders) -> Material | None:
    """What to measure with; None where there are too few voices."""
    return _load(folders, held=True) if folders.held_voices(MOST_S) else None


def _load(folders: TrainingFolders, *, held: bool) -> Material:
    return load_material(folders.speech, noise=folders.noise, music=folders.music, rooms=folders.rooms, held=held)


def _used(folders: TrainingFolders, material: Material) -> list[Utterance]:
    """The files trained on: all music but one piece."""
    used = folders.used(files_of(material.voices))
    pieces = find_speech(folders.music) if folders.music else []
    kept_out = {pieces[held_piece([p.path.name for p in pieces])].path} if len(pieces) > 1 else set()
    return [u for u in used if u.path not in kept_out]


def sources(folders: TrainingFolders) -> list[Utterance]:
    """The files that a training uses."""
    return _used(folders, _material(folders))


def measure(weights: Path, folders: TrainingFolders) -> dict[str, Values]:
    """SI-SDR gained on held-out voices and sounds, by what lies under the speech; and of clean speech."""
    held = _held(folders)
    return by_background(improvements(load_enhancer(weights), held, CROPS)) if held else {}


def check(weights: Path, folders: TrainingFolders) -> Values:
    """SI-SDR of clean speech and the gain over made noise, with a few crops of the voices of one folder."""
    held = folders.for_checks().held_voices()
    if held is None:
        return {}
    random = np.random.default_rng(_SEED)
    sounds = Sounds(noises=(coloured_noise(random, NOISE_S * SAMPLE_RATE_HZ),))
    material = Material(voices=held, timing=TimingModel.builtin(), sounds=sounds)
    found = improvements(load_enhancer(weights), material, CHECK_CROPS)
    return {name: found[name] for name in ("noise_5db", "clean")}


def by_background(figures: Values) -> dict[str, Values]:
    """Figures of `improvements`, named kind_level, as a row for each kind."""
    rows: dict[str, Values] = {}
    for name, value in figures.items():
        kind, _, level = name.partition("_")
        rows.setdefault(kind, {})[level or "si_sdr_db"] = value
    return rows


_ABOUT: Final = """\
Speech out of noise and music at 24 kHz: the spectrogram branch of demucs, small (layers of the demucs package, MIT;
Défossez 2021), with a bounded complex mask instead of a spectrum and nothing normalised by the level of a chunk."""

_LIMITS: Final = """\
- For recordings in which noise or music was detected; clean recordings do not go through it.
- It keeps the room and the line of the speech, and every voice: it does not separate speakers.
- What it makes of singing is not measured.
- Figures: crops of 4 s of simulated conversations of held-out voices, with held-out noises and music at 0, 5 and 10
  dB below the speech: SI-SDR after less SI-SDR before. `clean`: SI-SDR of clean speech after the network, the
  median."""

NETWORK: Final = Network(
    name="enhancer",
    title="The built-in enhancer",
    about=_ABOUT,
    limits=_LIMITS,
    columns={
        **{f"{level}db": (f"gain at {level} dB, dB", "+.1f") for level in (0, 5, 10)},
        "si_sdr_db": ("SI-SDR, dB", ".1f"),
    },
    measure=measure,
    check=check,
    check_within=0.3,
    sources=sources,
)
