"""Tokens of a transcript as they are looked up: lower case, no punctuation, and what is no word told apart."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

_BRACKETS: Final = {"[": "]", "<": ">", "{": "}"}
_EVENT: Final = re.compile(r"\[[^\]]*\]|<[^>]*>|\{[^}]*\}")
_EVENT_WORDS: Final = 6  # a bracket that is not closed within so many words opens no event
_PLAIN: Final = {ord(c): "'" for c in "’‘ʼ`´＇"} | {ord(c): "-" for c in "‐‑‒–—―−"}
_INSIDE: Final = "'-.,:/&+@%$£€"  # may belong to a word; the rest of the punctuation parts words
_AT_START: Final = "'$£€"
_AT_END: Final = "'%"


def spoken(words: Sequence[str]) -> list[str | None]:
    """Each word as it is looked up; None for what nobody says.

    That is `[laughter]`, `<noise>` and `{cough}`, also over several words (`[background noise]`), and punctuation
    that stands alone. Parentheses are punctuation: transcribers put words there that they are unsure of.
    """
    events = _event_words(words)
    return [None if i in events else normalised(_EVENT.sub(" ", word)) for i, word in enumerate(words)]


def _event_words(words: Sequence[str]) -> set[int]:
    """The words of the events that are written as several."""
    found: set[int] = set()
    for i, word in enumerate(words):
        closing = _BRACKETS.get(word[:1])
        if i in found or closing is None or closing in word:
            continue
        for end in range(i + 1, min(i + _EVENT_WORDS, len(words))):
            if closing in words[end]:
                found.update(range(i, end + 1))
                break
    return found


def normalised(word: str) -> str | None:
    """A word in lower case, apostrophes and hyphens plain, no punctuation around it; None if nothing is left."""
    text = unicodedata.normalize("NFKC", word).translate(_PLAIN).lower()
    text = "".join(c if c.isalnum() or unicodedata.combining(c) or c in _INSIDE else " " for c in text)
    text = "-".join(text.split())
    while text and not (text[0].isalnum() or text[0] in _AT_START):
        text = text[1:]
    while text and not (text[-1].isalnum() or unicodedata.combining(text[-1]) or text[-1] in _AT_END):
        text = text[:-1]
    return text if any(c.isalnum() for c in text) else None


def is_english(language: str | None) -> bool:
    """Whether a BCP 47 tag is English; no tag counts as English."""
    return language is None or re.split("[-_]", language.lower())[0] in {"", "en", "eng"}
