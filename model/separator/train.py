"""`duplexset fit separator`: a folder of voices and an embedding in, the separator and its card out."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import torch

from model.diarization.networks import Networks
from model.fitting import FitConfig, FitError, load_net, run, save_net, start_from
from model.model_card import WEIGHTS, Network, Values, finish
from model.separator.figures import conversations, measure_on, of_set, pairs_there
from model.separator.fit import SeparatorRecipe
from model.separator.net import SeparatorNet
from model.simulate.sounds import Sounds
from model.simulate.voices import Voices
from model.speaker.net import SpeakerNet
from model.speaker.train import load_speaker
from model.speech_audio import Utterance
from model.training_sets import TrainingFolders, files_of, halves, usable

LEARNING_RATE: Final = 1e-3
TOGETHER: Final = 12
"""Windows of a batch, each of another conversation."""
USES: Final = 24
"""Of a conversation, of each of its six windows four: making one takes as long as two steps."""
CHECK_S: Final = 16.0
SPEAKER: Final = "speaker.safetensors"


def fit_separator(
    audio: Path,
    out: Path,
    *,
    config: FitConfig,
    speaker: Path | None = None,
    noise: Path | None = None,
    music: Path | None = None,
    rooms: Path | None = None,
    device: str = "cpu",
    report: Callable[[str], None] = print,
) -> Path:
    """Train on the folder `audio`, or go on where `out` was left; returns OUT/separator.safetensors.

    speaker: the OUT of `fit_speaker` on the same audio: each half of the voices gets the embedding that was trained
    on the other one. Without it all get the embedding of the package, which must be a stranger to them. The embedding
    that is used with the weights is written beside them. Raises SpeechError, FitError.
    """
    folders = TrainingFolders(speech=audio, noise=noise, music=music, rooms=rooms)
    usable(device)
    whole = load_speaker((speaker or WEIGHTS) / SPEAKER)
    strangers = _strangers(speaker) if speaker else (whole,)
    voices = folders.voices()
    parts = halves(voices) if speaker else (voices,)
    torch.manual_seed(config.seed)
    recipe = SeparatorRecipe(parts, strangers, folders.sounds(held=False))
    start_from(recipe.net, config)
    recipe.net.to(device)
    run(recipe, config, out, report)
    save_net(recipe.net, out / "separator.safetensors")
    save_net(whole, out / SPEAKER)
    return finish(NETWORK, folders, out, sources=folders.used(files_of(voices)), device=device, report=report)


def _strangers(speaker: Path) -> tuple[SpeakerNet, SpeakerNet]:
    """For the voices of half 0 and of half 1: what was trained on the other half."""
    paths = [speaker / f"speaker-half-{half}.safetensors" for half in (1, 0)]
    for path in paths:
        if not path.is_file():
            raise FitError(f"no {path.name} in {speaker}: give the OUT folder of `duplexset fit speaker`")
    return load_speaker(paths[0]), load_speaker(paths[1])


def sources(folders: TrainingFolders) -> list[Utterance]:
    """The files that a training uses."""
    return folders.used(files_of(folders.voices()))


def networks_of(weights: Path) -> Networks:
    """The separator with the embedding beside it. Raises FitError where one is missing."""
    if not weights.is_file():
        raise FitError(f"no weights at {weights}: train them with `duplexset fit separator`")
    separator = SeparatorNet()
    load_net(separator, weights)
    return Networks(load_speaker(weights.with_name(SPEAKER)), separator.eval().requires_grad_(False))


def measure(weights: Path, folders: TrainingFolders) -> dict[str, Values]:
    """SI-SDR gained and activity found on simulated conversations, by pair and scene."""
    voices = folders.held_voices()
    return measure_on(networks_of(weights), voices, folders.sounds(held=True)) if voices else {}


def check(weights: Path, folders: TrainingFolders) -> Values:
    """The same of two clean conversations with the voices of one folder."""
    voices: Voices | None = folders.for_checks().held_voices()
    if voices is None:
        return {}
    made = conversations(voices, Sounds(), "clean", pairs_there(voices)[0], count=2, length_s=CHECK_S)
    found = of_set(networks_of(weights), made)
    return {name: found[name] for name in ("gain_db", "examples_gain_db") if name in found}


_ABOUT: Final = """\
Which share of each bin belongs to which of two known voices, and which of them speaks, from 25 Hz to 8 kHz in windows
of 40 ms. It starts from what examples of each voice's solo speech in the same recording explain of the mixture
(exemplar-based sparse representations, Gemmeke et al. 2011) and corrects that with two layers of LSTM in both
directions, which also hear how much the sound is like each voice (the speaker embedding)."""

_LIMITS: Final = """\
- For overlaps of two voices, each of which speaks alone elsewhere in the recording. It knows no third voice: what one
  says goes to the two.
- The two channels add up to the recording: noise and music are shared out, not removed.
- Above 8 kHz the mask goes on as it is below.
- Figures: simulated conversations of 24 s with about six times as much overlap as is natural, held-out voices,
  activity (and so solo speech) known. Gain: SI-SDR of a channel inside overlaps against the voice as it sounds in its
  room and band, less that of the mixture; mean of channels and conversations. Examples alone: the same without the
  network's correction. Overlap and speech: frames of 20 ms with log odds above zero, found and rightly found, without
  the decoding over time that a recording gets."""

NETWORK: Final = Network(
    name="separator",
    title="The built-in separator",
    about=_ABOUT,
    limits=_LIMITS,
    columns={
        "overlap_s": ("overlap, s", ".0f"),
        "gain_db": ("gain, dB", ".1f"),
        "examples_gain_db": ("examples alone, dB", ".1f"),
        "overlap_recall": ("overlap found", ".0%"),
        "overlap_precision": ("overlap right", ".0%"),
        "speech_recall": ("speech found", ".0%"),
        "speech_precision": ("speech right", ".0%"),
    },
    measure=measure,
    check=check,
    check_within=0.3,
    sources=sources,
)
