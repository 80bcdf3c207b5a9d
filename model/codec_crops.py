"""Random training crops for the codec: voices with pauses, gain, room, noise, a second voice, a telephone line.

Everything a crop holds follows from the pool and a seeded generator, so that a resumed run sees the same crops.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.codec_dsp import HOP, PITCH_BINS, PITCH_MAX_HZ, PITCH_MIN_HZ, PitchLabels
from model.speech_audio import SAMPLE_RATE_HZ, Utterance, find_speech, read_audio

Random = np.random.Generator
Sounds = list[NDArray[np.float32]]
LONGEST_S = 60.0
"""What is kept of one file at most, from a random place."""
BINS_PER_LOG = (PITCH_BINS - 1) / math.log(PITCH_MAX_HZ / PITCH_MIN_HZ)
GOOD_SIZES = sorted(int(2**a * 3**b * 5**c) for a in range(1, 20) for b in range(12) for c in range(8))


@dataclass(frozen=True, slots=True)
class Voice:
    """An utterance in memory: int16 [S], and per 240 samples its pitch bin and how clear the pitch is."""

    audio: NDArray[np.int16]
    pitch: NDArray[np.float32]
    clarity: NDArray[np.float32]


class Pool:
    """Utterances in memory, by speaker; speakers are drawn by their seconds to the power of 3/4."""

    def __init__(self, utterances: Sequence[Utterance], seed: int) -> None:
        labels = PitchLabels()
        random = np.random.default_rng(seed)
        by_speaker: dict[str, list[Voice]] = {}
        for utterance in utterances:
            voice = _load(utterance.path, labels, random)
            if voice is not None:
                by_speaker.setdefault(utterance.speaker, []).append(voice)
        self.speakers = [by_speaker[name] for name in sorted(by_speaker)]
        lengths = [np.array([v.audio.size for v in voices], np.float64) for voices in self.speakers]
        weights = np.array([w.sum() for w in lengths]) ** 0.75
        self.speaker_odds = weights / weights.sum()
        self.voice_odds = [w / w.sum() for w in lengths]

    def speech(self, count: int, random: Random) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Speech of one speaker, float32 [count], and its pitch bins and clarity, float32 [2, ceil(count / 240)]."""
        speaker = int(random.choice(len(self.speakers), p=self.speaker_odds))
        hops = -(-count // HOP)
        audio = np.zeros(hops * HOP, np.float32)
        labels = np.zeros((2, hops), np.float32)
        at = 0
        while at < hops:
            chosen = int(random.choice(len(self.speakers[speaker]), p=self.voice_odds[speaker]))
            voice = self.speakers[speaker][chosen]
            whole = voice.audio.size // HOP
            start = int(random.integers(0, max(1, whole - (hops - at) + 1)))
            size = min(hops - at, whole - start)
            piece = voice.audio[start * HOP : (start + size) * HOP]
            audio[at * HOP : (at + size) * HOP] = piece.astype(np.float32) / 32_768
            labels[0, at : at + size] = voice.pitch[start : start + size]
            labels[1, at : at + size] = voice.clarity[start : start + size]
            at += size + int(random.integers(0, 60))
        return audio[:count], labels


def _load(path: Path, labels: PitchLabels, random: Random) -> Voice | None:
    """The voice in a file, at a peak of -1 dB; None where it is shorter than 0.1 s or silent."""
    audio = read_audio(path)
    longest = int(LONGEST_S * SAMPLE_RATE_HZ)
    if audio.size > longest:
        start = int(random.integers(0, audio.size - longest))
        audio = audio[start : start + longest]
    peak = float(np.abs(audio).max()) if audio.size else 0.0
    if audio.size < SAMPLE_RATE_HZ // 10 or peak < 1e-4 or not np.isfinite(peak):
        return None
    audio = audio * (0.9 / peak)
    with torch.no_grad():
        pitch, clarity = labels(torch.from_numpy(audio)[None])
    return Voice((audio * 32_767).astype(np.int16), pitch[0].numpy(), clarity[0].numpy())


def load_sounds(folder: Path | None) -> Sounds:
    """Every sound (noise, room response) in a folder, float32 at 24 kHz, loudest sample 1; none without a folder."""
    if folder is None:
        return []
    sounds = [read_audio(u.path) for u in find_speech(folder)]
    return [s / np.abs(s).max() for s in sounds if s.size and np.abs(s).max() > 1e-4]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crops:
    """Makes batches of crops out of a pool, noises and room responses (both may be empty)."""

    pool: Pool
    noises: Sounds
    rooms: Sounds
    samples: int

    def batch(self, count: int, random: Random) -> tuple[Tensor, Tensor]:
        """Audio float32 [count, samples]; pitch bins and clarity float32 [count, 2, samples / 240]."""
        made = [self._crop(random) for _ in range(count)]
        return torch.stack([a for a, _ in made]), torch.stack([p for _, p in made])

    def _crop(self, random: Random) -> tuple[Tensor, Tensor]:
        if random.random() < 0.04:
            level = 10 ** random.uniform(-6.0, -2.5) if random.random() < 0.6 else 0.0
            hiss = random.standard_normal(self.samples, np.float32) * np.float32(level)
            return torch.from_numpy(hiss), torch.zeros(2, self.samples // HOP)
        audio, labels = self._voice(random)
        if random.random() < 0.2:
            _pause(audio, labels, random)
        if random.random() < 0.08:
            other, _ = self._voice(random)
            audio = audio + other * 10 ** random.uniform(-0.75, 0.0)
        if self.noises and random.random() < 0.12:
            audio = audio + self._noise(audio, random)
        if random.random() < 0.2:
            audio = _telephone(audio, random)
        lowest_db = -45.0 if random.random() < 0.4 else -15.0
        gain = 10 ** (random.uniform(lowest_db, 8.0) / 20) / max(float(audio.abs().max()), 1e-3)
        return (audio * gain).clamp(-1.0, 1.0), labels

    def _voice(self, random: Random) -> tuple[Tensor, Tensor]:
        """A voice at a random speed, with random equalisation and sometimes a room."""
        speed = math.exp(random.uniform(-0.16, 0.16)) if random.random() < 0.7 else 1.0
        size = _good_size(int(self.samples * speed))
        dry, labels = self.pool.speech(size, random)
        spectrum = torch.fft.rfft(torch.from_numpy(dry))
        size_after, speed = self.samples, size / self.samples
        bins = size_after // 2 + 1
        spectrum = torch.nn.functional.pad(spectrum[:bins], (0, max(0, bins - spectrum.shape[0]))) / speed
        if random.random() < 0.6:
            spectrum = spectrum * _equaliser(bins, random)
        if self.rooms and random.random() < 0.08:
            response = self.rooms[int(random.integers(len(self.rooms)))][: self.samples]
            room = torch.fft.rfft(torch.from_numpy(response), size_after)
            spectrum = spectrum * room / room.abs().square().mean().sqrt()
        audio = torch.fft.irfft(spectrum, size_after)
        at = np.minimum((np.arange(self.samples // HOP) * speed).round().astype(int), labels.shape[1] - 1)
        moved = torch.from_numpy(labels[:, at])
        moved[0] = (moved[0] + math.log(speed) * BINS_PER_LOG).clamp(0, PITCH_BINS - 1)
        return audio, moved

    def _noise(self, audio: Tensor, random: Random) -> Tensor:
        noise = self.noises[int(random.integers(len(self.noises)))]
        start = int(random.integers(noise.size))
        looped = torch.from_numpy(np.resize(np.roll(noise, -start), audio.shape[0]))
        wanted_db = random.uniform(5.0, 35.0)
        level = audio.square().mean().sqrt() / looped.square().mean().sqrt().clamp(min=1e-6)
        return looped * level * 10 ** (-wanted_db / 20)


def _good_size(size: int) -> int:
    """The smallest even size from `size` on whose transform is fast."""
    return GOOD_SIZES[bisect_left(GOOD_SIZES, size)]


def _equaliser(bins: int, random: Random) -> Tensor:
    """Smooth random gains [bins]: a tilt and a few broad bumps of up to some 6 dB."""
    knots_db = torch.from_numpy(np.cumsum(random.normal(0.0, 2.0, 8)).astype(np.float32))
    curve = torch.nn.functional.interpolate((knots_db - knots_db.mean())[None, None], bins, mode="linear")
    return 10 ** (curve[0, 0].clamp(-15, 15) / 20)


def _pause(audio: Tensor, labels: Tensor, random: Random) -> None:
    """Silence a stretch of 0.4 s up to all but a second, in place."""
    hops = labels.shape[1]
    size = int(random.integers(min(40, hops // 4), hops // 2 + 1))
    start = int(random.integers(0, hops - size))
    residue = 0.0 if random.random() < 0.5 else 10 ** random.uniform(-4.0, -2.0)
    audio[start * HOP : (start + size) * HOP] *= residue
    labels[1, start : start + size] = 0.0


def _telephone(audio: Tensor, random: Random) -> Tensor:
    """Through 8 kHz sampling, mostly 300 to 3,400 Hz, sometimes mu-law."""
    spectrum = torch.fft.rfft(audio)
    hz = torch.linspace(0.0, SAMPLE_RATE_HZ / 2, spectrum.shape[0])
    low, high = (random.uniform(150, 300), random.uniform(3_300, 3_600)) if random.random() < 0.7 else (0.0, 3_900.0)
    band = torch.sigmoid((hz - low) / 25.0) * torch.sigmoid((high - hz) / 40.0)
    out: Tensor = torch.fft.irfft(spectrum * band, audio.shape[0])
    if random.random() < 0.3:
        scaled = out / out.abs().max().clamp(min=1e-3)
        coded = (torch.sign(scaled) * torch.log1p(255 * scaled.abs()) / math.log(256) * 127).round() / 127
        out = torch.sign(coded) * torch.expm1(coded.abs() * math.log(256)) / 255
    return out
