"""Words with times: matched with the text they stand for, and made into utterances where there are none."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from schemas.transcript import TimedWord, Utterance

PAUSE_S: Final = 0.2
"""Silence of a speaker that ends an utterance: the usual bound of an inter-pausal unit."""


def spelled_as(text: str, words: Sequence[TimedWord]) -> tuple[TimedWord, ...]:
    """The words, spelled as in the text where each is one of its words; none where they are not the text.

    Case and punctuation may differ: aligners leave them out.
    """
    if _letters(text) != _letters("".join(w.text for w in words)):
        return ()
    tokens = text.split()
    if [_letters(t) for t in tokens] == [_letters(w.text) for w in words]:
        return tuple(replace(word, text=token) for word, token in zip(words, tokens, strict=True))
    return tuple(words)


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
