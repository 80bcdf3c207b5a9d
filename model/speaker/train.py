"""`duplexset fit speaker`: a folder of voices in, the embedding and its card out.

Three networks are trained: the one that ships, on all voices that are not held out, and one on each half of them,
which never hears the other half; the separator is trained with embeddings that are strangers to its voices.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from model.fitting import FitConfig, FitError, load_net, run, save_net, start_from
from model.model_card import Network, Values, finish
from model.simulate.sounds import Sounds
from model.speaker.fit import SpeakerRecipe, equal_error, speech_of
from model.speaker.net import HOP, SAMPLE_RATE_HZ, MelPower, SpeakerNet
from model.speech_audio import Utterance
from model.training_sets import LEAST_VOICES, TrainingFolders, check_halves, half_of, usable

Float32 = NDArray[np.float32]

LEARNING_RATE: Final = 2e-3
HALF_SHARE: Final = 0.6
"""Of the steps or minutes: what the networks on halves of the voices get."""
BATCH: Final = 40
LEAST_NOISE_S: Final = 2.0
CROP_S: Final = (1, 2, 4)


def fit_speaker(
    audio: Path,
    out: Path,
    *,
    config: FitConfig,
    noise: Path | None = None,
    music: Path | None = None,
    device: str = "cpu",
    report: Callable[[str], None] = print,
) -> Path:
    """Train on the folder `audio`, or go on where `out` was left; returns OUT/speaker.safetensors.

    OUT/speaker-half-0.safetensors and -1 are trained on one half of the voices each, see `half_of`; their states are
    in OUT/half-0 and OUT/half-1. noise, music: folders of what lies under the voices. Raises SpeechError, FitError.
    """
    folders = TrainingFolders(speech=audio, noise=noise, music=music)
    usable(device)
    voices = speech_of(audio, held=False)
    check_halves(sorted({speaker_of(name) for name in voices}))
    noises = mel_powers(folders.sounds(held=False))
    shorter = replace(config, minutes=config.minutes * HALF_SHARE, steps=round(config.steps * HALF_SHARE))
    half_config = replace(shorter, minutes=config.minutes) if config.steps else shorter
    half_config = replace(half_config, start="")  # weights from elsewhere may have heard both halves
    _fit(voices, noises, config, out, out / "speaker.safetensors", device, report)
    for half in (0, 1):
        part = {name: powers for name, powers in voices.items() if half_of(speaker_of(name)) == half}
        report(f"half {half} of the voices")
        path = out / f"speaker-half-{half}.safetensors"
        _fit(part, noises, half_config, out / f"half-{half}", path, device, report)
    used = folders.used(_files_of(voices))
    states = (".", "half-0", "half-1")
    return finish(NETWORK, folders, out, sources=used, device=device, report=report, states=states)


def _fit(  # noqa: PLR0917
    voices: dict[str, list[Float32]],
    noises: list[Float32],
    config: FitConfig,
    folder: Path,
    weights: Path,
    device: str,
    report: Callable[[str], None],
) -> None:
    """Train one network and save it."""
    torch.manual_seed(config.seed)
    recipe = SpeakerRecipe(voices, noises, batch=min(BATCH, len(voices) // 2 * 2))
    start_from(recipe.net.get_submodule("speaker"), config)
    recipe.net.to(device)
    run(recipe, config, folder, report)
    save_net(recipe.net.get_submodule("speaker"), weights)


def speaker_of(name: str) -> str:
    """The speaker of a voice of `speech_of`, which may be at another speed."""
    return re.sub(r" x\d\.\d+$", "", name)


def mel_powers(sounds: Sounds) -> list[Float32]:
    """Noises and music as mel power [N, 68]."""
    mel = MelPower()
    long_enough = [s for s in (*sounds.noises, *sounds.music) if s.size >= LEAST_NOISE_S * SAMPLE_RATE_HZ]
    return [mel(torch.from_numpy(s[: s.size // HOP * HOP])).numpy() for s in long_enough]


def _files_of(voices: dict[str, list[Float32]]) -> dict[str, int]:
    return {name: len(powers) for name, powers in voices.items() if speaker_of(name) == name}


def sources(folders: TrainingFolders) -> list[Utterance]:
    """The files that a training uses: no rooms."""
    used = TrainingFolders(speech=folders.speech, noise=folders.noise, music=folders.music)
    return used.used(_files_of(speech_of(folders.speech, held=False)))


def load_speaker(weights: Path) -> SpeakerNet:
    """The network, ready to use. Raises FitError where there are no weights, or those of another network."""
    if not weights.is_file():
        raise FitError(f"no weights at {weights}: train them with `duplexset fit speaker`")
    net = SpeakerNet()
    load_net(net, weights)
    return net.eval().requires_grad_(False)


def measure(weights: Path, folders: TrainingFolders) -> dict[str, Values]:
    """Equal error rates between crops of held-out voices."""
    return {"held-out voices": found} if (found := _errors(weights, folders.speech, CROP_S)) else {}


def check(weights: Path, folders: TrainingFolders) -> Values:
    """The equal error rate at 1 s in one folder."""
    return _errors(weights, folders.for_checks().speech, CROP_S[:1])


def _errors(weights: Path, speech: Path, crops_s: Sequence[int]) -> Values:
    voices = speech_of(speech, held=True)
    if len(voices) < LEAST_VOICES:
        return {}
    net = load_speaker(weights)
    errors = {f"equal_error_{s}s": equal_error(net, voices, 100 * s) for s in crops_s}
    return {"voices": float(len(voices)), **errors}


_ABOUT: Final = """\
A voice as a unit vector of 128: log-mel frames of 10 ms up to 7.8 kHz, less the mean of the recording's speech,
through a time-delay network with attentive statistics pooling, after ECAPA-TDNN (Desplanques et al. 2020). Trained
with an additive angular margin, each voice at three speeds; microphones, rooms, lines, noises and second voices are
made in the mel domain.

Two more are trained on one half of the voices each. The separator is trained with them, so that it meets voices as
strangers; they are not shipped."""

_LIMITS: Final = """\
- It tells the few voices of one recording apart. It is relative to that recording's mean: vectors of two recordings
  are not to be compared, and it identifies nobody.
- Half a second of speech says little; the errors below are by length of the crops.
- One person in two voices, and a voice over two lines, are not measured.
- Figures: two held-out voices made into one recording under random microphones, lines and noise, 400 times; the equal
  error rate between crops of the same and of the other voice."""

NETWORK: Final = Network(
    name="speaker",
    title="The built-in speaker embedding",
    about=_ABOUT,
    limits=_LIMITS,
    columns={
        "voices": ("voices", ".0f"),
        **{f"equal_error_{s}s": (f"equal error, {s} s", ".1%") for s in CROP_S},
    },
    measure=measure,
    check=check,
    check_within=0.01,
    sources=sources,
)
