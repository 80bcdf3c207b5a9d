"""Numbers as they are said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.aligner.numbers import cardinal, readings


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("0", "oh"),
        ("25", "twenty five"),
        ("100", "a hundred"),
        ("105", "one oh five"),
        ("105", "one hundred and five"),
        ("1998", "nineteen ninety eight"),
        ("1905", "nineteen oh five"),
        ("1900", "nineteen hundred"),
        ("2009", "two thousand nine"),
        ("2010", "twenty ten"),
        ("007", "oh oh seven"),
        ("1,250", "one thousand two hundred fifty"),
        ("3.5", "three point five"),
        ("50%", "fifty percent"),
        ("$1", "one dollar"),
        ("$5.50", "five fifty"),
        ("£2.05", "two pounds and five pence"),
        ("€20", "twenty euros"),
        ("1990s", "nineteen nineties"),
        ("21st", "twenty first"),
        ("12th", "twelfth"),
        ("30th", "thirtieth"),
        ("10:30", "ten thirty"),
        ("9:05", "nine oh five"),
        ("6:00", "six o'clock"),
        ("5551234567890", "five five five one two three four five six seven eight nine oh"),
    ],
)
def test_one_of_the_readings(written: str, said: str) -> None:
    assert tuple(said.split()) in readings(written)


@pytest.mark.parametrize("written", ["", "abc", "5k", "1-2", "٣", "1.2.3", "1,2,3", "9" * 31])
def test_what_is_no_number_has_no_reading(written: str) -> None:
    assert readings(written) == ()


@given(st.integers(0, 10**12 - 1))
def test_a_cardinal_says_its_number(number: int) -> None:
    ones = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    teens = ["eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
    tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    worth = {word: n for n, word in enumerate(ones + teens)} | {word: 20 + 10 * n for n, word in enumerate(tens)}
    total = group = 0
    for word in cardinal(number, joined=True):
        if word in {"thousand", "million", "billion"}:
            total += group * {"thousand": 10**3, "million": 10**6, "billion": 10**9}[word]
            group = 0
        elif word == "hundred":
            group *= 100
        elif word != "and":
            group += worth[word]
    assert total + group == number


@given(st.from_regex(r"[$£€]?[0-9,.:]{1,12}(%|st|nd|rd|th|s)?", fullmatch=True))
def test_readings_are_distinct_and_of_words(written: str) -> None:
    said = readings(written)
    assert len(set(said)) == len(said)
    assert all(words and all(word.replace("'", "").isalpha() for word in words) for words in said)
