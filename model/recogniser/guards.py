"""What a recogniser heard and nobody said: words in silence, loops, words faster than speech, the other's words.

Every guard takes words by start and gives back some of them in their order, and how many it took out; applied to its
own result it takes out nothing more.
"""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from model.aligner.tokens import normalised
from model.recogniser.contract import Heard
from model.recogniser.stretches import Interval
from schemas.transcript import TimedWord

Words = tuple[TimedWord, ...]
Kept = tuple[Words, int]
Level = Callable[[int, float, float], float]
"""The level of a channel between two times, dB."""

AROUND_S: Final = 0.15  # a word may reach so far out of the activity: soft sounds, and the times' own error
LEAST_INSIDE_S: Final = 0.04
LOOP_WORDS: Final = 20  # the longest phrase that is looked for
ROUNDS: Final = 3  # people say a phrase so often on end ...
ROUNDS_OF_A_WORD: Final = 8  # ... and a word so often: "no no no no"
LETTERS_PER_S: Final = 30.0  # fast speech has 8 syllables a second of 3 letters
LETTERS_AT_ONCE: Final = 10.0  # what a word's time may lack: it is known to 20 ms, and a "to" may have none
NO_SPEECH: Final = 0.6  # these three as in Whisper (Radford et al. 2022, section 4.5)
LOG_PROBABILITY: Final = -1.0
COMPRESSION: Final = 2.4
BLEED_MARGIN_DB: Final = 6.0  # as in `stages.diarize`
SAME_TIME_S: Final = 0.2


def without_silence(words: Sequence[TimedWord], active: Sequence[Interval]) -> Kept:
    """Without words where the channel is not active; those that reach out of the activity are cut to it.

    active: the channel's, in order and disjoint.
    """
    kept: list[TimedWord] = []
    around = _widened(active)
    for word in words:
        middle_s = (word.start_s + word.end_s) / 2
        least_s = min(LEAST_INSIDE_S, (word.end_s - word.start_s) / 2)
        if any(a <= middle_s <= b for a, b in around) or any(_shared(word, part) >= least_s for part in active):
            part = max(around, key=lambda part: _shared(word, part))
            kept.append(replace(word, start_s=max(word.start_s, part[0]), end_s=min(word.end_s, part[1])))
    return tuple(kept), len(words) - len(kept)


def _shared(word: TimedWord, part: Interval) -> float:
    """Seconds of a word in an interval, negative if it is outside."""
    return min(word.end_s, part[1]) - max(word.start_s, part[0])


def _widened(active: Sequence[Interval]) -> list[Interval]:
    found: list[Interval] = []
    for start_s, end_s in active:
        if found and start_s - AROUND_S <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end_s + AROUND_S))
        else:
            found.append((start_s - AROUND_S, end_s + AROUND_S))
    return found


def without_repeats(words: Sequence[TimedWord]) -> Kept:
    """Without loops: a phrase that comes more often on end than anybody says it is cut to its first round.

    Up to three rounds are speech, of a single word up to eight, of two up to four: "no no no", "come on come on".
    """
    kept = tuple(words)
    while len(shorter := _unlooped(kept)) < len(kept):
        kept = shorter  # what was apart may now be a loop itself
    return kept, len(words) - len(kept)


def _unlooped(words: Words) -> Words:
    said = [_said(word) for word in words]
    kept: list[TimedWord] = []
    at = 0
    while at < len(words):
        length, end = _loop(said, at)
        kept += words[at : at + length]
        at = end
    return tuple(kept)


def _loop(said: Sequence[str], at: int) -> tuple[int, int]:
    """How many of the words from `at` on are kept, and where it goes on: after a loop, or one word later."""
    for length in range(1, LOOP_WORDS + 1):
        end = at + length
        while end < len(said) and said[end] == said[end - length]:
            end += 1
        if (end - at) // length > max(ROUNDS, ROUNDS_OF_A_WORD // length):
            return length, end
    return 1, at + 1


def without_rush(words: Sequence[TimedWord]) -> Kept:
    """Without words that come faster than anybody speaks: no time at all for one short word, but not for a pile.

    Time fills a measure with letters, up to `LETTERS_AT_ONCE` of them between words, and words take from it; what it
    does not hold was not said.
    """
    kept: list[TimedWord] = []
    measure, last_s = LETTERS_AT_ONCE, -math.inf
    for word in words:
        before = min(LETTERS_AT_ONCE, measure + LETTERS_PER_S * max(0.0, word.start_s - last_s))
        held = before + LETTERS_PER_S * max(0.0, word.end_s - max(word.start_s, last_s))
        letters = sum(c.isalnum() for c in word.text)
        if letters <= held:
            kept.append(word)
            measure, last_s = held - letters, max(last_s, word.end_s)
    return tuple(kept), len(words) - len(kept)


def without_doubt(heard: Heard) -> Kept:
    """No words of a stretch in which the recogniser hears nobody, or says the same over and over."""
    unsure = heard.log_probability is not None and heard.log_probability < LOG_PROBABILITY
    nobody = heard.no_speech is not None and heard.no_speech > NO_SPEECH
    if (unsure and nobody) or compression(heard.words) > COMPRESSION:
        return (), len(heard.words)
    return heard.words, 0


def compression(words: Sequence[TimedWord]) -> float:
    """How many times smaller zlib makes the text."""
    text = " ".join(word.text for word in words).encode()
    return len(text) / len(zlib.compress(text))


def without_bleed(
    words: tuple[Words, Words],
    active: tuple[Sequence[Interval], Sequence[Interval]],
    level: Level,
    leakage_db: tuple[float, float],
) -> tuple[tuple[Words, Words], int]:
    """Without words that the other channel says at the same time, where this channel has only its leak.

    That is where it is below the other by about the leakage, or where only the other is active. Of the same word on
    two active channels at levels of their own both stay. leakage_db: as in `Layout`.
    """
    by_text: tuple[dict[str, list[TimedWord]], dict[str, list[TimedWord]]] = ({}, {})
    for channel in (0, 1):
        for word in words[channel]:
            by_text[channel].setdefault(_said(word), []).append(word)

    def leaked(channel: int, word: TimedWord) -> bool:
        middle_s, others = (word.start_s + word.end_s) / 2, by_text[1 - channel].get(_said(word), [])
        own, theirs = (any(a <= middle_s <= b for a, b in active[c]) for c in (channel, 1 - channel))
        for other in others:
            start_s, end_s = min(word.start_s, other.start_s), max(word.end_s, other.end_s)
            if end_s - start_s <= word.end_s - word.start_s + other.end_s - other.start_s + SAME_TIME_S:
                above_db = level(channel, start_s, end_s) - level(1 - channel, start_s, end_s)
                if above_db < 0.0 and ((theirs and not own) or above_db <= leakage_db[channel] + BLEED_MARGIN_DB):
                    return True
        return False

    first, second = (tuple(w for w in words[c] if not leaked(c, w)) for c in (0, 1))
    return (first, second), sum(map(len, words)) - len(first) - len(second)


def _said(word: TimedWord) -> str:
    return normalised(word.text) or word.text
