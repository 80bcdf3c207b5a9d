"""The simulated conversations that the segmentation is trained and measured on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.segmentation.feed import SOURCE_RATE_HZ
from model.simulate.conversation import simulate
from model.simulate.phrases import HOP
from model.simulate.scene import draw_scene
from model.simulate.sounds import Sounds
from model.simulate.timing import TimingModel
from model.simulate.voices import Pair, Voices

Random = np.random.Generator
LENGTH_S: Final = 12.0
"""A window of 10 s, from a conversation that may be made 1.16 times as fast."""
_MOST_S: Final = 120.0  # of a voice in memory
_SPEAKERS: Final = (0.1, 0.65, 0.25)  # shares of 1, 2 and 3
_NOBODY_SHARE: Final = 0.04
_TIMINGS: Final = (0.35, 0.4, 0.25)  # shares of quick, dense and natural ones
_SAME_SHARE: Final = 0.25
_EASY: Final = (0.8, 0.1)  # shares of easy conversations at the beginning and from the middle of the training on


@dataclass(frozen=True, slots=True)
class Sound:
    """A mixture float32 [S] at 24 kHz and who speaks in it, bool [speakers, frames of 10 ms]."""

    mixture: NDArray[np.float32]
    activity: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingScenes:
    """Draws conversations of one to three speakers in all conditions, with more overlap than is natural.

    At first most are easy: two clean voices, often a high and a low one, in short turns.
    """

    voices: Voices
    sounds: Sounds
    natural: TimingModel

    def __call__(self, random: Random, share_done: float) -> Sound:
        """A conversation of LENGTH_S seconds; sometimes nobody speaks in it."""
        if random.random() < max(_EASY[1], _EASY[0] + 2.0 * share_done * (_EASY[1] - _EASY[0])):
            pair: Pair = "mixed" if random.random() < 0.6 else "any"
            return self._simulated(random, quick(self.natural), "clean", 2, pair)
        if random.random() < _NOBODY_SHARE:
            return _nobody(random, self.sounds)
        timings = (quick(self.natural), dense(self.natural), self.natural)
        count = int(random.choice(len(_SPEAKERS), p=_SPEAKERS)) + 1
        pair = "same" if count > 1 and random.random() < _SAME_SHARE else "any"
        return self._simulated(random, timings[int(random.choice(len(timings), p=_TIMINGS))], "train", count, pair)

    def _simulated(self, random: Random, timing: TimingModel, scene: str, count: int, pair: Pair) -> Sound:
        drawn = draw_scene(random, scene)
        made = simulate(random, self.voices, timing, drawn, self.sounds, LENGTH_S, count, pair=pair)
        return Sound(made.mixture, made.activity)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldScenes:
    """Conversations of two held-out speakers with the timings given, in all conditions."""

    voices: Voices
    sounds: Sounds
    timing: TimingModel

    def __call__(self, random: Random, share_done: float) -> Sound:
        """A conversation of LENGTH_S seconds."""
        made = simulate(random, self.voices, self.timing, draw_scene(random, "train"), self.sounds, LENGTH_S)
        return Sound(made.mixture, made.activity)


def training_scenes(
    speech: Path, noise: Path | None = None, music: Path | None = None, rooms: Path | None = None
) -> TrainingScenes:
    """Scenes of all speakers of a folder but the held-out ones. Raises SpeechError where there are none."""
    return TrainingScenes(
        voices=Voices.load(speech, False, most_s=_MOST_S),
        sounds=Sounds.load(noise, music, rooms, held=False),
        natural=TimingModel.builtin(),
    )


def held_scenes(
    speech: Path,
    noise: Path | None = None,
    music: Path | None = None,
    rooms: Path | None = None,
    timing: TimingModel | None = None,
) -> HeldScenes:
    """Scenes of the held-out speakers of a folder. Raises SpeechError where there are none."""
    return HeldScenes(
        voices=Voices.load(speech, True, most_s=_MOST_S),
        sounds=Sounds.load(noise, music, rooms, held=True),
        timing=timing or TimingModel.builtin(),
    )


def dense(timing: TimingModel) -> TimingModel:
    """The same conversations with six times as much put in, shorter turns and earlier answers."""
    tables = timing.tables
    if tables is None:
        return timing
    return TimingModel(
        replace(
            tables,
            utterance_s=tuple(0.7 * s for s in tables.utterance_s),
            fto_s=tuple(tuple(s - 1.0 for s in table) for table in tables.fto_s),
            inside_per_s=tuple(6.0 * rate for rate in tables.inside_per_s),
        )
    )


def quick(timing: TimingModel) -> TimingModel:
    """The same conversations in short turns, the speaker nearly always another one, with little put in."""
    tables = timing.tables
    if tables is None:
        return timing
    return TimingModel(
        replace(
            tables,
            utterance_s=tuple(min(0.45 * s, 4.0) for s in tables.utterance_s),
            change_share=0.9,
            inside_per_s=tuple(0.3 * rate for rate in tables.inside_per_s),
        )
    )


def _nobody(random: Random, sounds: Sounds) -> Sound:
    """Noise or music alone."""
    samples = round(LENGTH_S * SOURCE_RATE_HZ)
    under = sounds.song(random, samples) if random.random() < 0.4 else sounds.noise(random, samples)
    return Sound(under * np.float32(0.05), np.zeros((1, samples // HOP), np.bool_))
