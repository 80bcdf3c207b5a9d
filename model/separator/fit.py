"""Training recipe of the separator: simulated conversations, in which each voice is known by its solo speech.

A step takes windows of different conversations, with more overlap than is natural in four of ten. What is known of
the two speakers comes from the same conversation, with some of the faults that a diarization has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.fitting import bfloat16_where_fast
from model.segmentation.scenes import dense, quick
from model.separator.exemplars import choose, explain
from model.separator.net import SPANS, TURNED_LIKENESS, SeparatorNet, states
from model.separator.spectrum import BINS, HOP, looked_at, spectrum
from model.simulate.conversation import Simulated, simulate
from model.simulate.scene import draw_scene
from model.simulate.sounds import Sounds
from model.simulate.timing import TimingModel
from model.simulate.voices import Pair, Voices
from model.speaker.net import FRAME_RATE_HZ, MelPower, SpeakerNet
from model.speech import runs

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]
Random = np.random.Generator

LENGTH_S: Final = 24.0  # of a conversation
WINDOW_S: Final = 4.0
EXAMPLES: Final = (80, 300)  # of each voice, from and to
UPDATES: Final = (8, 20)
NEED_S: Final = 9.0  # of speech that a voice has
LEAST_ALONE: Final = 100  # frames of 10 ms
LEAST_EXAMPLES: Final = 40  # frames of 20 ms
PARTS: Final = 3  # of a conversation; each is explained by the others
STRANGER: Final = 0.2  # of the conversations have a third voice, which is neither speaker's
SAME: Final = 0.35  # are pairs of like pitch
NATURAL: Final = TimingModel.builtin()
TIMINGS: Final = (dense(NATURAL), quick(NATURAL), NATURAL)
SHARES: Final = (0.32, 0.08, 0.6)
_ALONE_WEIGHT: Final = 0.1  # frames in which one speaks count so much for the mask
_DB_WEIGHT: Final = 0.3
_COMPRESSED_WEIGHT: Final = 3.0
_SPEECH_WEIGHT: Final = 15.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Of windows, in the order of SeparatorNet's arguments what it is given, and what it should find.

    mixture: complex [B, T, 320]. explained: by each voice's examples, [B, 2, T, 320]. likeness: [B, T, 4].
    level: [B]. images: complex [B, 2, T, 320]. speech: [B, T, 2].
    """

    mixture: Tensor
    explained: Tensor
    likeness: Tensor
    level: Tensor
    images: Tensor
    speech: Tensor

    def window(self, number: int, turned: bool) -> "Batch":
        """One window, without the dimension B; turned: the second speaker is the first."""
        order = [1, 0] if turned else [0, 1]
        return Batch(
            self.mixture[number],
            self.explained[number, order],
            self.likeness[number][:, TURNED_LIKENESS if turned else slice(None)],
            self.level[number],
            self.images[number, order],
            self.speech[number][:, order],
        )

    def to(self, device: torch.device) -> "Batch":
        """On that device."""
        return Batch(*(getattr(self, f.name).to(device) for f in fields(self)))


@dataclass(slots=True)
class SeparatorRecipe:
    """What a step needs. A part of a batch is a conversation, of which a batch has a window.

    voices, speakers: parts of the voices, each with an embedding that was not trained on it, so that the likeness is
    as it will be with strangers.
    """

    voices: tuple[Voices, ...]
    speakers: tuple[SpeakerNet, ...]
    sounds: Sounds
    net: SeparatorNet = field(default_factory=SeparatorNet)

    def make(self, random: Random, share_done: float) -> Batch:
        """All windows of a conversation."""
        half = int(random.integers(len(self.voices)))
        return record(self.voices[half], self.speakers[half], self.sounds, random)

    def join(self, parts: Sequence[Batch], random: Random) -> Batch:
        """One window of each conversation, the speakers in either order."""
        windows = [part.window(int(random.integers(len(part.level))), random.random() < 0.5) for part in parts]
        return Batch(*(torch.stack([getattr(w, f.name) for w in windows]) for f in fields(Batch)))

    def loss(self, batch: Batch, share_done: float) -> tuple[Tensor, dict[str, float]]:
        """Error of the masked mixture in dB and in compressed magnitudes, and cross entropy of who speaks."""
        return losses(self.net, batch.to(self.net.mask.weight.device))


