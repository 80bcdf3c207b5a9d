"""Windows to train the segmentation on: crops of simulated conversations, each conversation used a few times."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray
from torch import Tensor

from model.segmentation.net import (
    FRAME_CENTRE,
    FRAME_SAMPLES,
    MAX_SPEAKERS,
    SEGMENTATION_RATE_HZ,
    frames_of,
    normalised,
)

Random = np.random.Generator
SOURCE_RATE_HZ: Final = 24_000
ACTIVITY_RATE_HZ: Final = 100
_SPEEDS: Final = (0.84, 0.88, 0.92, 0.96, 1.0, 1.04, 1.08, 1.12, 1.16)
_CUT_SHARE: Final = 0.06  # of windows: a recording that begins or ends inside
_TILT_SHARE: Final = 0.4
_HISS_SHARE: Final = 0.3


class Conversation(Protocol):
    """What of a simulated conversation is used here."""

    @property
    def mixture(self) -> NDArray[np.float32]:
        """float32 [S] at 24 kHz."""
        ...

    @property
    def activity(self) -> NDArray[np.bool_]:
        """Bool [speakers, frames of 10 ms]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedConfig:
    """How many conversations are kept, and how often, on average, a second of one is in a window before it goes."""

    kept: int = 96
    uses: float = 3.0


@dataclass(slots=True)
class _Kept:
    audio: NDArray[np.float32]  # 16 kHz, faster or slower than it was
    activity: NDArray[np.bool_]
    speed: float
    left: float  # samples that are still to be used


class Feed:
    """Draws windows from a pool of conversations that `simulate(random, share_done)` makes.

    The windows follow from the generators passed in alone; a feed begins with an empty pool, so a training that is
    resumed sees other windows than one that never stopped.
    """

    def __init__(self, simulate: Callable[[Random, float], Conversation], config: FeedConfig | None = None) -> None:
        self._simulate = simulate
        self._config = config or FeedConfig()
        self._pool: list[_Kept] = []

    def windows(self, random: Random, count: int, samples: int, share_done: float = 1.0) -> tuple[Tensor, Tensor]:
        """float32 [count, 1, samples] at 16 kHz, one level, and who speaks, bool [count, frames, 3].

        share_done: of the training, 0 to 1.
        """
        while len(self._pool) < self._config.kept:
            self._pool.append(_kept(random, self._simulate(random, share_done), self._config.uses))
        audio = np.zeros((count, samples), np.float32)
        activity = np.zeros((count, frames_of(samples), MAX_SPEAKERS), np.bool_)
        for i, place in enumerate(random.choice(len(self._pool), count, replace=count > len(self._pool))):
            kept = self._pool[int(place)]
            audio[i], activity[i] = _crop(random, kept, samples)
            kept.left -= samples
        self._pool = [kept for kept in self._pool if kept.left > 0]
        return normalised(torch.from_numpy(audio)).unsqueeze(1), torch.from_numpy(activity)


def _kept(random: Random, conversation: Conversation, uses: float) -> _Kept:
    """At 16 kHz and another speed: voices of other pitch and vocal tract."""
    speed = _SPEEDS[int(random.integers(len(_SPEEDS)))]
    mixture = torch.from_numpy(conversation.mixture)
    audio = torchaudio.functional.resample(mixture, round(SOURCE_RATE_HZ * speed), SEGMENTATION_RATE_HZ)
    left = audio.numel() * uses * random.uniform(0.5, 1.5)
    return _Kept(audio.numpy(), conversation.activity, speed, left)


def _crop(random: Random, kept: _Kept, samples: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    start = int(random.integers(max(1, kept.audio.size - samples + 1)))
    audio = np.zeros(samples, np.float32)
    piece = kept.audio[start : start + samples]
    audio[: piece.size] = piece
    activity = frame_activity(kept.activity, kept.speed, start, samples)
    if random.random() < _CUT_SHARE:
        cut = int(random.integers(samples // 10, samples * 2 // 3))
        edge = max(0, (cut - FRAME_CENTRE) // FRAME_SAMPLES)
        if random.random() < 0.5:
            audio[:cut], activity[:edge] = 0.0, False
        else:
            audio[-cut:], activity[-edge or len(activity) :] = 0.0, False
    if random.random() < _TILT_SHARE:
        audio[1:] -= np.float32(random.uniform(-0.5, 0.9)) * audio[:-1].copy()
    if random.random() < _HISS_SHARE:
        level = float(np.sqrt(np.square(audio).mean())) * 10.0 ** (random.uniform(-45.0, -10.0) / 20)
        audio += np.float32(level) * random.standard_normal(samples, dtype=np.float32)
    return audio, activity


def frame_activity(activity: NDArray[np.bool_], speed: float, start: int, samples: int) -> NDArray[np.bool_]:
    """Who speaks in the middle of each of the network's frames, bool [frames, 3]: the three who speak most.

    activity: bool [speakers, frames of 10 ms] before the speed was changed; start, samples: of the window, at 16 kHz.
    """
    centres = start + FRAME_CENTRE + FRAME_SAMPLES * np.arange(frames_of(samples))
    places = (centres * (speed * ACTIVITY_RATE_HZ / SEGMENTATION_RATE_HZ)).astype(np.int64)
    inside = places < activity.shape[1]
    window = activity[:, np.minimum(places, activity.shape[1] - 1)] & inside
    most = np.sort(np.argsort(-window.sum(axis=1), kind="stable")[:MAX_SPEAKERS])
    out = np.zeros((places.size, MAX_SPEAKERS), np.bool_)
    out[:, : most.size] = window[most].T
    return out
