"""What the enhancer is trained on and measured with: voices, turn timings, noises, music, room responses.

Held out are the voices, noises and stretches of music that every recipe of the project holds out, and of the music
one whole piece besides.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.simulate.sounds import Sounds
from model.simulate.timing import TimingModel
from model.simulate.voices import Voice, Voices
from model.speech_audio import find_speech

FRAME: Final = 480  # 20 ms
ACTIVE_DB: Final = 30.0  # below the loudest frame, a frame no longer counts for the level
MOST_S: Final = 90.0  # of one voice
_QUIETEST: Final = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What examples are made of; `voices` may be a few voices instead of a folder's."""

    voices: Voices | Sequence[Voice]
    timing: TimingModel
    sounds: Sounds


def load_material(
    speech: Path, *, noise: Path | None = None, music: Path | None = None, rooms: Path | None = None, held: bool
) -> Material:
    """Everything under the folders: what is held out, or what is trained on. Of the rooms nothing is held out.

    Without a folder of noise or music, made-up noise and music serve. Raises SpeechError where a folder holds no
    audio, a file cannot be read or no voice is of the wanted kind.
    """
    sounds = Sounds.load(noise, music, rooms, held)
    if music is not None and len(sounds.music) > 1:
        at = held_piece([found.path.name for found in find_speech(music)])
        kept = sounds.music[at : at + 1] if held else sounds.music[:at] + sounds.music[at + 1 :]
        sounds = replace(sounds, music=kept)
    return Material(voices=Voices.load(speech, held, most_s=MOST_S), timing=TimingModel.builtin(), sounds=sounds)


def held_piece(names: Sequence[str]) -> int:
    """Which of several pieces of music is never trained on."""
    return min(range(len(names)), key=lambda i: hashlib.sha256(f"held-out/{names[i]}".encode()).digest())


def active_db(audio: NDArray[np.floating]) -> float:
    """Mean level of the frames that are within 30 dB of the loudest, dB below full scale; -inf for silence."""
    frames = audio[: audio.size // FRAME * FRAME].reshape(-1, FRAME)
    energy = np.square(frames, dtype=np.float64).mean(axis=1)
    loudest = energy.max(initial=0.0)
    if loudest < _QUIETEST**2:
        return -np.inf
    return float(10 * np.log10(energy[energy > loudest * 10 ** (-ACTIVE_DB / 10)].mean()))
