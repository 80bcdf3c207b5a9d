"""What can be made of a mixture: all of `build`'s mixture path, parts of it, and what others do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from model.diarization.activity import solo, widened
from model.diarization.clusters import two_voices
from model.diarization.find import who
from model.diarization.networks import Networks
from model.diarization.track import Track
from model.measures.baselines import copied, routed, sliced
from model.separator.net import SeparatorNet
from model.separator.separate import AFTER, BEFORE, separate
from model.separator.spectrum import HOP, spectrum, waveform
from model.speaker.windows import STEP_FRAMES
from pipeline.score_speech import speech_of
from stages.separate import activity_of

Bool = NDArray[np.bool_]
Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]

BUILT: Final = "duplexset"


@dataclass(frozen=True, slots=True)
class Piece:
    """What the systems get: a track int16 [S], who speaks in it [2, T] of 20 ms by `build`, and by the truth."""

    audio: Int16
    activity: Bool
    true: Bool
    log_odds: Float32
    known: bytes


@dataclass(frozen=True, slots=True)
class Made:
    """A system's answer: activity [2, T] and channels float32 [2, S]; what `build` says of it besides."""

    activity: Bool
    channels: Float32
    confidence: tuple[float, ...] = ()
    leakage_db: tuple[float, ...] = ()


System = Callable[[Piece, Networks], Made]


def built(piece: Piece, networks: Networks) -> Made:
    """As `build` has it."""
    made = separate(piece.audio, piece.activity, piece.log_odds, piece.known, networks)
    return Made(piece.activity, as_float(made.channels), made.confidence, made.leakage_db)


def examples_alone(piece: Piece, networks: Networks) -> Made:
    """Overlaps by the examples of each voice, without the network's correction."""
    return built(piece, Networks(networks.speaker, SeparatorNet().eval().requires_grad_(False)))


def unseparated(piece: Piece, networks: Networks) -> Made:
    """The activity of `build`; overlaps go to both channels as they are."""
    return Made(piece.activity, routed(as_float(piece.audio), np.repeat(piece.activity, 2, 1)))


def with_floor(piece: Piece, networks: Networks) -> Made:
    """As `build` has it, with the noise of the pauses, made anew, where a channel is silent."""
    made = built(piece, networks)
    frames = piece.activity.shape[1]
    sound = spectrum(torch.from_numpy(as_float(padded(piece.audio, frames)))[None])[0, :-1]
    pauses = torch.from_numpy(~np.any(widened(piece.activity, 25, 25), axis=0))
    level = (sound[pauses] if pauses.any() else sound).abs().square().median(0).values.sqrt()
    drawn = torch.randn(2, frames + 1, level.numel(), dtype=torch.cfloat, generator=torch.Generator().manual_seed(0))
    floor = torch.from_numpy(~widened(piece.activity, BEFORE, AFTER))[..., None] * (drawn[:, :-1] * level)
    noise = waveform(torch.cat([floor, floor[:, -1:]], 1), frames * HOP).numpy()[:, : made.channels.shape[1]]
    return Made(piece.activity, made.channels + noise)


def voices_alone(piece: Piece, networks: Networks) -> Made:
    """Clusters of embeddings and a path through them: one speaker a frame."""
    frames = piece.activity.shape[1]
    heard: Bool = np.any(piece.activity, axis=0)
    windows = Track(padded(piece.audio, frames), heard, networks).embedder.windows()
    voice, _ = who(heard, windows, two_voices(windows.embeddings))
    activity = np.stack([voice == 0, voice == 1])
    return Made(activity, routed(as_float(piece.audio), np.repeat(activity, 2, 1)))


def with_truth(piece: Piece, networks: Networks) -> Made:
    """The true activity, and examples from the true solo speech: what better diarization would give."""
    frames = piece.true.shape[1]
    heard: Bool = np.any(piece.true, axis=0)
    track = Track(padded(piece.audio, frames), heard, networks)
    known = track.know(solo(piece.true))
    odds = np.where(piece.true.T, np.float32(8.0), np.float32(-8.0))
    return Made(piece.true, as_float(separate(piece.audio, piece.true, odds, known.to_bytes(), networks).channels))


def copies(piece: Piece, networks: Networks) -> Made:
    """The track on both channels; whoever speaks, both do."""
    anyone: Bool = np.any(piece.activity, axis=0)
    return Made(np.stack([anyone, anyone]), copied(as_float(piece.audio)))


def slices(piece: Piece, networks: Networks) -> Made:
    """Single-speaker segments of the diarization; overlaps are dropped."""
    alone = solo(piece.activity)
    return Made(alone, sliced(as_float(piece.audio), np.repeat(piece.activity, 2, 1)))


def everywhere(piece: Piece, networks: Networks) -> Made:
    """The separator's mask over the whole track: nobody is silenced. Activity as in `build`."""
    both = np.ones_like(piece.activity)
    made = separate(piece.audio, both, piece.log_odds, piece.known, networks)
    return Made(piece.activity, as_float(made.channels))


def separated_first(piece: Piece, networks: Networks) -> Made:
    """No diarization: the whole track separated by examples from two clusters, then speech sought on each channel."""
    frames = piece.activity.shape[1]
    audio = padded(piece.audio, frames)
    heard = _speech_on(as_float(audio)[None], frames)[0]
    windows = Track(audio, heard, networks).embedder.windows()
    alone = np.zeros((2, frames), np.bool_)
    alone[two_voices(windows.embeddings).labels, windows.centres] = True
    near = widened(alone, STEP_FRAMES // 2, STEP_FRAMES // 2) & heard
    known = Track(audio, heard, networks).know(near).to_bytes()
    everyone = np.ones_like(piece.activity)
    channels = as_float(separate(piece.audio, everyone, np.zeros((frames, 2), np.float32), known, networks).channels)
    return Made(_speech_on(channels, frames), channels)


def _speech_on(channels: Float32, frames: int) -> Bool:
    """As `score` finds it on the channels of another system, [2, frames]."""
    segments, _, _ = speech_of(iter([channels]))
    return activity_of(segments, frames)


def padded(audio: Int16, frames: int) -> Int16:
    """With zeros up to so many frames of 20 ms."""
    return np.pad(audio, (0, frames * 480 - audio.size))


def as_float(audio: Int16) -> Float32:
    """-1 to 1."""
    return audio.astype(np.float32) / np.float32(32_768)


SYSTEMS: Final[Mapping[str, System]] = {
    BUILT: built,
    "examples alone": examples_alone,
    "no separation": unseparated,
    "noise for silence": with_floor,
    "embeddings alone": voices_alone,
    "true activity": with_truth,
    "copied": copies,
    "sliced": slices,
    "separated everywhere": everywhere,
    "separated first": separated_first,
}
"""By name; `BUILT` is the product, the last four are what others do."""
