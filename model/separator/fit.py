"""Training recipe of the separator: two simulated voices over each other, each known by other solo speech.

A step takes a few made recordings. In each, both voices first speak alone (the examples come from there, with a
little of the wrong voice, as a diarization leaves it), then over one another in many ways, all in one scene.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.separator.exemplars import Examples, choose, explain
from model.separator.net import SPANS, SeparatorNet
from model.separator.spectrum import BINS, HOP, SAMPLE_RATE_HZ, looked_at, spectrum
from model.simulate.acoustics import hear
from model.simulate.conversation import audible
from model.simulate.scene import draw_scene
from model.simulate.sounds import Sounds
from model.simulate.voices import Voice, Voices
from model.speaker.net import MelPower, SpeakerNet

Float32 = NDArray[np.float32]
Random = np.random.Generator

WINDOWS: Final = 4  # of a recording in a batch
WINDOW_S: Final = 4.0
UPDATES: Final = 10
STRANGER: Final = 0.25  # of the recordings have a third voice, which is neither speaker's
DENSE: Final = 0.5  # of the windows; in the others the two exchange turns as people do
_HOP_10_MS: Final = 240
_ALONE_WEIGHT: Final = 0.1  # frames in which one speaks count so much for the mask


@dataclass(frozen=True, slots=True)
class Batch:
    """Mixture complex [B, T, 320], images complex [B, 2, T, 320], speech [B, T, 2], likeness [B, T, 4], level [B]."""

    mixture: Tensor
    images: Tensor
    speech: Tensor
    likeness: Tensor
    first: Examples
    second: Examples
    level: Tensor


@dataclass(slots=True)
class SeparatorRecipe:
    """What a step needs; `recordings` of WINDOWS windows each make a batch.

    voices, speakers: parts of the voices, each with an embedding that was not trained on it, so that the likeness is
    as it will be with strangers.
    """

    voices: tuple[Voices, ...]
    speakers: tuple[SpeakerNet, ...]
    sounds: Sounds
    recordings: int = 2
    net: SeparatorNet = field(default_factory=SeparatorNet)

    def loss(self, random: Random, share_done: float) -> tuple[Tensor, dict[str, float]]:
        """Error of the masked mixture in dB and in compressed magnitudes, and cross entropy of speech."""
        made = []
        for _ in range(self.recordings):
            part = int(random.integers(len(self.voices)))
            made.append(record(self.voices[part], self.speakers[part], self.sounds, random))
        return losses(self.net, made)


def losses(net: SeparatorNet, made: list[Batch]) -> tuple[Tensor, dict[str, float]]:
    """See SeparatorRecipe.loss."""
    device = net.mask.weight.device
    parts = [explain(b.mixture.abs(), b.first, b.second, UPDATES) for b in made]
    first, second = (torch.cat(side).to(device) for side in zip(*parts, strict=True))
    names = ("mixture", "images", "speech", "likeness", "level")
    mixture, images, speech, like, level = (torch.cat([getattr(b, n) for b in made]).to(device) for n in names)
    logits, active = net(mixture.abs(), first, second, like, level)
    share = torch.sigmoid(logits)
    made_B2TF = torch.stack([mixture * share, mixture * (1 - share)], 1)
    both = speech.prod(2)
    weight = (both + _ALONE_WEIGHT * (1 - both))[:, None, :, None]
    error = (weight * (made_B2TF - images).abs().square()).sum((2, 3))
    power = (weight * images.abs().square()).sum((2, 3))
    floor = 1e-3 * power.sum(1, keepdim=True) + 1e-12
    enough = (both.sum(1, keepdim=True) > 10).float()
    db = 10 * torch.log10((error + floor) / (power + floor))
    db_mean = (db * enough).sum() / (2 * enough.sum()).clamp(min=1.0)
    compressed = (weight * ((made_B2TF.abs() + 1e-5).sqrt() - (images.abs() + 1e-5).sqrt()).square()).sum()
    compressed = compressed / (weight * images.abs()).sum().clamp(min=1e-6)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(active, speech)
    return db_mean + 10 * compressed + 3 * entropy, {
        "db": float(db_mean.detach()),
        "compressed": float(compressed.detach()),
        "speech": float(entropy.detach()),
    }


def record(voices: Voices, speaker: SpeakerNet, sounds: Sounds, random: Random) -> Batch:
    """One made recording of two voices, at times with a stranger among them."""
    stranger = random.random() < STRANGER
    count = round(float(random.uniform(3.0, 9.0)) * SAMPLE_RATE_HZ / HOP) * HOP
    channels = spoken(voices.draw(random, 2 + stranger), count, random)
    activity = audible(channels)
    heard = hear(channels, activity, draw_scene(random, "train"), sounds, random)
    activity &= audible(heard.channels)  # what the line lets through
    mixture = torch.from_numpy(heard.mixture)
    start = 2 * count
    level = looked_at(spectrum(mixture[None, :start])).abs().mean((1, 2)) + 1e-9
    solo = taken_alone(count // HOP, random)
    examples = int(random.integers(60, 180))
    frames = [np.flatnonzero(mask) for mask in solo]
    first, second = (_repeated(choose(heard.mixture, f, examples, random)) for f in frames)
    cut = torch.stack([mixture[start:], *torch.from_numpy(heard.images[:2, start:])]).view(3 * WINDOWS, -1)
    spectra = looked_at(spectrum(cut)).view(3, WINDOWS, -1, BINS)
    said_by = activity[:2, start // _HOP_10_MS :].reshape(2, WINDOWS, -1)[..., ::2].astype(np.float32)
    speech = torch.nn.functional.pad(torch.from_numpy(said_by), (0, 1), mode="replicate").permute(1, 2, 0)
    like = likeness(speaker, mixture, np.logical_or.reduce(activity), solo).view(WINDOWS, -1, 4)
    like = torch.nn.functional.pad(like.transpose(1, 2), (0, 1), mode="replicate").transpose(1, 2)
    return Batch(spectra[0], spectra[1:].transpose(0, 1), speech, like, first, second, level.expand(WINDOWS))


def spoken(speakers: Sequence[Voice], count: int, random: Random) -> Float32:
    """Dry channels: `count` samples of the first speaker alone, as many of the second, then windows of all."""
    window = round(WINDOW_S * SAMPLE_RATE_HZ)
    channels = np.zeros((len(speakers), 2 * count + WINDOWS * window), np.float32)
    phrases = []
    for c, voice in enumerate(speakers):
        alone, rest = said(voice, count, random)
        phrases.append(rest)
        if c < 2:
            channels[c, c * count : (c + 1) * count] = alone
    for start in range(2 * count, channels.shape[1], window):
        dense = random.random() < DENSE
        made = [turns(p, window, random) for p in phrases[:2]] if dense else exchange(phrases[:2], window, random)
        channels[:2, start : start + window] = made
        if len(speakers) > 2 and random.random() < 0.5:
            at, size = int(random.integers(0, window // 2)), int(random.integers(window // 8, window // 2))
            channels[:2, start + at : start + at + size] *= float(random.random() < 0.3)
            channels[2, start + at : start + at + size] = turns(phrases[2], window, random)[:size]
    return channels


def exchange(phrases: Sequence[list[Float32]], count: int, random: Random) -> list[Float32]:
    """`count` samples in which one speaker hands over to the other, near enough, and is heard out, or not quite."""
    out = [np.zeros(count, np.float32) for _ in range(2)]
    first = int(random.integers(2))
    change = int(random.uniform(-0.2, 1.2) * count)
    for c, (start, end) in ((first, (0, change)), (1 - first, (change, count))):
        shift = int(random.normal(0.1, 0.4) * SAMPLE_RATE_HZ) if c != first else 0
        low, high = max(0, start + shift), min(count, end)
        if low < high:
            out[c][low:high] = turns(phrases[c], count, random, talkative=0.3)[: high - low]
    if random.random() < 0.4:
        c = int(random.integers(2))
        size = int(random.uniform(0.2, 1.0) * SAMPLE_RATE_HZ)
        at = int(random.integers(0, count - size))
        phrase = phrases[c][int(random.integers(len(phrases[c])))][:size]
        out[c][at : at + size] = np.pad(phrase, (0, size - phrase.size))
    return out


def _repeated(examples: Examples) -> Examples:
    return Examples(examples.bands.expand(WINDOWS, -1, -1), examples.bins.expand(WINDOWS, -1, -1))


def taken_alone(frames: int, random: Random) -> NDArray[np.bool_]:
    """Which of the first `2 frames` frames pass for each speaker's solo speech, [2, 2 frames]; some wrongly."""
    solo = np.zeros((2, 2 * frames), np.bool_)
    solo[0, :frames] = solo[1, frames:] = True
    if random.random() < 0.4:
        size = int(random.uniform(0.03, 0.2) * frames)
        for at in random.integers(0, frames - size, 2) + np.array([0, frames]):
            solo[:, at : at + size] = solo[::-1, at : at + size]
    return solo


