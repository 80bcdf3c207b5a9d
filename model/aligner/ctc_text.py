"""Words in the characters of a CTC model."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

from model.aligner.numbers import readings
from model.aligner.spelling import latin
from model.aligner.tokens import is_english, spoken

_BETWEEN_WORDS: Final = "|"


class Alphabet:
    """A model's characters by number. `star`: our own, for any sound at all, after the last of the model's.

    `blank`: of CTC. `gap`: the character between words, None where the model has none.
    """

    def __init__(self, vocabulary: Mapping[str, int], *, blank: int, size: int) -> None:
        self.blank: Final = blank
        self.star: Final = size
        self.gap: Final = vocabulary.get(_BETWEEN_WORDS)
        known = {c: n for c, n in vocabulary.items() if len(c) == 1 and c != _BETWEEN_WORDS and n != blank}
        self._numbers = {unicodedata.normalize("NFC", c): n for c, n in known.items()}

    def items(self, words: Sequence[str], language: str | None) -> list[tuple[int, ...] | None]:
        """The numbers of each word; None for what nobody says. Letters and digits that the model lacks: `star`."""
        return [self._word(token, language) if token else None for token in spoken(words)]

    def _word(self, token: str, language: str | None) -> tuple[int, ...] | None:
        said = readings(token)[:1] if is_english(language) and not self._all_known(token) else ()
        numbers: list[int] = []
        for part in said[0] if said else (token,):
            between = [self.gap] if numbers and self.gap is not None else []
            numbers += [*between, *(n for c in unicodedata.normalize("NFC", part) for n in self._character(c))]
        once = [n for i, n in enumerate(numbers) if n != self.star or i == 0 or numbers[i - 1] != self.star]
        return tuple(once) or None

    def _all_known(self, token: str) -> bool:
        return all(self.star not in self._character(c) for c in token if c.isalnum())

    def _character(self, c: str) -> tuple[int, ...]:
        """A character as it is, in the other case, or without accents; () for punctuation that the model lacks."""
        for form in (c, c.upper(), latin(c), latin(c).upper()):
            if form and all(letter in self._numbers for letter in form):
                return tuple(self._numbers[letter] for letter in form)
        return (self.star,) if c.isalnum() else ()
