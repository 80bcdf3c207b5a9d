"""Tokens put together to words: here a token is a byte."""

import pytest

from model.recogniser.pieces import Token, words_of
from schemas.transcript import TimedWord


def bytes_of(text: str) -> list[Token]:
    """A token a byte, each a tenth of a second long."""
    return [Token(b, i / 10, (i + 1) / 10, 0.5) for i, b in enumerate(text.encode())]


def heard(text: str, *, spaced: bool = True) -> list[TimedWord]:
    return words_of(bytes_of(text), lambda numbers: bytes(numbers).decode(errors="replace"), spaced=spaced)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" Well, I don't co-operate.", ["Well,", "I", "don't", "co-operate."]),
        ("naïve – café!", ["naïve", "café!"]),
        (' "Oh" [laughter] ', ['"Oh"', "[laughter]"]),
        (" ... -", []),
        ("", []),
    ],
)
def test_words_are_parted_by_blanks(text: str, words: list[str]) -> None:
    assert [word.text for word in heard(text)] == words


def test_punctuation_does_not_lengthen_a_word() -> None:
    first, second = heard(" Oh... so")
    assert (first.text, first.start_s, first.end_s) == ("Oh...", 0.1, 0.3)
    assert (second.start_s, second.end_s, second.confidence) == (0.7, 0.9, 0.5)


def test_a_character_is_a_word_where_there_are_no_blanks() -> None:
    found = heard("你好,吗。", spaced=False)
    assert [(w.text, w.start_s, w.end_s) for w in found] == [("你", 0.0, 0.3), ("好,", 0.3, 0.6), ("吗。", 0.7, 1.0)]


def test_bytes_that_never_become_a_character_are_left_out() -> None:
    broken = [*bytes_of("so "), Token(0xE4, 0.3, 0.4, 0.5)]
    decode = lambda numbers: bytes(numbers).decode(errors="replace")  # noqa: E731
    assert [word.text for word in words_of(broken, decode, spaced=True)] == ["so"]
