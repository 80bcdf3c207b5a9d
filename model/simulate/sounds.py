"""What lies under the speech: noise and music from folders, coloured noise, and recorded room responses."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from model.simulate.phrases import SAMPLE_RATE_HZ, Float32, levels_db
from model.simulate.rooms import recorded_response
from model.speech_audio import find_speech, held_out, read_audio

Random = np.random.Generator
_HELD_SHARE: Final = 1 / 3
_ACTIVE_UNDER_PEAK_DB: Final = 25.0
_LONGEST_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Sounds:
    """Noises, music and room responses, float32 at 24 kHz; without any, coloured noise and image rooms serve."""

    noises: tuple[Float32, ...] = ()
    music: tuple[Float32, ...] = ()
    rooms: tuple[Float32, ...] = ()

    @staticmethod
    def load(
        noise: Path | None = None, music: Path | None = None, rooms: Path | None = None, held: bool | None = None
    ) -> "Sounds":
        """The sounds of folders. Raises SpeechError for a folder without audio.

        held: None for all; True and False for two parts that share nothing, one file in seven by its name against the
        rest. Of music, and where a folder has under 14 files, the last third of each file against the rest.
        """
        return Sounds(
            _load(noise, held, by_file=True),
            _load(music, held, by_file=False),
            tuple(recorded_response(r) for r in _load(rooms, None, by_file=True)),
        )

    def noise(self, random: Random, samples: int, *, coloured: bool = False) -> Float32:
        """Noise float32 [samples] at an active level of 1: out of the folder unless `coloured` or there is none."""
        if coloured or not self.noises:
            return coloured_noise(random, samples)
        return _passage(random, self.noises, samples)

    def song(self, random: Random, samples: int) -> Float32:
        """Music float32 [samples] at an active level of 1; chords of pure tones where there is no folder."""
        return _passage(random, self.music, samples) if self.music else _chords(random, samples)


def _load(folder: Path | None, held: bool | None, *, by_file: bool) -> tuple[Float32, ...]:
    if folder is None:
        return ()
    found = find_speech(folder)
    by_file = by_file and len(found) >= 14
    if held is not None and by_file:
        found = [f for f in found if held_out(f.path.stem) == held] or found
    sounds = [read_audio(f.path) for f in found]
    if held is not None and not by_file:
        cuts = [int(s.size * (1 - _HELD_SHARE)) for s in sounds]
        sounds = [s[cut:] if held else s[:cut] for s, cut in zip(sounds, cuts, strict=True)]
    longest = int(_LONGEST_S * SAMPLE_RATE_HZ)
    return tuple(s[:longest] for s in sounds if s.size > 100 and float(np.abs(s).max()) > 1e-4)


def _passage(random: Random, sounds: Sequence[Float32], samples: int) -> Float32:
    """One sound from a random place on, repeated as often as need be."""
    sound = sounds[int(random.integers(len(sounds)))]
    start = int(random.integers(sound.size))
    out = np.resize(np.roll(sound, -start), samples).astype(np.float32)
    return out / np.float32(max(active_level(out), 1e-6))


def active_level(audio: Float32) -> float:
    """RMS over the 10-ms frames that are within 25 dB of the loudest: what a bark has, not the quiet after it."""
    level_db = levels_db(audio)
    if not level_db.size:
        return 0.0
    frames = np.square(audio[: level_db.size * 240].reshape(-1, 240)).mean(axis=1)
    return float(np.sqrt(frames[level_db > level_db.max() - _ACTIVE_UNDER_PEAK_DB].mean()))


def coloured_noise(random: Random, samples: int) -> Float32:
    """Noise float32 [samples], RMS 1, falling by a random 0 to 9 dB per octave above 60 Hz."""
    size = samples + samples % 2
    spectrum = np.fft.rfft(random.standard_normal(size, np.float32))
    hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ).astype(np.float32)
    slope = random.uniform(0.0, 9.0) / 6.02
    shaped = np.fft.irfft(spectrum * np.maximum(hz, 60.0) ** np.float32(-slope), size)[:samples].astype(np.float32)
    return shaped / np.float32(max(float(np.sqrt(np.square(shaped).mean())), 1e-12))


def _chords(random: Random, samples: int) -> Float32:
    """Three-note chords of six harmonics, two seconds each, RMS 1."""
    time_s = np.arange(samples, dtype=np.float32) / SAMPLE_RATE_HZ
    out = np.zeros(samples, np.float32)
    for start in range(0, samples, 2 * SAMPLE_RATE_HZ):
        at = time_s[start : start + 2 * SAMPLE_RATE_HZ]
        root_hz = 110.0 * 2.0 ** (int(random.integers(24)) / 12)
        envelope = np.sin(np.pi * np.arange(at.size, dtype=np.float32) / at.size) ** 0.5
        for ratio in (1.0, 1.26, 1.5):
            for harmonic in range(1, 7):
                out[start : start + at.size] += (
                    envelope * np.sin(2 * np.pi * root_hz * ratio * harmonic * at) / harmonic
                )
    return out / np.float32(max(float(np.sqrt(np.square(out).mean())), 1e-6))
