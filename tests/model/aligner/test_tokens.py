"""What is looked up of a transcript's tokens, and what is no word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.aligner.tokens import is_english, normalised, spoken


@pytest.mark.parametrize(
    ("written", "looked_up"),
    [
        ("Hello,", "hello"),
        ("“Don’t!”", "don't"),
        ("(um)", "um"),
        ("'em", "'em"),
        ("rock–n–roll", "rock-n-roll"),
        ("peop-", "peop"),
        ("$5.50.", "$5.50"),
        ("50%?", "50%"),
        ("U.S.", "u.s"),
        ("Ｆｕｌｌ", "full"),
        ("你好。", "你好"),
        ("--", None),
        ("...", None),
        ("—", None),
        ("", None),
    ],
)
def test_a_word_without_its_punctuation(written: str, looked_up: str | None) -> None:
    assert normalised(written) == looked_up


def test_bracketed_events_are_no_words_also_over_several_tokens() -> None:
    words = ["well", "[laughter]", "<noise>", "[background", "noise", "here]", "{cough}", "<v>hello", "then"]
    assert spoken(words) == ["well", None, None, None, None, None, None, "hello", "then"]


def test_a_bracket_that_is_not_closed_hides_nothing() -> None:
    words = ["x", "<", "y", "and", "so", "on", "for", "many", "words"]
    assert spoken(words) == ["x", None, "y", "and", "so", "on", "for", "many", "words"]


@given(st.lists(st.text(max_size=8), max_size=12))
def test_any_text_gives_a_token_or_none_for_each_word(words: list[str]) -> None:
    found = spoken(words)
    assert len(found) == len(words)
    assert all(token is None or any(c.isalnum() for c in token) for token in found)


@pytest.mark.parametrize("language", [None, "en", "EN", "en-GB", "en_US", "eng", ""])
def test_english(language: str | None) -> None:
    assert is_english(language)


@pytest.mark.parametrize("language", ["de", "enm", "fr-CA", "zh-Hans"])
def test_not_english(language: str) -> None:
    assert not is_english(language)
