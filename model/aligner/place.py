"""Utterances into words with times: placed by an aligner, and shared out by length where it finds no place.

Neighbours whose search would overlap are looked for together, so that their words stay in order; where a word then
strays from its utterance, the transcript's times part them, first where they are furthest apart.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from model.aligner.contract import SAMPLE_RATE_HZ, Aligner
from model.aligner.fill import Said, filled, spread
from model.aligner.windows import WINDOW_S
from model.resample import Float32, Int16
from schemas.transcript import TimedWord, Utterance

PAD_S: Final = 0.3
"""How far a transcript's times are trusted: words are looked for so much before and after them."""
MOST_WORDS_PER_S: Final = 10
"""Nobody says more; of an utterance with more than twice as many, the words are not looked for."""
_LEAST_S: Final = 0.02  # there is nothing to look for in less
_SLACK: Final = 1e-6  # of a sample

Places = list[TimedWord | None]
Search = Callable[[Sequence[str], float, float], Places]
"""Places words between two times."""


def too_many(utterance: Utterance, words_per_s: float = MOST_WORDS_PER_S) -> bool:
    """Whether an utterance without given words has more of them than anyone says in its time and around it."""
    if utterance.words or utterance.start_s is None or utterance.end_s is None:
        return False
    return len(utterance.text.split()) > words_per_s * (max(0.0, utterance.end_s - utterance.start_s) + 2 * PAD_S)


def place(
    audio: Float32 | Int16, utterance: Utterance, language: str | None, *, aligner: Aligner
) -> tuple[TimedWord, ...]:
    """The words of one utterance; see `place_all`."""
    return place_all(audio, [utterance], language, aligner=aligner)


def place_all(
    audio: Float32 | Int16, utterances: Sequence[Utterance], language: str | None, *, aligner: Aligner
) -> tuple[TimedWord, ...]:
    """The words of a speaker's utterances on the audio's clock, in order, disjoint and inside the audio.

    audio: the speaker's channel, [samples] at 24 kHz, float32 or int16. utterances: by start; one without a start or
    an end is looked for from the start or to the end of the audio. As many words as `text` has between blanks: those
    that the aligner does not place share out the time between their placed neighbours, or the utterance's, with
    confidence 0. Words that the transcript gives times are returned as they are, and nothing is looked for beyond
    them; but where they leave no room at all, they lose up to 10 ms a word to those between them.
    """
    length_s = audio.size / SAMPLE_RATE_HZ

    def search(words: Sequence[str], from_s: float, to_s: float) -> Places:
        first = math.ceil(max(0.0, from_s) * SAMPLE_RATE_HZ - _SLACK)
        last = math.floor(min(length_s, to_s) * SAMPLE_RATE_HZ + _SLACK)
        if last - first < _LEAST_S * SAMPLE_RATE_HZ:
            return [None] * len(words)
        piece = audio[first:last].astype(np.float32)
        if audio.dtype == np.int16:
            piece /= 32768.0
        offset_s = first / SAMPLE_RATE_HZ
        return [w and _later(w, offset_s, length_s) for w in aligner.align(piece, words, language=language)]

    said = [_said(u, length_s) for u in utterances if u.text or u.words]
    return filled(said, _found(said, search, length_s), length_s)


def _said(utterance: Utterance, length_s: float) -> Said:
    """Its times are within the audio, but those of words that are given."""
    start_s = 0.0 if utterance.start_s is None else min(max(0.0, utterance.start_s), length_s)
    end_s = length_s if utterance.end_s is None else min(max(start_s, utterance.end_s), length_s)
    words = tuple(utterance.text.split())
    given = utterance.words or (spread(words, start_s, end_s) if too_many(utterance, 2 * MOST_WORDS_PER_S) else ())
    return Said(start_s, end_s, tuple(w.text for w in given) or words, given)


def _found(said: Sequence[Said], search: Search, length_s: float) -> Places:
    """The places of all words, one utterance after the other."""
    found: Places = []
    at = 0
    for group in _groups(said):
        at += len(group)
        if group[0].given:
            found += group[0].given
            continue
        low_s = max((word.end_s for word in found if word), default=0.0)
        high_s = min((one.given[0].start_s for one in said[at:] if one.given), default=length_s)
        found += _together(group, search, low_s, max(low_s, high_s))
    return found


def _groups(said: Sequence[Said]) -> Iterator[list[Said]]:
    """The utterances that are looked for together; one with given words is alone."""
    group: list[Said] = []
    for one in said:
        if group and (one.given or group[0].given or one.start_s - _end_s(group) >= 2 * PAD_S):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _together(group: Sequence[Said], search: Search, low_s: float, high_s: float) -> Places:
    """The places of the words of neighbours, between two times."""
    from_s, to_s = group[0].start_s - PAD_S, _end_s(group) + PAD_S
    long = len(group) > 1 and to_s - from_s > WINDOW_S
    found: Places = []
    if not long:
        words = [word for one in group for word in one.words]
        found = search(words, max(low_s, from_s), min(high_s, to_s))
        if len(group) == 1 or not _strayed(group, found):
            return found
    cut = _widest(group)
    before, after = group[:cut], group[cut:]
    end_s, start_s = _end_s(before), after[0].start_s
    middle_s = (end_s + start_s) / 2
    found = _together(before, search, low_s, min(high_s, max(middle_s, start_s)))
    last_s = max((word.end_s for word in found if word), default=low_s)
    return found + _together(after, search, max(last_s, min(middle_s, end_s)), high_s)


def _strayed(group: Sequence[Said], found: Places) -> bool:
    """Whether a word lies farther from its utterance than its times are trusted."""
    places = iter(found)
    for one in group:
        for word in (next(places) for _ in one.words):
            if word and (word.start_s < one.start_s - PAD_S or word.end_s > one.end_s + PAD_S):
                return True
    return False


def _widest(group: Sequence[Said]) -> int:
    """Before which utterance there is most room, of those in the middle half; of equals the middle one."""
    n = len(group)
    places = range(max(1, n // 4), max(2, n - n // 4))
    return max(places, key=lambda k: (group[k].start_s - _end_s(group[:k]), -abs(2 * k - n)))


def _end_s(group: Sequence[Said]) -> float:
    return max(one.end_s for one in group)


def _later(word: TimedWord, by_s: float, length_s: float) -> TimedWord:
    """The word on the clock of the audio that its piece was taken from."""
    start_s, end_s = min(word.start_s + by_s, length_s), min(word.end_s + by_s, length_s)
    return TimedWord(text=word.text, start_s=start_s, end_s=end_s, confidence=word.confidence)
