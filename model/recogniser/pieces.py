"""Words out of a network's tokens: pieces of bytes, put together to characters, and those to words."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.transcript import TimedWord

_CUT: Final = "\ufffd"  # stands for the bytes of a character that has begun, or goes on


@dataclass(frozen=True, slots=True)
class Token:
    """A token with its times in seconds and the probability that the network gives it."""

    number: int
    start_s: float
    end_s: float
    probability: float


def words_of(tokens: Sequence[Token], decode: Callable[[list[int]], str], *, spaced: bool) -> list[TimedWord]:
    """The words, parted by blanks, or a word for each character where the language is not written with blanks.

    Punctuation goes with the word before it, or after it at the start, but does not lengthen it. `confidence`: mean
    probability of the tokens with letters. What has no letter at all is no word.
    """
    found: list[list[_Piece]] = [[]]
    for piece in _pieces(tokens, decode):
        begins = piece.text[:1].isspace() if spaced else piece.letters and any(p.letters for p in found[-1])
        if begins:
            found.append([])
        found[-1].append(piece)
    return [word for pieces in found if (word := _word(pieces))]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Tokens that are whole characters together."""

    text: str
    tokens: tuple[Token, ...]

    @property
    def letters(self) -> bool:
        return any(c.isalnum() for c in self.text)


def _pieces(tokens: Sequence[Token], decode: Callable[[list[int]], str]) -> Iterator[_Piece]:
    open_: list[Token] = []
    for token in tokens:
        open_.append(token)
        text = decode([t.number for t in open_])
        if _CUT not in text:
            yield _Piece(text, tuple(open_))
            open_ = []


def _word(pieces: Sequence[_Piece]) -> TimedWord | None:
    said = [token for piece in pieces if piece.letters for token in piece.tokens]
    if not said:
        return None
    return TimedWord(
        text="".join(piece.text for piece in pieces).strip(),
        start_s=said[0].start_s,
        end_s=said[-1].end_s,
        confidence=min(1.0, sum(t.probability for t in said) / len(said)),
    )