@torch.no_grad()
def likeness(speaker: SpeakerNet, mixture: Tensor, speech: NDArray[np.bool_], solo: NDArray[np.bool_]) -> Tensor:
    """Likeness [T, 4] after the frames in which each voice is known. speech: per 10 ms; solo: see `taken_alone`."""
    power = MelPower()(mixture)
    heard = torch.from_numpy(speech)
    log_mel = (power + 3e-6 * power[heard].mean() + 1e-15).log()
    log_mel -= log_mel[heard].mean(0)
    frames = speaker.frames(log_mel[None])
    use = heard[::2].float()[None]
    known = solo.shape[1]
    voices = speaker.finish(torch.from_numpy(solo).float() @ speaker.weighted(frames, use)[0, :, :known].T)
    around = [speaker.follow(frames, use, span)[0, known:] @ voices.T for span in SPANS]
    return torch.stack([around[0][:, 0], around[1][:, 0], around[0][:, 1], around[1][:, 1]], 1)


def said(voice: Voice, count: int, random: Random) -> tuple[Float32, list[Float32]]:
    """`count` samples of the voice alone, with pauses, and the phrases left for the rest; at another speed."""
    speed = float(random.uniform(0.88, 1.14))
    phrases = [at_speed(p, speed) for p in voice.phrases]
    order = random.permutation(len(phrases))
    out = np.zeros(count, np.float32)
    at = used = 0
    while at < count and used < max(1, len(phrases) - 1):
        phrase = phrases[order[used]][: count - at]
        out[at : at + phrase.size] = phrase
        at += phrase.size + int(random.integers(1_000, 8_000))
        used += 1
    return out, [phrases[i] for i in order[used:]] or phrases


def turns(phrases: list[Float32], count: int, random: Random, talkative: float | None = None) -> Float32:
    """`count` samples of a voice that talks on (0), pauses, or says a little (1): phrases from random places."""
    out = np.zeros(count, np.float32)
    talkative = random.random() if talkative is None else talkative
    at = int(random.integers(-count // 2, count // 4)) if talkative < 0.6 else int(random.integers(0, count))
    longest = count if talkative < 0.8 else count // 4
    while at < count:
        phrase = phrases[int(random.integers(len(phrases)))]
        if phrase.size > longest:
            first = int(random.integers(0, phrase.size - longest + 1))
            phrase = phrase[first : first + longest]
        first, last = max(0, -at), min(phrase.size, count - at)
        if first < last:
            out[at + first : at + last] = phrase[first:last]
        at += phrase.size + int(random.exponential(0.3 + 2.0 * (talkative > 0.8)) * SAMPLE_RATE_HZ)
    return out


def at_speed(phrase: Float32, speed: float) -> Float32:
    """The phrase played faster (higher) or slower (lower)."""
    at = np.arange(0.0, phrase.size - 1, speed)
    out: Float32 = np.interp(at, np.arange(phrase.size), phrase).astype(np.float32)
    return out