def losses(net: SeparatorNet, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """See SeparatorRecipe.loss."""
    first, second = batch.explained.unbind(1)
    with bfloat16_where_fast(first.device.type):
        logits, active = net(batch.mixture.abs(), first, second, batch.likeness, batch.level)
    share = torch.sigmoid(logits.float())
    made_B2TF = torch.stack([batch.mixture * share, batch.mixture * (1 - share)], 1)
    both = batch.speech.prod(2)
    weight = (both + _ALONE_WEIGHT * (1 - both))[:, None, :, None]
    error = (weight * (made_B2TF - batch.images).abs().square()).sum((2, 3))
    power = (weight * batch.images.abs().square()).sum((2, 3))
    floor = 1e-3 * power.sum(1, keepdim=True) + 1e-12
    enough = (both.sum(1, keepdim=True) > 10).float()
    db = 10 * torch.log10((error + floor) / (power + floor))
    db_mean = (db * enough).sum() / (2 * enough.sum()).clamp(min=1.0)
    compressed = (weight * ((made_B2TF.abs() + 1e-5).sqrt() - (batch.images.abs() + 1e-5).sqrt()).square()).sum()
    compressed = compressed / (weight * batch.images.abs()).sum().clamp(min=1e-6)
    said = (batch.speech[..., 0] + 2 * batch.speech[..., 1]).long()
    entropy = torch.nn.functional.cross_entropy(states(active.float()).flatten(0, 1), said.flatten())
    return _DB_WEIGHT * db_mean + _COMPRESSED_WEIGHT * compressed + _SPEECH_WEIGHT * entropy, {
        "db": float(db_mean.detach()),
        "compressed": float(compressed.detach()),
        "speech": float(entropy.detach()),
    }


def record(voices: Voices, speaker: SpeakerNet, sounds: Sounds, random: Random) -> Batch:
    """A conversation cut into windows, with what a diarization knows of its two speakers."""
    made = talk(voices, sounds, random)
    activity = made.activity[:, ::2][:, : round(LENGTH_S * FRAME_RATE_HZ)]
    heard: Bool = np.any(activity, axis=0)
    solo = taken_alone(activity, random)
    tracks = torch.from_numpy(np.stack([made.mixture, *made.images[:2]])[:, : heard.size * HOP])
    windows = round(LENGTH_S / WINDOW_S)
    spectra = looked_at(spectrum(tracks.reshape(3 * windows, -1))).view(3, windows, -1, BINS)
    level = _level(spectra[0], heard)
    speech = _in_windows(torch.from_numpy(activity[:2].T.astype(np.float32)), windows)
    like = _in_windows(likeness(speaker, tracks[0], heard, solo), windows)
    explained = explained_by_others(made.mixture, spectra[0].abs(), solo, random)
    return Batch(spectra[0], explained, like, level.expand(windows), spectra[1:].transpose(0, 1), speech)


def explained_by_others(mixture: Float32, magnitude_WTF: Tensor, solo: Bool, random: Random) -> Tensor:
    """What examples of each voice explain of the windows, [W, 2, T, 320].

    The examples come from other parts of the conversation: in a long recording hardly any is of the same moment, and
    what explains itself is no hint.
    """
    count, updates = (int(random.integers(*span)) for span in (EXAMPLES, UPDATES))
    parts = []
    for number, part in enumerate(magnitude_WTF.chunk(PARTS)):
        others = solo.copy()
        others[:, number * solo.shape[1] // PARTS : (number + 1) * solo.shape[1] // PARTS] = False
        usable = [own if own.sum() >= LEAST_EXAMPLES else every for own, every in zip(others, solo, strict=True)]
        first, second = (choose(mixture, np.flatnonzero(mask), count, random) for mask in usable)
        with bfloat16_where_fast("cpu"):
            parts.append(torch.stack(explain(part, first, second, updates), 1).float())
    return torch.cat(parts)


def talk(voices: Voices, sounds: Sounds, random: Random) -> Simulated:
    """A conversation of two, at times with a stranger among them; each of the two speaks alone somewhere."""
    while True:
        timing = TIMINGS[int(random.choice(len(TIMINGS), p=SHARES))]
        pair: Pair = "same" if random.random() < SAME else "any"
        speakers = voices.draw(random, 2 + (random.random() < STRANGER), pair, NEED_S)
        scene = draw_scene(random, "varied")
        made = simulate(random, speakers, timing, scene, sounds, LENGTH_S, len(speakers))
        alone = made.activity[:2] & (made.activity.sum(0) == 1)
        if alone.sum(1).min() >= LEAST_ALONE:
            return made


def taken_alone(activity: Bool, random: Random) -> Bool:
    """Frames taken for each speaker's solo speech, [2, T]: as they are, with some overlaps, some the wrong way.

    Without faults where they would leave a speaker with too little.
    """
    true: Bool = activity[:2] & (activity.sum(0) == 1)
    solo = true.copy()
    if random.random() < 0.4:
        for start, end in runs(activity[0] & activity[1]):
            if random.random() < 0.5:
                solo[int(random.integers(2)), start:end] = True
    if random.random() < 0.3:
        size = int(random.uniform(0.02, 0.12) * solo.shape[1])
        at = int(random.integers(0, solo.shape[1] - size))
        solo[:, at : at + size] = solo[::-1, at : at + size]
    return solo if solo.sum(1).min() >= LEAST_EXAMPLES else true


def _level(mixture_WTF: Tensor, heard: Bool) -> Tensor:
    """Mean magnitude of a bin in speech, [1]."""
    spoken = _in_windows(torch.from_numpy(heard)[:, None], len(mixture_WTF))[..., 0]
    level: Tensor = mixture_WTF.abs().mean(2)[spoken].mean()[None] + 1e-9
    return level


def _in_windows(frames_TX: Tensor, windows: int) -> Tensor:
    """Values per frame in windows whose last frame comes twice, as a spectrum has one more, [windows, n + 1, X]."""
    cut = frames_TX.view(windows, -1, frames_TX.shape[1])
    return torch.cat([cut, cut[:, -1:]], 1)


@torch.no_grad()
def likeness(speaker: SpeakerNet, mixture: Tensor, speech: Bool, solo: Bool) -> Tensor:
    """Likeness [T, 4]. speech: [T]; solo: see `taken_alone`."""
    power = MelPower()(mixture)
    heard = torch.from_numpy(np.repeat(speech, 2))
    log_mel = (power + 3e-6 * power[heard].mean() + 1e-15).log()
    log_mel -= log_mel[heard].mean(0)
    frames = speaker.frames(log_mel[None])
    use = torch.from_numpy(speech).float()[None]
    sums = speaker.weighted(frames, use)[0]
    voices = speaker.finish(torch.from_numpy(solo).float() @ sums.T)
    around = [speaker.follow(frames, use, span)[0] @ voices.T for span in SPANS]
    return torch.stack([around[0][:, 0], around[1][:, 0], around[0][:, 1], around[1][:, 1]], 1)
