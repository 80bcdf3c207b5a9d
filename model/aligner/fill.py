"""What to do with words that have no place: they share out the room between their neighbours."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final, NamedTuple

from schemas.transcript import TimedWord

LEAST_S: Final = 0.01
"""For each word there is at least so much, from the neighbours where there is none between them."""


class Said(NamedTuple):
    """An utterance; `given`: its words, where it is known where they are."""

    start_s: float
    end_s: float
    words: tuple[str, ...]
    given: tuple[TimedWord, ...] = ()


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


def filled(said: Sequence[Said], found: Sequence[TimedWord | None], length_s: float) -> tuple[TimedWord, ...]:
    """The words of utterances by start; those that are not found are spread between the others in their utterance.

    Where there is less than LEAST_S for each, they take up to half of a neighbour in their utterance, else of what is
    free beside it, else of the other neighbours. length_s: of the audio.
    """
    made: list[TimedWord] = []
    places = list(found)
    for one in said:
        first, last = len(made), len(made) + len(one.words)
        while len(made) < last:
            at = len(made)
            word = places[at]
            if word:
                made.append(word)
                continue
            until = next((i for i in range(at, last) if places[i]), last)
            after = next((i for i in range(until, len(places)) if places[i]), None)
            gap = _Gap(
                made[-1] if made else None,
                None if after is None else places[after],
                (one.start_s, one.end_s),
                (at > first, until < last),
            )
            from_s, to_s = gap.room(LEAST_S * (until - at), length_s)
            if made and from_s < made[-1].end_s:
                made[-1] = replace(made[-1], end_s=from_s)
            if after is not None and gap.after and to_s > gap.after.start_s:
                places[after] = replace(gap.after, start_s=to_s)
            made += spread(one.words[at - first : until - first], from_s, to_s)
    return tuple(made)


class _Gap(NamedTuple):
    """Where words are missing. `own`: whether the word before and the word after are of the same utterance."""

    before: TimedWord | None
    after: TimedWord | None
    utterance_s: tuple[float, float]
    own: tuple[bool, bool]

    def room(self, least_s: float, length_s: float) -> tuple[float, float]:
        """From when to when they are: all that is free in the utterance, and `least_s` if there is as much."""
        high_s = self.after.start_s if self.after else length_s
        low_s = min(self.before.end_s, high_s) if self.before else 0.0
        from_s = low_s if self.own[0] else min(max(low_s, self.utterance_s[0]), high_s)
        to_s = high_s if self.own[1] else max(from_s, min(high_s, self.utterance_s[1]))
        half_before_s = min(from_s, (self.before.start_s + low_s) / 2) if self.before else low_s
        half_after_s = max(to_s, (high_s + self.after.end_s) / 2) if self.after else high_s
        inside = half_before_s if self.own[0] else from_s, half_after_s if self.own[1] else to_s
        for lowest_s, highest_s in (inside, (low_s, high_s), (half_before_s, half_after_s)):
            lacking_s = max(0.0, least_s - (to_s - from_s))
            left_s, right_s = max(0.0, from_s - lowest_s), max(0.0, highest_s - to_s)
            earlier_s = min(left_s, max(lacking_s / 2, lacking_s - right_s))
            from_s, to_s = from_s - earlier_s, to_s + min(right_s, lacking_s - earlier_s)
        return from_s, to_s
