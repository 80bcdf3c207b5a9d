"""What a voice still has to say in a conversation: stretches of the wanted length, no sample of it twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.simulate.phrases import HOP, SAMPLE_RATE_HZ, Float32, Speech, good_size, levels_db
from model.simulate.voices import Voice

Random = np.random.Generator
MARGIN: Final = 720
"""Samples kept, fading, before and after a phrase: 30 ms."""
CUT_FADE: Final = 120
LONGEST_PAUSE_S: Final = 0.8
_PAUSES_S: Final = (0.25, 0.7)  # where the utterance's own pause is longer, or between two utterances
_TOLERANCE_S: Final = 0.35
_SHORTEST_S: Final = 0.2


@dataclass(slots=True)
class Phrase:
    """A phrase that is not used yet: samples `start` to `end` of an utterance; whether its edges are cuts."""

    speech: int
    start: int
    end: int
    cut_start: bool = False
    cut_end: bool = False

    @property
    def size(self) -> int:
        """Samples."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Stretch:
    """Sound float32 [S] that begins `lead` samples before its speech does; the speech, int64 [n, 2], from there."""

    audio: Float32
    lead: int
    spans: NDArray[np.int64]

    @property
    def size(self) -> int:
        """Samples from the first speech to the last."""
        return int(self.spans[-1, 1])


class Supply:
    """The phrases of a voice in a random order of its utterances, handed out once each."""

    def __init__(self, voice: Voice, random: Random, share: tuple[int, int] = (0, 1), *, speed: float = 1.0) -> None:
        """share: (k, n) leaves only every n-th phrase from the k-th, for n speakers with one voice.

        speed: over 1, the voice is played faster and so higher.
        """
        self._speed = speed
        self._speech: Sequence[Speech] = voice.speech
        self._random = random
        order = random.permutation(len(voice.speech))
        phrases = [Phrase(int(i), int(a), int(b)) for i in order for a, b in voice.speech[i].spans]
        self._queue = phrases[share[0] :: share[1]][::-1]

    @property
    def left_s(self) -> float:
        """Seconds of speech that are left."""
        return sum(p.size for p in self._queue) / SAMPLE_RATE_HZ

    def take(self, length_s: float) -> Stretch | None:
        """Phrases and pauses, about `length_s` in all; less where the voice ends, None where nothing is left."""
        wanted = int(length_s * self._speed * SAMPLE_RATE_HZ)
        taken: list[tuple[int, Phrase]] = []
        at = 0
        while self._queue and at < wanted:
            phrase = self._queue.pop()
            gap = self._pause(taken[-1][1], phrase) if taken else 0
            room = wanted - at - gap
            if taken and room < _SHORTEST_S * SAMPLE_RATE_HZ:
                self._queue.append(phrase)
                break
            if phrase.size > room + _TOLERANCE_S * SAMPLE_RATE_HZ:
                phrase = self._split(phrase, room, min(_TOLERANCE_S, 0.3 * room / SAMPLE_RATE_HZ))
            taken.append((at + gap, phrase))
            at += gap + phrase.size
        return self._stretch(taken) if taken else None

    def take_short(self, length_s: float) -> Stretch | None:
        """One short phrase of about `length_s`, whole where the voice has one, else the beginning of a longer one."""
        wanted = length_s * self._speed * SAMPLE_RATE_HZ
        fit = [i for i, p in enumerate(self._queue) if 0.7 * wanted <= p.size <= 1.3 * wanted]
        if fit:
            return self._stretch([(0, self._queue.pop(fit[int(self._random.integers(len(fit)))]))])
        if not self._queue:
            return None
        phrase = self._queue.pop(int(self._random.integers(len(self._queue))))
        if phrase.size > 1.3 * wanted:
            phrase = self._split(phrase, int(wanted), 0.2 * length_s)
        return self._stretch([(0, phrase)])

    def _pause(self, last: Phrase, phrase: Phrase) -> int:
        own = phrase.start - last.end
        if last.speech == phrase.speech and 0 < own <= LONGEST_PAUSE_S * SAMPLE_RATE_HZ:
            return own
        return int(self._random.uniform(*_PAUSES_S) * SAMPLE_RATE_HZ)

    def _split(self, phrase: Phrase, size: int, tolerance_s: float) -> Phrase:
        """The beginning of a phrase, cut where it is softest within the tolerance; the rest goes back."""
        reach = int(tolerance_s * SAMPLE_RATE_HZ)
        low, high = max(size - reach, HOP * 5), min(size + reach, phrase.size - HOP * 5)
        if high - low < 4 * HOP:
            low, high = max(HOP, min(low, phrase.size - 4 * HOP)), phrase.size
        level = levels_db(self._speech[phrase.speech].cut(phrase.start + low, phrase.start + high))
        cut = low + (int(level.argmin()) * HOP + HOP // 2 if level.size else 0)
        end = phrase.start + cut
        self._queue.append(Phrase(phrase.speech, end, phrase.end, cut_start=True, cut_end=phrase.cut_end))
        return Phrase(phrase.speech, phrase.start, end, cut_start=phrase.cut_start, cut_end=True)

    def _stretch(self, taken: Sequence[tuple[int, Phrase]]) -> Stretch:
        spans = np.array([(at, at + p.size) for at, p in taken], np.int64)
        audio = np.zeros(int(spans[-1, 1]) + 2 * MARGIN, np.float32)
        first = 0
        for i, (at, phrase) in enumerate(taken):
            if i + 1 < len(taken) and self._joined(phrase, taken[i + 1][1], taken[i + 1][0] - at - phrase.size):
                continue
            self._lay(audio, MARGIN + taken[first][0], taken[first][1], phrase)
            first = i + 1
        return (
            Stretch(audio, MARGIN, spans)
            if self._speed == 1.0
            else faster(Stretch(audio, MARGIN, spans), self._speed)
        )

    @staticmethod
    def _joined(last: Phrase, phrase: Phrase, gap: int) -> bool:
        """Whether the sound between two phrases is the utterance's own."""
        return last.speech == phrase.speech and phrase.start - last.end == gap

    def _lay(self, audio: Float32, at: int, first: Phrase, last: Phrase) -> None:
        """Add an utterance's sound from a phrase to another, faded, into `audio` at the first one's place."""
        speech = self._speech[first.speech]
        before = 0 if first.cut_start else min(MARGIN, first.start)
        after = 0 if last.cut_end else min(MARGIN, speech.audio.size - last.end)
        piece = speech.cut(first.start - before, last.end + after)
        fade_in, fade_out = (min(n or CUT_FADE, piece.size) for n in (before, after))
        piece[:fade_in] *= _ramp(fade_in)
        piece[piece.size - fade_out :] *= _ramp(fade_out)[::-1]
        audio[at - before : at - before + piece.size] += piece


def faster(stretch: Stretch, speed: float) -> Stretch:
    """The stretch played at another speed, to within a percent: resampled by its spectrum."""
    size = good_size(stretch.audio.size)
    after = good_size(int(size / speed))
    spectrum = np.fft.rfft(stretch.audio, size)
    kept = min(size, after) // 2
    moved = np.zeros(after // 2 + 1, np.complex64)
    moved[:kept] = spectrum[:kept]
    audio = np.fft.irfft(moved, after).astype(np.float32) * np.float32(after / size)
    ratio = after / size
    spans = np.rint(stretch.spans * ratio).astype(np.int64)
    return Stretch(audio[: int(stretch.audio.size * ratio)], round(stretch.lead * ratio), spans)


def _ramp(size: int) -> Float32:
    """From 0 to 1, smooth; float32 [size]."""
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(size, dtype=np.float32) + np.float32(0.5)) / size)).astype(
        np.float32
    )


