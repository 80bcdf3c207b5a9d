"""Where a recipe's speech, noise, music and rooms come from, what of them is held out, and which files it used."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from model.fitting import FitError
from model.simulate.sounds import Sounds
from model.simulate.voices import LEAST_S, Voice, Voices
from model.speech_audio import SpeechError, Utterance, find_speech, held_out

MOST_S: Final = 120.0  # of a voice that is kept in memory
LEAST_FILES: Final = 14  # of a folder of noises, for whole files to be held out (see Sounds.load)
LEAST_VOICES: Final = 3
"""Some of the simulated conversations have so many speakers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFolders:
    """Folders of speech and, for those given, of noises, music and room responses.

    A speaker is trained on or held out by `held_out`, a noise likewise by its name, music by its last third.
    """

    speech: Path
    noise: Path | None = None
    music: Path | None = None
    rooms: Path | None = None

    def voices(self, most_s: float = MOST_S) -> Voices:
        """The voices to train on. Raises SpeechError where there are fewer than three, or none is audio."""
        voices = Voices.load(self.speech, held=False, most_s=most_s)
        check_count(len(voices), self.speech)
        return voices

    def held_voices(self, most_s: float = MOST_S) -> Voices | None:
        """The voices to measure with; None where there are fewer than three."""
        if not any(held_out(u.speaker) for u in find_speech(self.speech)):
            return None
        voices = Voices.load(self.speech, held=True, least_s=0.0, most_s=most_s)
        enough = tuple(v for v in voices if v.speech_s >= LEAST_S)
        return Voices(enough) if len(enough) >= LEAST_VOICES else None

    def for_checks(self) -> "TrainingFolders":
        """The folder of speech with the most held-out speakers, with made sounds: soon read, the same each time."""
        speakers: dict[str, set[str]] = {}
        for utterance in find_speech(self.speech):
            if held_out(utterance.speaker):
                folder = utterance.path.relative_to(self.speech).parent
                speakers.setdefault(folder.parts[0] if folder.parts else ".", set()).add(utterance.speaker)
        most = max(sorted(speakers), key=lambda name: len(speakers[name]), default=".")
        return TrainingFolders(speech=self.speech / most)

    def sounds(self, *, held: bool) -> Sounds:
        """Noise, music and rooms, to train on or to measure with. Raises SpeechError for a folder without audio."""
        return Sounds.load(self.noise, self.music, self.rooms, held)

    def used(self, files_of: Mapping[str, int]) -> list[Utterance]:
        """The files trained on: of each speaker as many as `files_of` says, and the sounds that are not held out."""
        left = dict(files_of)
        used = []
        for utterance in find_speech(self.speech):
            if left.get(utterance.speaker, 0) > 0:
                left[utterance.speaker] -= 1
                used.append(utterance)
        noises = find_speech(self.noise) if self.noise else []
        if len(noises) >= LEAST_FILES:
            noises = [n for n in noises if not held_out(n.path.stem)]
        others = [u for folder in (self.music, self.rooms) if folder for u in find_speech(folder)]
        return [*used, *noises, *others]


def check_count(voices: int, speech: Path) -> None:
    """Raises SpeechError where there are too few voices to train on."""
    if voices < LEAST_VOICES:
        raise SpeechError(
            f"{voices} of the speakers in {speech} can be trained on, {LEAST_VOICES} are needed: give more speakers, "
            f"with {LEAST_S:g} s of speech or more each"
        )


def files_of(voices: Iterable[Voice]) -> dict[str, int]:
    """How many files of each speaker are in memory."""
    return {voice.name: len(voice.speech) for voice in voices}


def half_of(name: str) -> int:
    """The half, 0 or 1, that a voice is in, by a digest of its name."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2


def halves(voices: Voices) -> tuple[Voices, Voices]:
    """The two halves of the voices. Raises SpeechError where one has fewer than three."""
    made = tuple(Voices(tuple(v for v in voices if half_of(v.name) == half)) for half in (0, 1))
    check_halves([voice.name for voice in voices])
    return made[0], made[1]


def check_halves(names: Sequence[str]) -> None:
    """Raises SpeechError where a half of the voices has fewer than three."""
    least = min(sum(half_of(name) == half for name in names) for half in (0, 1))
    if least < LEAST_VOICES:
        raise SpeechError(
            f"{len(names)} voices to train on, too few to halve by a digest of the name ({least} in one half, "
            f"{LEAST_VOICES} are needed): give more speakers"
        )


def usable(device: str) -> str:
    """The device, cpu or cuda. Raises FitError where it is not there."""
    if device not in {"cpu", "cuda"}:
        raise FitError(f"device {device!r} is not known: give cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise FitError("no CUDA device on this machine: give --device cpu")
    return device
