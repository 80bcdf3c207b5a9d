"""Where in an utterance somebody speaks: phrases, which end where a pause of 0.2 s begins.

The edges come from the level in frames of 10 ms; a voice detector says which loud frames are no speech (breath, hum).
"""

from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.vad import SileroNetwork, StreamingVad, load_vad

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]
SAMPLE_RATE_HZ: Final = 24_000
HOP: Final = 240
"""Samples of an activity frame: 10 ms."""
PAUSE_S: Final = 0.2
SPEECH_DBFS: Final = -26.0
"""Level (RMS where it is active) that every utterance is brought to."""
_SIZES: Final = sorted(int(2**a * 3**b * 5**c) for a in range(1, 26) for b in range(5) for c in range(4))
_SHORTEST_S: Final = 0.15
_EMPHASIS: Final = 0.7
# A frame is speech where its level is above: 8 dB over the utterance's quietest, kept to 40-24 dB under its loudest.
_OVER_FLOOR_DB, _UNDER_PEAK_DB = 8.0, (-40.0, -24.0)
# The detector's probability, the highest over this many windows of 32 ms on either side; it is left out of account
# where it hears less than a third of what is loud (synthetic voices).
_LIKELY, _WINDOWS_AROUND, _WINDOW, _LEAST_HEARD = 0.4, 2, 768, 0.35


@dataclass(frozen=True, slots=True)
class Speech:
    """An utterance in memory: int16 [S] at 24 kHz, and the first and end samples of its phrases, int64 [n, 2]."""

    audio: Int16
    spans: NDArray[np.int64]

    @property
    def speech_s(self) -> float:
        """Seconds of speech."""
        return float((self.spans[:, 1] - self.spans[:, 0]).sum()) / SAMPLE_RATE_HZ

    def cut(self, start: int, end: int) -> Float32:
        """Samples start to end as float32."""
        return self.audio[start:end].astype(np.float32) / np.float32(32_768)


def good_size(size: int) -> int:
    """The smallest even size from `size` on whose Fourier transform is fast."""
    return _SIZES[bisect_left(_SIZES, size)]


def levels_db(audio: Float32) -> Float32:
    """Level of every 10-ms frame in dB, over the 20 ms around it, with the bass turned down; float32 [S / 240]."""
    emphasised = audio.copy()
    emphasised[1:] -= np.float32(_EMPHASIS) * audio[:-1]
    whole = emphasised.size // HOP * HOP
    power = np.square(emphasised[:whole]).reshape(-1, HOP).mean(axis=1)
    around = np.convolve(np.pad(power, 1, mode="edge"), (0.25, 0.5, 0.25), mode="valid")
    return (10.0 * np.log10(around + 1e-10)).astype(np.float32)


def find_phrases(audio: Float32) -> NDArray[np.int64]:
    """First and end samples, int64 [n, 2], of the stretches of speech without a pause of 0.2 s."""
    level_db = levels_db(audio)
    if level_db.size < 5:
        return np.zeros((0, 2), np.int64)
    floor_db, peak_db = (float(np.percentile(level_db, q)) for q in (4, 97))
    low_db, high_db = (peak_db + under for under in _UNDER_PEAK_DB)
    loud = level_db > min(max(floor_db + _OVER_FLOOR_DB, low_db), high_db)
    heard = loud & _likely_speech(audio, level_db.size)
    runs = runs_of(heard if heard.sum() > _LEAST_HEARD * loud.sum() else loud)
    joined: list[list[int]] = []
    for start, end in runs:
        if joined and (start - joined[-1][1]) * HOP < PAUSE_S * SAMPLE_RATE_HZ:
            joined[-1][1] = int(end)
        else:
            joined.append([int(start), int(end)])
    kept = [span for span in joined if (span[1] - span[0]) * HOP >= _SHORTEST_S * SAMPLE_RATE_HZ]
    return np.array(kept, np.int64).reshape(-1, 2) * HOP


def _likely_speech(audio: Float32, frames: int) -> NDArray[np.bool_]:
    """Per 10-ms frame whether the voice detector hears speech within 64 ms of it."""
    vad = StreamingVad(_detector(), 1)
    pcm = (audio[None] * (0.9 / max(float(np.abs(audio).max()), 1e-6)) * 32_767).astype(np.int16)
    heard = np.concatenate([vad.push(pcm), vad.flush()], axis=1)[0].astype(np.float32)
    padded = np.pad(heard, _WINDOWS_AROUND)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _WINDOWS_AROUND + 1).max(axis=1)
    likely: NDArray[np.bool_] = around[np.minimum(np.arange(frames) * HOP // _WINDOW, around.size - 1)] > _LIKELY
    return likely


@cache
def _detector() -> SileroNetwork:
    return load_vad()


def runs_of(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Where a mask [n] is true: first and end indices, int64 [runs, 2]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2).astype(np.int64)


def cut_speech(audio: Float32) -> Speech | None:
    """The phrases of an utterance, at the level of SPEECH_DBFS; None where nobody speaks in it."""
    if audio.size < HOP or not np.isfinite(audio).all() or float(np.abs(audio).max()) < 1e-4:
        return None
    audio = audio - np.float32(audio.mean())
    spans = find_phrases(audio)
    if not len(spans):
        return None
    spoken = np.concatenate([audio[start:end] for start, end in spans])
    gain = 10.0 ** (SPEECH_DBFS / 20) / float(np.sqrt(np.square(spoken, dtype=np.float64).mean()))
    gain = min(gain, 0.99 / float(np.abs(audio).max()))
    return Speech((audio * np.float32(gain * 32_767)).astype(np.int16), spans)
