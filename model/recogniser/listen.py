"""The words of both channels of a span: heard stretch by stretch, guarded, on the span's clock."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from model.recogniser.contract import SAMPLE_RATE_HZ, Heard, Recogniser
from model.recogniser.guards import (
    Words,
    without_bleed,
    without_doubt,
    without_repeats,
    without_rush,
    without_silence,
)
from model.recogniser.stretches import Interval, stretches
from model.resample import Float32, Int16
from schemas.conversation import Segment
from schemas.transcript import Removed, TimedWord

FLOOR_DB: Final = -120.0
QUIET_S: Final = 0.1  # how long a moment is, where a stretch has to be cut in speech


def listen(
    pcm: Int16,
    segments: Sequence[Segment],
    leakage_db: tuple[float, float],
    language: str | None,
    recogniser: Recogniser,
) -> tuple[tuple[Words, Words], Removed]:
    """The words of either channel by start, in seconds from the start of the span, and how many were taken out again.

    pcm: [2, samples] at 24 kHz. segments, leakage_db: as in `Diarized` and `Layout`. Where the language is not known
    and the recogniser tells languages, the longest stretch says which it is. Nothing outside the active stretches is
    listened to, each of which is heard alone.
    """
    active = _active(segments, 0), _active(segments, 1)
    length_s = pcm.shape[1] / SAMPLE_RATE_HZ
    heard_in = [
        (c, stretch)
        for c in (0, 1)
        for stretch in stretches(active[c], length_s, lambda a, b, c=c: _quietest(pcm[c], a, b))  # type: ignore[misc]
    ]
    if language is None and heard_in:
        channel, longest = max(heard_in, key=lambda place: place[1][1] - place[1][0])
        language = recogniser.language_of(_audio(pcm[channel], longest))
    words: tuple[list[TimedWord], list[TimedWord]] = ([], [])
    removed = Removed()
    for channel, stretch in heard_in:
        here = [part for part in active[channel] if part[1] >= stretch[0] and part[0] <= stretch[1]]
        heard = recogniser.recognise(_audio(pcm[channel], stretch), language=language)
        kept, out = _guarded(heard, stretch[0], here)
        words[channel].extend(kept)
        removed = _sum(removed, out)
    both, bleed = without_bleed(
        (tuple(words[0]), tuple(words[1])), active, lambda c, a, b: level_db(pcm[c], a, b), leakage_db
    )
    return both, replace(removed, bleed=bleed)


def _guarded(heard: Heard, start_s: float, active: Sequence[Interval]) -> tuple[Words, Removed]:
    """What is heard in a stretch from `start_s` on and stays, on the span's clock."""
    words, repeats = without_repeats(heard.words)
    words, doubtful = without_doubt(replace(heard, words=words))
    words, rushed = without_rush(words)
    moved = [replace(w, start_s=w.start_s + start_s, end_s=w.end_s + start_s) for w in words]
    words, silent = without_silence(moved, active)
    return words, Removed(silent=silent, repeats=repeats, rushed=rushed, doubtful=doubtful)


def _sum(a: Removed, b: Removed) -> Removed:
    return Removed(
        silent=a.silent + b.silent,
        repeats=a.repeats + b.repeats,
        rushed=a.rushed + b.rushed,
        doubtful=a.doubtful + b.doubtful,
    )


def _active(segments: Sequence[Segment], channel: int) -> list[Interval]:
    return [(s.start_s, s.end_s) for s in segments if s.channel == channel]


def _audio(channel: Int16, stretch: Interval) -> Float32:
    first, last = (round(time_s * SAMPLE_RATE_HZ) for time_s in stretch)
    return channel[first:last].astype(np.float32) / np.float32(32768.0)


def level_db(channel: Int16, start_s: float, end_s: float) -> float:
    """RMS level of int16 [samples] at 24 kHz between two times, dB relative to full scale; -120 for silence."""
    first = round(start_s * SAMPLE_RATE_HZ)
    piece = channel[first : max(round(end_s * SAMPLE_RATE_HZ), first + 1)]
    power = float(np.square(piece, dtype=np.float64).mean()) / 32768.0**2 if piece.size else 0.0
    return max(FLOOR_DB, 10.0 * float(np.log10(power))) if power > 0.0 else FLOOR_DB


def _quietest(channel: Int16, start_s: float, end_s: float) -> float:
    """The middle of the moment with the least energy between two times, the first of equals."""
    size = round(QUIET_S * SAMPLE_RATE_HZ)
    first, last = round(start_s * SAMPLE_RATE_HZ), round(end_s * SAMPLE_RATE_HZ)
    moments = channel[first : last - (last - first) % size].reshape(-1, size)
    energies = np.square(moments, dtype=np.float64).sum(axis=1)
    return (first + (int(energies.argmin()) + 0.5) * size) / SAMPLE_RATE_HZ if energies.size else start_s
