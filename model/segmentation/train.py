"""`duplexset fit segmentation`: a folder of voices in, the segmentation network and its card out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torchaudio
from torch import Tensor, nn

from model.fitting import FitConfig, FitError, load_net, run, save_net, start_from
from model.model_card import Network, Values, finish
from model.segmentation.feed import SOURCE_RATE_HZ, Feed, FeedConfig, frame_activity
from model.segmentation.fit import SegmentationConfig, SegmentationRecipe, errors_of
from model.segmentation.net import SEGMENTATION_RATE_HZ, WINDOW_S, WINDOW_SAMPLES, build_net, normalised
from model.segmentation.scenes import HeldScenes, training_scenes
from model.simulate.conversation import simulate
from model.simulate.scene import draw_scene
from model.simulate.sounds import Sounds
from model.simulate.timing import TimingModel
from model.simulate.voices import Voices
from model.speech_audio import Utterance
from model.training_sets import TrainingFolders, check_count, files_of, usable

LEARNING_RATE: Final = 1.5e-3
SAVE_EVERY: Final = 100
SCENES: Final = ("clean", "telephone", "noise10", "reverb")
WINDOWS: Final = 24
CHECK_WINDOWS: Final = 8
_SEED: Final = 7_103


def fit_segmentation(
    audio: Path,
    out: Path,
    *,
    config: FitConfig,
    noise: Path | None = None,
    music: Path | None = None,
    rooms: Path | None = None,
    device: str = "cpu",
    report: Callable[[str], None] = print,
    shape: SegmentationConfig | None = None,
    feed: FeedConfig | None = None,
) -> Path:
    """Train on the folder `audio`, or go on where `out` was left; returns OUT/segmentation.safetensors.

    shape, feed: windows of a step and conversations kept, for trials. Raises SpeechError, FitError.
    """
    folders = TrainingFolders(speech=audio, noise=noise, music=music, rooms=rooms)
    usable(device)
    scenes = training_scenes(audio, noise, music, rooms)
    check_count(len(scenes.voices), audio)
    held = folders.held_voices()
    measured = held and HeldScenes(voices=held, sounds=folders.sounds(held=True), timing=TimingModel.builtin())
    shape = replace(shape or SegmentationConfig(), seed=config.seed)
    recipe = SegmentationRecipe(Feed(scenes, feed), Feed(measured, feed) if measured else None, shape, device)
    start_from(recipe.net, config)
    run(recipe, config, out, report)
    save_net(recipe.net, out / "segmentation.safetensors")
    return finish(NETWORK, folders, out, sources=folders.used(files_of(scenes.voices)), device=device, report=report)


def sources(folders: TrainingFolders) -> list[Utterance]:
    """The files that a training uses."""
    return folders.used(files_of(folders.voices()))


def load_segmentation(weights: Path) -> nn.Module:
    """The network, ready to use. Raises FitError where there are no weights, or those of another network."""
    if not weights.is_file():
        raise FitError(f"no weights at {weights}: train them with `duplexset fit segmentation`")
    net = build_net()
    load_net(net, weights)
    return net.eval().requires_grad_(False)


def measure(weights: Path, folders: TrainingFolders) -> dict[str, Values]:
    """Errors inside windows of simulated conversations, by scene."""
    held = folders.held_voices()
    if held is None:
        return {}
    net, sounds = load_segmentation(weights), folders.sounds(held=True)
    return {scene: errors_of(net, *windows(held, sounds, scene, WINDOWS)).figures() for scene in SCENES}


def check(weights: Path, folders: TrainingFolders) -> Values:
    """The same of a few clean windows with the voices of one folder."""
    held = folders.for_checks().held_voices()
    if held is None:
        return {}
    errors = errors_of(load_segmentation(weights), *windows(held, Sounds(), "clean", CHECK_WINDOWS)).figures()
    return {name: errors[name] for name in ("der", "overlap_recall")}


def windows(voices: Voices, sounds: Sounds, scene: str, count: int) -> tuple[Tensor, Tensor]:
    """Windows float32 [count, 1, samples] with their truth, bool [count, frames, 3]; always the same ones."""
    timing = TimingModel.builtin()
    audio, active = [], []
    for number in range(count):
        drawn = draw_scene(np.random.default_rng([_SEED, number]), scene)
        made = simulate(np.random.default_rng([_SEED, number, 1]), voices, timing, drawn, sounds, WINDOW_S)
        mixture = torch.from_numpy(made.mixture)
        audio.append(torchaudio.functional.resample(mixture, SOURCE_RATE_HZ, SEGMENTATION_RATE_HZ)[:WINDOW_SAMPLES])
        active.append(torch.from_numpy(frame_activity(made.activity, 1.0, 0, WINDOW_SAMPLES)))
    return normalised(torch.stack(audio)).unsqueeze(1), torch.stack(active)


_ABOUT: Final = """\
Who of up to three local speakers is active in each frame of a 10-s window, two at once at most: pyannote.audio's
segmentation network (PyanNet: SincNet, LSTM, powerset classes; Bredin 2023, Plaquet and Bredin 2023) with weights
trained here on conversations simulated on the fly."""

_LIMITS: Final = """\
- Speakers are local to a window: their order means nothing from one window to the next.
- Learned on simulated conversations, mostly close microphones and telephones; voices far from the microphone at a low
  level are found less well.
- Figures: 24 windows of 10 s a scene, two held-out voices with timings drawn from real consultations. Shares of
  speaker time (no collar, each window's speakers matched on their own) and frames of overlap found and rightly found;
  windows hold little overlap, so that its figures are rough."""

NETWORK: Final = Network(
    name="segmentation",
    title="The built-in segmentation",
    about=_ABOUT,
    limits=_LIMITS,
    columns={
        "der": ("error", ".1%"),
        "missed": ("missed", ".1%"),
        "false": ("false", ".1%"),
        "confused": ("confused", ".1%"),
        "overlap_recall": ("overlap found", ".0%"),
        "overlap_precision": ("overlap right", ".0%"),
    },
    measure=measure,
    check=check,
    check_within=0.02,
    sources=sources,
)
