"""How English tokens may be said: from the CMU dictionary, and by rules for what it lacks."""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice, product
from pathlib import Path
from typing import Final

from model.aligner.numbers import readings
from model.aligner.spelling import latin, letter_names, sounded

Part = tuple[str, ...]
"""The pronunciations of a word, each of phones with blanks between."""
Saying = tuple[Part, ...]
"""One way to say a token: words, between which there may be a pause."""

MAX_SAYINGS: Final = 12
_INITIALISM: Final = 5  # letters: words no longer than this may also be spelled out
_MAX_LETTERS: Final = 40  # longer words are keyboard noise; single letters of them would take minutes to say
_SIBILANTS: Final = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
_VOICELESS: Final = frozenset({"P", "T", "K", "F", "TH"})
_CLITICS: Final = {"'ll": "AH L", "'ve": "V", "'re": "ER", "'d": "D", "'m": "M", "n't": "AH N T"}
_INTERJECTIONS: Final = {
    "mm-hmm": ("M HH M", "AH M HH AH M"), "mm-hm": ("M HH M", "AH M HH AH M"), "mhm": ("M HH M", "AH M HH AH M"),
    "mmhmm": ("M HH M", "AH M HH AH M"), "um-hum": ("AH M HH AH M",), "uhuh": ("AH HH AH",), "uh-uh": ("AH AH",),
    "mm-mm": ("M AH M",), "hm": ("HH M", "M"), "hmm": ("HH M", "M"), "mm": ("M",), "shh": ("SH",), "er": ("ER", "AH"),
    "erm": ("ER M",), "eh": ("EH",), "ach": ("AA K",), "pff": ("P F",), "psst": ("P S T",), "tsk": ("T S K",),
}  # fmt: skip
_SIGNS: Final = {"&": "and", "+": "plus", "@": "at", "%": "percent"}


def read_dictionary(path: Path) -> dict[str, Part]:
    """A dictionary in the CMU format: `word PHONE PHONE`, further pronunciations as `word(2)`."""
    found: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        word, _, phones = line.partition(" ")
        found.setdefault(re.sub(r"\(\d+\)$", "", word), []).append(phones.strip())
    return {word: tuple(phones) for word, phones in found.items()}


def _with_s(phones: str) -> str:
    last = phones.rsplit(" ", 1)[-1]
    return f"{phones} {'IH Z' if last in _SIBILANTS else 'S' if last in _VOICELESS else 'Z'}"


def _with_d(phones: str) -> str:
    last = phones.rsplit(" ", 1)[-1]
    if last in {"T", "D"}:
        return f"{phones} IH D"
    return f"{phones} {'T' if last in _VOICELESS | {'S', 'SH', 'CH'} else 'D'}"


_ENDINGS: Final[Mapping[str, Callable[[str], str]]] = {
    "'s": _with_s,
    "es": _with_s,
    "s": _with_s,
    "ed": _with_d,
    "ing": "{} IH NG".format,
}


class Lexicon:
    """The dictionary with the rules; tokens as `model.aligner.tokens.spoken` gives them."""

    def __init__(self, dictionary: Mapping[str, Part]) -> None:
        self._dictionary = dictionary

    def sayings(self, token: str) -> tuple[Saying, ...]:
        """The ways to say a token, () where there is none: letters that are not Latin.

        In this order: the dictionary; numbers; its parts at hyphens, dots, signs and between letters and digits;
        then a single word by `_word`.
        """
        if len(token) > _MAX_LETTERS:
            return ()
        if re.fullmatch(r"[^\W\d](\.[^\W\d])+", token):
            return _one(_spelled(token.replace(".", "")))
        known = self._known(token)
        if known:
            return ((known,),)
        said = [self._all(words) for words in readings(token)]
        if said:
            return tuple(saying for saying in said if saying)[:MAX_SAYINGS]
        pieces = [p for p in re.split(r"[-.,:/]|([&+@%])|(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)", token) if p]
        if len(pieces) > 1:
            options = [self.sayings(_SIGNS.get(piece, piece)) for piece in pieces]
            joined = (tuple(part for saying in chosen for part in saying) for chosen in product(*options))
            return tuple(islice(joined, MAX_SAYINGS))
        return _one(self._word(token))

    def _all(self, words: Iterable[str]) -> Saying:
        """The words of a number; () if one of them is unknown."""
        parts = [self._known(word) or self._word(word) for word in words]
        return tuple(part for part in parts if part) if all(parts) else ()

    def _known(self, token: str) -> Part | None:
        """From the dictionary, also without accents, without its apostrophe, or with drawn-out letters cut short."""
        plain = latin(token)
        short = re.sub(r"(.)\1{2,}", r"\1\1", plain)
        for form in (token, plain, plain.strip("'"), short, re.sub(r"(.)\1{2,}", r"\1", plain)):
            found = _INTERJECTIONS.get(form) or self._dictionary.get(form)
            if found:
                return found
        return None

    def _word(self, token: str) -> Part | None:
        """A single word that the dictionary lacks: inflected, compound, an abbreviation, or by its letters."""
        plain = latin(token).strip("'")
        letters = plain.replace("'", "")
        known = self._inflected(plain) or self._compound(letters)
        if known:
            return known
        sound = sounded(letters)
        if sound is None:
            return None
        return (sound, *(_spelled(letters) or ())) if len(letters) <= _INITIALISM else (sound,)

    def _inflected(self, word: str) -> Part | None:
        """A known word with 's, -s, -es, -ed, -ing or a short form of a verb."""
        for ending, phones in _CLITICS.items():
            base = self._known(word.removesuffix(ending)) if word.endswith(ending) else None
            if base:
                return tuple(f"{said} {phones}" for said in base)
        for ending, ended in _ENDINGS.items():
            base = self._base(word, ending)
            if base:
                return tuple(ended(said) for said in base)
        return None

    def _base(self, word: str, ending: str) -> Part | None:
        """The known word that the ending was put to: as it is, with an e, with a y for an i, with one letter less."""
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 2:
            return None
        forms = [stem, f"{stem}e"] if ending != "'s" else [stem]
        if ending in {"es", "ed"} and stem.endswith("i"):
            forms.insert(0, f"{stem[:-1]}y")
        if ending in {"ed", "ing"} and stem[-1] == stem[-2]:
            forms.append(stem[:-1])
        return next((found for form in forms if (found := self._known(form))), None)

    def _compound(self, word: str) -> Part | None:
        """Two known words of at least three letters, the shorter as long as can be."""
        cuts = sorted(range(3, len(word) - 2), key=lambda cut: (-min(cut, len(word) - cut), cut))
        for cut in cuts:
            first, second = self._dictionary.get(word[:cut]), self._dictionary.get(word[cut:])
            if first and second:
                return tuple(f"{a} {b}" for a, b in islice(product(first, second), 4))
        return None


def _one(part: Part | None) -> tuple[Saying, ...]:
    return ((part,),) if part else ()


def _spelled(letters: str) -> Part | None:
    """The names of the letters, for a-z."""
    plain = latin(letters)
    return (" ".join(letter_names(plain)),) if re.fullmatch("[a-z]+", plain) else None
