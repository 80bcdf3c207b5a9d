"""From probabilities of speech to who speaks when: hysteresis, shortest speech, shortest silence. In one place."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechThresholds:
    """Speech starts at a probability of `on` and lasts until it falls below `off`.

    Silences shorter than `min_silence_windows` are closed, then speech shorter than `min_speech_windows` is dropped
    (both windows of 32 ms): backchannels of a tenth of a second stay, clicks go.
    """

    on: float = 0.5
    off: float = 0.35
    min_speech_windows: int = 3
    min_silence_windows: int = 3


DEFAULT_THRESHOLDS = SpeechThresholds()


def hysteresis(probability: NDArray[np.floating], thresholds: SpeechThresholds, speaking: bool = False) -> Bool:
    """bool [n]: on from `thresholds.on`, until below `thresholds.off`. `speaking`: the state before the first."""
    decides = np.where(probability >= thresholds.on, 1, np.where(probability < thresholds.off, 0, -1))
    latest = np.where(decides >= 0, np.arange(decides.size), -1)
    latest = np.maximum.accumulate(latest) if decides.size else latest
    return np.where(latest >= 0, decides[latest] == 1, speaking)


def runs(flags: Bool) -> NDArray[np.int64]:
    """[n, 2]: start and end (exclusive) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2)


def close_gaps(flags: Bool, shortest: int) -> Bool:
    """Fill runs of False shorter than `shortest` that lie between two runs of True."""
    out = flags.copy()
    speech = runs(flags)
    for (_, end), (start, _) in pairwise(speech):
        if start - end < shortest:
            out[end:start] = True
    return out


def drop_short(flags: Bool, shortest: int) -> Bool:
    """Clear runs of True shorter than `shortest`."""
    out = flags.copy()
    for start, end in runs(flags):
        if end - start < shortest:
            out[start:end] = False
    return out


def speech_flags(probability: NDArray[np.floating], thresholds: SpeechThresholds = DEFAULT_THRESHOLDS) -> Bool:
    """bool [n]: where one channel speaks, from its probabilities [n]."""
    flags = hysteresis(probability, thresholds)
    return drop_short(close_gaps(flags, thresholds.min_silence_windows), thresholds.min_speech_windows)


class SpeechFlags:
    """`speech_flags` widened by `pad` windows on either side, as a stream: any cutting gives the same flags."""

    def __init__(self, thresholds: SpeechThresholds, pad: int) -> None:
        self._thresholds = thresholds
        self._pad = pad
        self._reach = thresholds.min_silence_windows + thresholds.min_speech_windows + pad
        self._raw: Bool = np.zeros(0, np.bool_)  # hysteresis, from `reach` windows before the first one still owed
        self._owed = 0
        self._speaking = False

    def push(self, probability: NDArray[np.floating]) -> Bool:
        """Take the probabilities [n] of the next windows; give the flags that no later window can change."""
        return self._add(probability, self._reach)

    def flush(self) -> Bool:
        """The rest of the flags; the stream ends here."""
        return self._add(np.zeros(0), 0)

    def _add(self, probability: NDArray[np.floating], withheld: int) -> Bool:
        flags = hysteresis(probability, self._thresholds, self._speaking)
        if flags.size:
            self._speaking = bool(flags[-1])
        self._raw = np.concatenate([self._raw, flags])
        settled = max(self._owed, self._raw.size - withheld)
        out = self._widened()[self._owed : settled]
        cut = max(0, settled - self._reach)
        self._raw, self._owed = self._raw[cut:], settled - cut
        return out

    def _widened(self) -> Bool:
        rules = self._thresholds
        flags = drop_short(close_gaps(self._raw, rules.min_silence_windows), rules.min_speech_windows)
        out = flags.copy()
        for start, end in runs(flags):
            out[max(0, start - self._pad) : end + self._pad] = True
        return out
