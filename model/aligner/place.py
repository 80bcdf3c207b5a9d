"""Utterances into words with times: placed by an aligner, and shared out by length where it finds no place."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from model.aligner.contract import SAMPLE_RATE_HZ, Aligner
from model.resample import Float32, Int16
from schemas.transcript import TimedWord, Utterance

PAD_S: Final = 0.3
"""How far a transcript's times are trusted: words are looked for so much before and after them."""


def spread(words: Sequence[str], start_s: float, end_s: float) -> tuple[TimedWord, ...]:
    """The words one after another from `start_s` to `end_s`, as long as they have letters; confidence 0."""
    letters = [max(1, sum(c.isalnum() for c in word)) for word in words]
    last_s, total = max(start_s, end_s), sum(letters)
    ends = [min(last_s, start_s + (last_s - start_s) * (count / total)) for count in accumulate(letters)]
    starts = [start_s, *ends]
    return tuple(
        TimedWord(text=word, start_s=a, end_s=b, confidence=0.0)
        for word, a, b in zip(words, starts, ends, strict=False)
    )


def place(
    audio: Float32 | Int16, utterance: Utterance, language: str | None, *, aligner: Aligner, pad_s: float = PAD_S
) -> tuple[TimedWord, ...]:
    """The words of an utterance on the audio's clock, in order, disjoint and inside the audio.

    audio: the speaker's channel, [samples] at 24 kHz, float32 or int16; an utterance without a start or an end is
    looked for from the start or to the end of it. As many words as `utterance.text` has between blanks: those that
    the aligner does not place share out the time between their placed neighbours, or the utterance's, with
    confidence 0. Words that the transcript gives times are returned as they are.
    """
    if utterance.words:
        return utterance.words
    words = utterance.text.split()
    length_s = audio.size / SAMPLE_RATE_HZ
    start_s = 0.0 if utterance.start_s is None else min(max(0.0, utterance.start_s), length_s)
    end_s = length_s if utterance.end_s is None else min(max(start_s, utterance.end_s), length_s)
    first = round(max(0.0, start_s - pad_s) * SAMPLE_RATE_HZ)
    last = round(min(length_s, end_s + pad_s) * SAMPLE_RATE_HZ)
    piece = audio[first:last].astype(np.float32)
    if audio.dtype == np.int16:
        piece /= 32768.0
    found = aligner.align(piece, words, language=language)
    offset_s = first / SAMPLE_RATE_HZ
    return _filled(words, [word and _later(word, offset_s, length_s) for word in found], start_s, end_s)


def _later(word: TimedWord, by_s: float, length_s: float) -> TimedWord:
    """The word on the clock of the audio that its piece was taken from."""
    start_s, end_s = min(word.start_s + by_s, length_s), min(word.end_s + by_s, length_s)
    return TimedWord(text=word.text, start_s=start_s, end_s=end_s, confidence=word.confidence)


def _filled(
    words: Sequence[str], found: Sequence[TimedWord | None], start_s: float, end_s: float
) -> tuple[TimedWord, ...]:
    """The found words, with those between them spread over the time between them."""
    filled: list[TimedWord] = []
    while len(filled) < len(words):
        word = found[len(filled)]
        if word:
            filled.append(word)
            continue
        after = next((i for i in range(len(filled), len(words)) if found[i]), len(words))
        next_word = found[after] if after < len(words) else None
        from_s = filled[-1].end_s if filled else min(start_s, next_word.start_s if next_word else start_s)
        to_s = next_word.start_s if next_word else max(end_s, from_s)
        filled.extend(spread(words[len(filled) : after], from_s, to_s))
    return tuple(filled)