def laugh(stretch: Stretch, length_s: float, random: Random) -> Stretch:
    """A burst of laughter made of a voice's own sound: its loudest 0.15 s, 4 to 5 times a second, dying away."""
    count = int(length_s * SAMPLE_RATE_HZ)
    size = int(0.15 * SAMPLE_RATE_HZ)
    audio = stretch.audio[stretch.lead : stretch.lead + stretch.size]
    level = (
        np.convolve(np.square(audio), np.ones(size, np.float32), mode="valid") if audio.size > size else np.zeros(1)
    )
    start = int(level.argmax())
    piece = audio[start : start + size]
    piece = piece * np.hanning(piece.size + 2)[1:-1].astype(np.float32)
    period = SAMPLE_RATE_HZ / random.uniform(4.0, 5.0)
    out = np.zeros(count + 2 * MARGIN, np.float32)
    at, gain = 0.0, 1.0
    while int(at) + piece.size <= count or at == 0.0:
        part = piece[: count - int(at)]
        out[MARGIN + int(at) : MARGIN + int(at) + part.size] += np.float32(gain) * part
        at, gain = at + period * random.uniform(0.95, 1.05), gain * random.uniform(0.8, 0.97)
    end = min(count, int(np.flatnonzero(out)[-1]) + 1 - MARGIN) if out.any() else count
    return Stretch(out, MARGIN, np.array([[0, end]], np.int64))
