"""Voices made here: tone voices whose every sample tells whose it is, and a folder of buzzing speakers."""

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.simulate.phrases import SAMPLE_RATE_HZ, Speech
from model.simulate.voices import Voice, Voices

TONES_HZ = (440.0, 1_000.0, 1_700.0, 2_300.0, 3_100.0)


def _tone_voice(number: int, seconds: float = 120.0) -> Voice:
    """Phrases of 0.5 to 3 s of one tone, pauses of 0.3 s between them; a little noise makes every sample its own."""
    random = np.random.default_rng(number)
    size = int(seconds * SAMPLE_RATE_HZ)
    tone = 0.2 * np.sin(2 * np.pi * TONES_HZ[number] * np.arange(size) / SAMPLE_RATE_HZ)
    audio = ((tone + random.normal(0.0, 1e-4, size)) * 32_767).astype(np.int16)
    spans, at = [], 2_400
    while at < size - 3 * SAMPLE_RATE_HZ:
        end = at + int(random.uniform(0.5, 3.0) * 100) * 240
        spans.append((at, end))
        audio[end : end + 7_200] = 0
        at = end + 7_200
    pitch_hz = 110.0 if number % 2 == 0 else 210.0
    return Voice(f"tone{number}", pitch_hz, (Speech(audio, np.array(spans, np.int64)),), "CC0-1.0")


@pytest.fixture(scope="session")
def tone_voices() -> Voices:
    """Five voices, each one tone: 440, 1000, 1700, 2300, 3100 Hz; those with even numbers are low."""
    return Voices(tuple(_tone_voice(number) for number in range(len(TONES_HZ))))


@pytest.fixture(scope="session")
def tone_voice() -> Callable[[int, float], Voice]:
    """tone_voice(number, seconds)."""
    return _tone_voice


def buzz(pitch_hz: float, seconds: float, seed: int) -> np.ndarray:
    """int16 [S]: stretches of a pulse train through two resonances, 0.4 to 1.6 s, with pauses of 0.3 to 0.6 s."""
    random = np.random.default_rng(seed)
    size = int(seconds * SAMPLE_RATE_HZ)
    time_s = np.arange(size) / SAMPLE_RATE_HZ
    hz = pitch_hz * (1 + 0.05 * np.sin(2 * np.pi * 0.7 * time_s))
    phase = np.cumsum(hz) / SAMPLE_RATE_HZ
    sound = sum(np.sin(2 * np.pi * k * phase) / (1 + abs(k * pitch_hz - 600) / 300) for k in range(1, 12))
    gate, at = np.zeros(size), 4_800
    while at < size:
        length = int(random.uniform(0.4, 1.6) * SAMPLE_RATE_HZ)
        gate[at : at + length] = 1.0
        at += length + int(random.uniform(0.3, 0.6) * SAMPLE_RATE_HZ)
    gate = np.convolve(gate, np.hanning(480) / np.hanning(480).sum(), mode="same")
    out = 0.1 * sound * gate + 1e-5 * random.standard_normal(size)
    return (out * 32_767).astype("<i2")


@pytest.fixture(scope="session")
def speech_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four speakers of 24 s, a folder each: two at 110 and 130 Hz, two at 200 and 230 Hz."""
    folder = tmp_path_factory.mktemp("speech")
    for number, pitch_hz in enumerate((110.0, 130.0, 200.0, 230.0)):
        (folder / f"speaker{number}").mkdir()
        for part in range(2):
            with wave.open(str(folder / f"speaker{number}" / f"{part}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(SAMPLE_RATE_HZ)
                file.writeframes(buzz(pitch_hz, 12.0, 10 * number + part).tobytes())
    return folder
