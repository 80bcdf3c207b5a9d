"""Made-up voices and a stand-in network, for the enhancer's tests."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.enhancer.net import Enhancer
from model.enhancer.sounds import Material
from model.simulate.phrases import Speech
from model.simulate.sounds import Sounds
from model.simulate.timing import TimingModel
from model.simulate.voices import Voice, Voices

Float32 = NDArray[np.float32]
RATE = 24_000


def _voice(length_s: float, seed: int = 0, gap_s: float = 0.3) -> Float32:
    """Bursts of a gliding harmonic sound with silence between them, active at about -26 dB."""
    random = np.random.default_rng(seed)
    seconds = np.arange(int(length_s * RATE)) / RATE
    pitch_hz = random.uniform(100, 200) * 2 ** (0.2 * np.sin(2 * np.pi * 0.7 * seconds))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE
    tone = sum(np.sin(k * phase) / k for k in range(1, 20))
    period_s = 1.0 + gap_s
    gate = np.clip(10 * (1.0 - (seconds + random.random()) % period_s), 0, 1) * np.clip(
        10 * ((seconds + random.random()) % period_s), 0, 1
    )
    out: Float32 = (tone / tone.std() * gate * 0.05).astype(np.float32)
    return out


@pytest.fixture(scope="session")
def voice() -> Callable[..., Float32]:
    """(seconds, seed=0, gap_s=0.3) -> speech-like float32 at 24 kHz."""
    return _voice


@pytest.fixture(scope="session")
def material() -> Material:
    """Four voices, a noise and a tone: a minute in all."""
    random = np.random.default_rng(5)
    voices = []
    for seed in range(4):
        pcm = (_voice(8.0, seed) * 32_767).astype(np.int16)
        spans = np.array([(at, at + RATE) for at in range(0, 7 * RATE, 5 * RATE // 4)], np.int64)
        voices.append(Voice(f"v{seed}", 150.0, (Speech(pcm, spans),)))
    noise = random.standard_normal(5 * RATE).astype(np.float32)
    tone = (np.sqrt(2) * np.sin(2 * np.pi * 523 * np.arange(9 * RATE) / RATE)).astype(np.float32)
    room = np.zeros(2_000, np.float32)
    room[[0, 700]] = (0.9, 0.4)
    sounds = Sounds(noises=(noise,), music=(tone,), rooms=(room,))
    return Material(voices=Voices(tuple(voices)), timing=TimingModel.builtin(), sounds=sounds)


@pytest.fixture(scope="session")
def net() -> Enhancer:
    """The network with random weights."""
    torch.manual_seed(3)
    return Enhancer().eval().requires_grad_(False)


@pytest.fixture(scope="session")
def lowpass() -> torch.nn.Module:
    """Stands for a good network where noise lies above 6 kHz: takes that out, and 3 % of the rest."""

    class Lowpass(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.share = torch.nn.Parameter(torch.tensor(0.97), requires_grad=False)

        def forward(self, audio: torch.Tensor) -> torch.Tensor:
            spectrum = torch.fft.rfft(audio)
            spectrum[:, spectrum.shape[1] // 2 :] = 0
            return torch.fft.irfft(spectrum, audio.shape[1]) * self.share

    return Lowpass()
