"""Training recipe of the speaker embedding: voices told apart under any microphone, room and line.

Crops are made in the mel power domain, where a microphone is a factor per band, noise and a second voice a sum, and a
room a decaying tail; that is a thousand times faster than audio and near enough. Two voices make a recording: they
share microphone and line, and the recording's mean is taken off, as it is when the embedding is used.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray
from torch import Tensor, nn

from model.codec_dsp import mel_filters
from model.fit_data import WholeBatches
from model.speaker.net import BANDS, EMBEDDING, FLOOR, HOP, MelPower, SpeakerNet
from model.speech_audio import SAMPLE_RATE_HZ, find_speech, held_out, read_audio

Float32 = NDArray[np.float32]
Float = NDArray[np.floating]
Random = np.random.Generator

SPEEDS: Final = (1.0, 0.89, 1.12)  # each makes voices of its own (Ko et al. 2015; Povey's speaker recipe)
MARGIN: Final = 0.2
SCALE: Final = 24.0
CROWDS: Final = frozenset({"commands"})  # folders whose one name stands for many speakers
LONGEST_S: Final = 150.0  # of one speaker


def speech_of(folder: Path, held: bool) -> dict[str, list[Float32]]:
    """Mel power [N, 68] of each utterance, by speaker; held-out speakers or the others."""
    mel = MelPower()
    found: dict[str, list[Float32]] = {}
    length: dict[str, float] = {}
    for utterance in find_speech(folder):
        name = utterance.speaker
        if held_out(name) != held or utterance.path.parent.name in CROWDS or length.get(name, 0.0) > LONGEST_S:
            continue
        audio = torch.from_numpy(read_audio(utterance.path)[: int(LONGEST_S * SAMPLE_RATE_HZ)])
        length[name] = length.get(name, 0.0) + audio.shape[0] / SAMPLE_RATE_HZ
        for speed in (1.0,) if held else SPEEDS:
            sound = audio if speed == 1.0 else torchaudio.functional.resample(audio, round(speed * 24_000), 24_000)
            sound = sound[: sound.shape[0] // HOP * HOP]
            power = trim(mel(sound).numpy())
            if power.shape[0] >= 100:
                found.setdefault(name if speed == 1.0 else f"{name} x{speed}", []).append(power)
    return found


def trim(power: Float32) -> Float32:
    """The frames within 35 dB of the loud ones: no silences, so that every crop is speech."""
    level = power.sum(1)
    loud: Float32 = power[level > np.quantile(level, 0.95) * 10**-3.5]
    return loud


@dataclass(slots=True)
class SpeakerRecipe(WholeBatches[tuple[Tensor, Tensor]]):
    """Additive angular margin over the training voices. voices: mel power by name; noises: mel power [N, 68]."""

    voices: dict[str, list[Float32]]
    noises: list[Float32]
    batch: int = 40
    net: nn.Module = field(init=False)
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        """Network and classifier."""
        self.names = sorted(self.voices)
        self.net = nn.ModuleDict({"speaker": SpeakerNet(), "voices": nn.Linear(EMBEDDING, len(self.names), False)})

    def make(self, random: Random, share_done: float) -> tuple[Tensor, Tensor]:
        """Crops of one length, see `crops`."""
        return self.crops(random, int(random.integers(80, 260)))

    def loss(self, batch: tuple[Tensor, Tensor], share_done: float) -> tuple[Tensor, dict[str, float]]:
        """Cross entropy with the margin, which grows over the first fifth."""
        device = next(self.net.parameters()).device
        crops, labels = (t.to(device) for t in batch)
        embedded = self.net["speaker"](crops)  # type: ignore[index]
        weight = nn.functional.normalize(self.net["voices"].weight, dim=1)  # type: ignore[index]
        cosine = (embedded @ weight.T).clamp(-1 + 1e-6, 1 - 1e-6)
        margin = MARGIN * min(1.0, share_done / 0.2)
        hit = nn.functional.one_hot(labels, len(self.names)).bool()
        logits = SCALE * torch.where(hit, torch.cos(torch.acos(cosine) + margin), cosine)
        right = (cosine.argmax(1) == labels).float().mean()
        return nn.functional.cross_entropy(logits, labels), {"right": float(right)}

    def crops(self, random: Random, frames: int) -> tuple[Tensor, Tensor]:
        """Log-mel [batch, frames, 68] and voices [batch]; crops 2 i and 2 i + 1 are one recording."""
        labels = random.choice(len(self.names), self.batch, replace=False)
        made = []
        for i in range(0, self.batch, 2):
            pair = [cut(self.voices[self.names[label]], frames, random) for label in labels[i : i + 2]]
            made.append(recording(np.stack(pair), self.noises, random, masked=True))
        return torch.from_numpy(np.concatenate(made)), torch.from_numpy(labels)


def cut(utterances: list[Float32], frames: int, random: Random) -> Float32:
    """A crop [frames, 68] of a voice, at a mean power of 1."""
    power = utterances[int(random.integers(len(utterances)))]
    while power.shape[0] < frames:
        power = np.concatenate([power, power])
    start = int(random.integers(0, power.shape[0] - frames + 1))
    crop = power[start : start + frames]
    level = np.float32(max(float(crop.sum(1).mean()), FLOOR))
    out: Float32 = crop / level
    return out


def recording(pair: Float, noises: list[Float32], random: Random, *, masked: bool = False) -> Float32:
    """Two voices [2, N, 68] under one microphone, line, room and noise: log-mel less the recording's mean."""
    frames = pair.shape[1]
    pair = pair * (10.0 ** (random.normal(0.0, 4.0, (2, 1, 1)) / 10))
    if random.random() < 0.4:  # a stretch of the other voice
        size = int(random.integers(frames // 8, frames // 2))
        at = int(random.integers(0, frames - size))
        pair[0, at : at + size] += 10.0 ** random.uniform(-2.0, 0.3) * pair[1, at : at + size][::-1]
    if random.random() < 0.4:
        pair = _room(pair, random)
    if random.random() < 0.6:
        noise = cut(noises, frames, random) if noises and random.random() < 0.7 else _steady(frames, random)
        pair = pair + noise * 10.0 ** random.uniform(-3.5, -0.3)
    shared = _curve(random, 6.0)
    own = np.stack([_curve(random, 1.5), _curve(random, 1.5)])[:, None]  # a mouth turns, a handset moves
    pair = pair * 10.0 ** ((shared + own) / 10)
    level = pair.sum(2).mean()
    pair = pair / level
    if random.random() < 0.5:
        pair = pair * _telephone(random)
    log = np.log(pair + 10.0 ** random.uniform(-7.0, -4.5) / BANDS)
    log -= log.mean((0, 1), keepdims=True)
    if masked and random.random() < 0.6:  # bands that are not heard (Park et al. 2019)
        low = int(random.integers(0, BANDS - 4))
        log[..., low : low + int(random.integers(3, 16))] = 0.0
    out: Float32 = log.astype(np.float32)
    return out


def _curve(random: Random, spread_db: float) -> Float32:
    """A smooth random frequency response in dB, [68]."""
    points = random.normal(0.0, spread_db, 7)
    return np.interp(np.linspace(0, 6, BANDS), np.arange(7), points).astype(np.float32)


def _steady(frames: int, random: Random) -> Float32:
    """A steady noise with a random slope, [N, 68], mean power 1."""
    noise = random.exponential(1.0, (frames, BANDS)) * 10.0 ** (_curve(random, 6.0) / 10)
    out: Float32 = (noise / noise.sum(1).mean()).astype(np.float32)
    return out


def _room(pair: Float, random: Random) -> Float:
    """An exponential tail of 0.2 to 0.9 s at -3 to -15 dB."""
    decay = math.exp(-13.8 / (random.uniform(0.2, 0.9) * 100))
    tail = np.empty_like(pair)
    held = np.zeros_like(pair[:, 0])
    for n in range(pair.shape[1]):
        held = decay * held + (1 - decay) * pair[:, n]
        tail[:, n] = held
    out: Float = pair + tail * np.float32(10.0 ** random.uniform(-1.0, 0.6))
    return out


def _telephone(random: Random) -> Float32:
    """Gain of each band on a telephone line, [68]."""
    bands_hz = _centres()
    low = random.uniform(100, 300)
    gain = 1 / (1 + np.exp(-(bands_hz - low) / 25)) / (1 + np.exp((bands_hz - random.uniform(3_300, 3_800)) / 60))
    out: Float32 = (gain + 1e-8).astype(np.float32)
    return out


def _centres() -> Float32:
    """Centre frequency of each band in Hz."""
    filters = mel_filters(513, 80)[:, :BANDS].numpy()
    hz = np.linspace(0.0, SAMPLE_RATE_HZ / 2, 513)
    out: Float32 = ((filters * hz[:, None]).sum(0) / filters.sum(0)).astype(np.float32)
    return out


def equal_error(net: SpeakerNet, voices: dict[str, list[Float32]], frames: int = 200, seed: int = 0) -> float:
    """Equal error rate between crops of held-out voices, each pair as one recording with its own conditions."""
    random = np.random.default_rng(seed)
    names = sorted(voices)
    same, other = [], []
    net.eval()
    with torch.inference_mode():
        for _ in range(400):
            a, b = random.choice(len(names), 2, replace=False)
            pair = np.stack([cut(voices[names[i]], 2 * frames, random) for i in (a, b)])
            log = torch.from_numpy(recording(pair, [], random))
            e = net(torch.cat([log[:, :frames], log[:, frames:]]))
            same += [float(e[0] @ e[2]), float(e[1] @ e[3])]
            other += [float(e[0] @ e[3]), float(e[1] @ e[2])]
    scores = np.concatenate([same, other])
    truth = np.concatenate([np.ones(len(same)), np.zeros(len(other))])[np.argsort(scores)]
    misses, false = np.cumsum(truth) / truth.sum(), 1 - np.cumsum(1 - truth) / (1 - truth).sum()
    at = int(np.argmin(np.abs(misses - false)))
    return float((misses[at] + false[at]) / 2)
