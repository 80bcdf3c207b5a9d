"""One track becomes two channels: each speaker's own where he speaks alone, the separator's where both speak.

Where one speaks, his channel has the original audio and the other one is silent; where nobody speaks both are. In
overlaps the separator's mask shares each bin out, so that the two channels always add up to what was recorded. All of
it goes through one chain of overlapping windows, whose halves fade every seam over 20 ms; nothing is normalised.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.diarization.activity import overlaps, widened
from model.diarization.networks import Networks
from model.diarization.track import Track
from model.resample import to_int16
from model.separator.known import Known
from model.separator.spectrum import BINS, HOP, WINDOW, spectrum, spread, waveform

Bool = NDArray[np.bool_]
Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]

UPDATES: Final = 30
BEFORE: Final = 3  # frames kept before and after speech, where the other one is silent
AFTER: Final = 6
_BLOCK: Final = 1_500  # frames made at a time
_EDGE: Final = 3  # frames around a block
FLOOR_DB: Final = -60.0
"""Estimates go no lower."""


@dataclass(frozen=True, slots=True)
class Separated:
    """Two channels int16 [2, samples]; the confidence, 0 to 1, of each overlap in order; the leakage expected in dB.

    leakage_db[c]: energy of the other speaker that is expected to be in channel c, relative to his own channel.
    """

    channels: Int16
    confidence: tuple[float, ...]
    leakage_db: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Overlapped:
    """The overlapped frames, int64 [n], the first speaker's share in each, [n, 320], and how energy lies there.

    energy: all of it. mistaken: what the mask leaves with the wrong speaker if it is a fair bet, [n]. given: what
    each speaker gets, [2, n].
    """

    frames: NDArray[np.int64]
    share: Tensor
    energy: NDArray[np.float64]
    mistaken: NDArray[np.float64]
    given: NDArray[np.float64]


def separate(audio: Int16, activity: Bool, log_odds: Float32, known: bytes, networks: Networks) -> Separated:
    """Two channels of a part of a recording.

    audio: [samples] at 24 kHz. activity: [2, T], log_odds: [T, 2], T = ceil(samples / 480). known: of the recording.
    """
    frames = activity.shape[1]
    padded = np.concatenate([audio, np.zeros(frames * HOP - audio.size, np.int16)])
    speakers = Known.from_bytes(known)
    track = Track(padded, activity[0] | activity[1], networks, speakers)
    both = _overlapped(track, activity, speakers)
    channels = np.concatenate(list(_blocks(padded, activity, both)), 1)[:, : audio.size]
    odds = 1.0 / (1.0 + np.exp(-log_odds.astype(np.float64)))
    return Separated(to_int16(channels), _confidence(activity, odds, both), _leakage_db(padded, activity, odds, both))


def _overlapped(track: Track, activity: Bool, speakers: Known) -> _Overlapped:
    frames = np.flatnonzero(activity[0] & activity[1])
    shares = [torch.zeros(0, BINS)]
    shares += [track.shares(speakers, start, end, UPDATES) for start, end in overlaps(activity)]
    share = torch.cat(shares)
    energy, mistaken, given = np.zeros(frames.size), np.zeros(frames.size), np.zeros((2, frames.size))
    for at in range(0, frames.size, _BLOCK):
        piece = frames[at : at + _BLOCK]
        power = track.power(piece)
        first = share[at : at + _BLOCK]
        unsure = first * (1 - first)
        energy[at : at + _BLOCK] = power.sum(1).numpy()
        mistaken[at : at + _BLOCK] = (power * unsure).sum(1).numpy()
        given[:, at : at + _BLOCK] = torch.stack([(power * part.square()).sum(1) for part in (first, 1 - first)])
    return _Overlapped(frames, share, energy, mistaken, given)


def _blocks(audio: Int16, activity: Bool, both: _Overlapped) -> Iterator[Float32]:
    """The two channels, float32 [2, n], block by block, each made with a few frames on either side."""
    frames = activity.shape[1]
    wide = widened(activity, BEFORE, AFTER)
    for start in range(0, frames, _BLOCK):
        end = min(start + _BLOCK, frames)
        first, last = max(0, start - _EDGE), min(frames, end + _EDGE)
        sound = torch.from_numpy(audio[first * HOP : last * HOP].astype(np.float32) / np.float32(32768.0))
        gains = torch.zeros(2, last - first + 1, WINDOW // 2 + 1)
        gains[:, :-1] = torch.from_numpy(wide[:, first:last].astype(np.float32))[..., None]
        gains[:, -1] = gains[:, -2]
        low, high = np.searchsorted(both.frames, (first, last))
        at = torch.from_numpy(both.frames[low:high] - first)
        gains[0, at] = spread(both.share[low:high])
        gains[1, at] = 1.0 - gains[0, at]
        made = waveform(spectrum(sound[None]) * gains, sound.shape[0])
        yield made[:, (start - first) * HOP : (end - first) * HOP].numpy()


def _confidence(activity: Bool, odds: NDArray[np.float64], both: _Overlapped) -> tuple[float, ...]:
    """Of each overlap: how sure it is that both speak, times how surely its energy is shared out."""
    found = []
    for start, end in overlaps(activity):
        low, high = np.searchsorted(both.frames, (start, end))
        sure = 1.0 - 4.0 * both.mistaken[low:high].sum() / max(float(both.energy[low:high].sum()), 1e-12)
        found.append(float(odds[start:end].min(1).mean() * max(sure, 0.0)))
    return tuple(found)


def _leakage_db(audio: Int16, activity: Bool, odds: NDArray[np.float64], both: _Overlapped) -> tuple[float, float]:
    """The other's energy expected in each channel where only he may have spoken after all, relative to his own."""
    energy = np.array([np.square(frame, dtype=np.float64).sum() for frame in audio.reshape(-1, HOP)]) / 32768.0**2
    leaks = []
    for c in (0, 1):
        alone = activity[c] & ~activity[1 - c]
        other_alone = odds[:, 1 - c] * (1.0 - odds[:, c])
        wrong = float((energy * other_alone)[alone].sum())
        held = both.given[c] / np.maximum(both.energy, 1e-12)
        inside = float((energy[both.frames] * held * other_alone[both.frames]).sum())
        own = float(energy[activity[1 - c] & ~activity[c]].sum()) + float(energy[both.frames].sum()) / 2
        leaks.append(max(FLOOR_DB, 10.0 * float(np.log10((wrong + inside + 1e-12) / (own + 1e-12)))))
    return leaks[0], leaks[1]
