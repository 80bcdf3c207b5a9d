"""Words with times: matched with the text they stand for, and made into utterances where there are none."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from schemas.transcript import TimedWord, Utterance

PAUSE_S: Final = 0.2
"""Silence of a speaker that ends an utterance: the usual bound of an inter-pausal unit."""


Written = TimedWord | str
"""A word; only its text where it has no times."""


def spelled_as(text: str, words: Sequence[Written]) -> tuple[Written, ...]:
    """The words, spelled as in the text where each is one of its words; none where they are not the text.

    Case and punctuation may differ: aligners leave them out.
    """
    letters = [_letters(_text(w)) for w in words]
    if _letters(text) != "".join(letters):
        return ()
    tokens = text.split()
    if [_letters(t) for t in tokens] == letters:
        return tuple(
            replace(word, text=token) if isinstance(word, TimedWord) else token
            for word, token in zip(words, tokens, strict=True)
        )
    return tuple(words)


def parted(utterance: Utterance) -> list[Utterance]:
    """An utterance of which only some words have times, in runs that have them and runs that have not.

    A run without times has the room between its neighbours, none where they leave none. Others stay whole.
    """
    runs = [list(run) for _, run in groupby(utterance.partly, key=lambda w: isinstance(w, TimedWord))]
    if not runs or utterance.start_s is None or utterance.end_s is None:
        return [utterance]
    timed = [tuple(w for w in run if isinstance(w, TimedWord)) for run in runs]
    parts: list[Utterance] = []
    at_s = utterance.start_s
    for k, (run, words) in enumerate(zip(runs, timed, strict=True)):
        if words:
            start_s, at_s = words[0].start_s, max(w.end_s for w in words)
            end_s = at_s
        else:
            end_s = timed[k + 1][0].start_s if k + 1 < len(runs) else max(at_s, utterance.end_s)
            start_s = min(at_s, end_s)
        text = " ".join(map(_text, run))
        parts.append(Utterance(speaker=utterance.speaker, start_s=start_s, end_s=end_s, text=text, words=words))
    return parts


def _text(word: Written) -> str:
    return word.text if isinstance(word, TimedWord) else word


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def in_utterances(speaker: str, words: Iterable[TimedWord]) -> Iterator[Utterance]:
    """The words of one speaker, parted at his pauses."""
    said: list[TimedWord] = []
    end_s = 0.0
    for word in sorted(words, key=lambda w: w.start_s):
        if said and round(word.start_s - end_s, 6) >= PAUSE_S:
            yield _utterance(speaker, said)
            said = []
        end_s = max(end_s, word.end_s)
        said.append(word)
    if said:
        yield _utterance(speaker, said)


def _utterance(speaker: str, words: Sequence[TimedWord]) -> Utterance:
    return Utterance(
        speaker=speaker,
        start_s=words[0].start_s,
        end_s=max(w.end_s for w in words),
        text=" ".join(w.text for w in words),
        words=tuple(words),
    )
