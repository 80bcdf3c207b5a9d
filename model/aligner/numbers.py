"""Numbers as speakers of English read them: the usual readings, in words."""

import re
from typing import Final

_ONES: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS: Final = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES: Final = ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"), (10**2, "hundred"))
_SIGNS: Final = {"$": ("dollar", "dollars"), "£": ("pound", "pounds"), "€": ("euro", "euros")}
_ORDINALS: Final = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_LONGEST: Final = 12  # digits that are read as one number
_NUMBER: Final = re.compile(
    r"(?P<sign>[$£€]?)(?P<whole>\d{1,3}(?:,\d{3}){1,9}|\d{1,30})(?:\.(?P<part>\d{1,9}))?(?P<end>%|st|nd|rd|th|s)?",
    re.ASCII,
)
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d)", re.ASCII)

Words = tuple[str, ...]


def readings(token: str) -> tuple[Words, ...]:
    """The usual ways to say a number, most usual first; () for what is no number.

    "1998" is "nineteen ninety eight", "one thousand nine hundred (and) ninety eight" or "one nine nine eight". Also
    decimals, money, percent, ordinals ("21st"), decades ("1990s") and times of day ("10:30").
    """
    clock = _CLOCK.fullmatch(token)
    if clock:
        return _time(int(clock[1]), int(clock[2]))
    match = _NUMBER.fullmatch(token)
    if match is None:
        return ()
    digits, part, end = match["whole"].replace(",", ""), match["part"], match["end"]
    if match["sign"]:
        found = _money(digits, part, _SIGNS[match["sign"]])
    elif part:
        point = tuple(_ONES[int(d)] for d in part)
        found = [(*words, "point", *point) for words in _as_number(digits)]
    else:
        found = [*_year(digits), *_as_number(digits), *([] if end else _as_digits(digits))]
    return tuple(dict.fromkeys(_ended(words, end) for words in found))


def cardinal(number: int, joined: bool = False) -> Words:
    """A number below 10^12 in words; `joined`: with "and" before the tens of a number over 100."""
    if number < 20:
        return (_ONES[number],)
    if number < 100:
        return (_TENS[number // 10], *(cardinal(number % 10) if number % 10 else ()))
    scale, name = next((s, n) for s, n in _SCALES if number >= s)
    rest = number % scale
    link = ("and",) if joined and 0 < rest < 100 else ()
    return (*cardinal(number // scale, joined), name, *link, *(cardinal(rest, joined) if rest else ()))


def _as_number(digits: str) -> list[Words]:
    if len(digits) > _LONGEST or (digits[0] == "0" and len(digits) > 1):
        return []
    plain = cardinal(int(digits))
    short = [("a", *plain[1:])] if plain[0] == "one" and len(plain) > 1 else []
    return [plain, cardinal(int(digits), joined=True), *short]


def _as_digits(digits: str) -> list[Words]:
    one_by_one = tuple(_ONES[int(d)] for d in digits)
    return [tuple("oh" if word == "zero" else word for word in one_by_one), one_by_one]


def _year(digits: str) -> list[Words]:
    """As two pairs, "nineteen oh five"; as one digit and a pair, "one oh five"."""
    if len(digits) not in {3, 4} or digits[0] == "0":
        return []
    high, low = divmod(int(digits), 100)
    if high % 10 == 0 and low < 10:  # "two thousand", "two thousand nine"
        return []
    return [(*cardinal(high), *(_pair(low) if low else ("hundred",)))]


def _pair(number: int) -> Words:
    return cardinal(number) if number >= 10 else ("oh", _ONES[number])


def _time(hour: int, minute: int) -> tuple[Words, ...]:
    if minute:
        return ((*cardinal(hour), *_pair(minute)),)
    return (cardinal(hour), (*cardinal(hour), "o'clock"), (*cardinal(hour), "hundred"))


def _money(digits: str, part: str | None, names: tuple[str, str]) -> list[Words]:
    """ "five dollars"; with two decimals "five fifty", "five dollars (and) fifty (cents)"."""
    numbers, name = _as_number(digits), names[int(digits) != 1]
    if not part:
        return [(*words, name) for words in numbers]
    if len(part) != 2:
        return [(*words, "point", *(_ONES[int(d)] for d in part), names[1]) for words in numbers]
    small, coin = cardinal(int(part)), "pence" if names[0] == "pound" else "cents"
    return [
        said
        for words in numbers[:1]
        for said in (
            (*words, name, *small),
            (*words, name, *small, coin),
            (*words, name, "and", *small, coin),
            (*words, *_pair(int(part))),
        )
    ]


def _ended(words: Words, end: str | None) -> Words:
    """With the word that a percent sign stands for, or the last word as an ordinal or a plural."""
    last = words[-1]
    if not end:
        return words
    if end == "%":
        return (*words, "percent")
    if end == "s":
        return (*words[:-1], f"{last[:-1]}ies" if last.endswith("y") else f"{last}s")
    return (*words[:-1], _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"))
