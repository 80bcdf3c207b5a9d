"""Pronunciations: from a dictionary, and by rules for what it lacks."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.aligner.lexicon import MAX_SAYINGS, Lexicon, read_dictionary
from model.aligner.spelling import sounded
from model.aligner.tokens import spoken

VOWELS = {"AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"}
STOPS = {"B", "CH", "D", "G", "JH", "K", "P", "T"}
PHONES = VOWELS | STOPS | {"DH", "F", "HH", "L", "M", "N", "NG", "R", "S", "SH", "TH", "V", "W", "Y", "Z", "ZH"}
DICTIONARY = """cat K AE T
cats K AE T S
dog D AO G
bus B AH S
play P L EY
try T R AY
stop S T AA P
like L AY K
want W AA N T
night N AY T
light L AY T
five F AY V
twenty T W EH N T IY
twenty(2) T W EH N IY
and AH N D
em AH M
so S OW
naive N AY IY V
is IH Z
"""


@pytest.fixture(scope="module")
def lexicon(tmp_path_factory: pytest.TempPathFactory) -> Lexicon:
    path = tmp_path_factory.mktemp("lexicon") / "words.dict"
    path.write_text(DICTIONARY)
    return Lexicon(read_dictionary(path))


def said(lexicon: Lexicon, written: str) -> list[list[str]]:
    """Each way to say a word, its parts with bars between and the pronunciations of a part with slashes."""
    (token,) = spoken([written])
    return [[" / ".join(part) for part in saying] for saying in lexicon.sayings(token or "")]


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("Cat,", ["K AE T"]),
        ("Twenty", ["T W EH N T IY / T W EH N IY"]),
        ("'em", ["AH M"]),
        ("sooooo", ["S OW"]),
        ("naïve", ["N AY IY V"]),
        ("cat's", ["K AE T S"]),
        ("cats'", ["K AE T S"]),
        ("dog's", ["D AO G Z"]),
        ("bus's", ["B AH S IH Z"]),
        ("dogs", ["D AO G Z"]),
        ("buses", ["B AH S IH Z"]),
        ("tries", ["T R AY Z"]),
        ("played", ["P L EY D"]),
        ("liked", ["L AY K T"]),
        ("wanted", ["W AA N T IH D"]),
        ("tried", ["T R AY D"]),
        ("stopped", ["S T AA P T"]),
        ("liking", ["L AY K IH NG"]),
        ("dog'll", ["D AO G AH L"]),
        ("nightlight", ["N AY T L AY T"]),
        ("cat-dog", ["K AE T", "D AO G"]),
        ("A.B.C.", ["EY B IY S IY"]),
        ("25", ["T W EH N T IY / T W EH N IY", "F AY V"]),
        ("cat5", ["K AE T", "F AY V"]),
        ("cat&dog", ["K AE T", "AH N D", "D AO G"]),
        ("Mm-hmm", ["M HH M / AH M HH AH M"]),
    ],
)
def test_a_way_to_say_it(lexicon: Lexicon, written: str, parts: list[str]) -> None:
    assert said(lexicon, written)[0] == parts


def test_short_words_that_nobody_knows_may_be_spelled_out(lexicon: Lexicon) -> None:
    ((sound_and_letters,),) = said(lexicon, "XKCD")
    assert sound_and_letters.endswith(" / EH K S K EY S IY D IY")


def test_a_number_may_be_read_in_several_ways(lexicon: Lexicon) -> None:
    assert len(said(lexicon, "55")) == len({str(way) for way in said(lexicon, "55")}) == 2


@pytest.mark.parametrize("written", ["你好", "привет", "x" * 41])
def test_what_cannot_be_said(lexicon: Lexicon, written: str) -> None:
    assert said(lexicon, written) == []


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("made", "M EY D"),
        ("knight", "N AY T"),
        ("fly", "F L AY"),
        ("city", "S IH T IY"),
        ("station", "S T AE SH AH N"),
        ("queen", "K W IY N"),
        ("bubble", "B AH B AH L"),
        ("phone", "F OW N"),
    ],
)
def test_words_by_their_letters(word: str, phones: str) -> None:
    assert sounded(word) == phones


@given(st.text(alphabet=st.characters(max_codepoint=0x3FF), max_size=14))
def test_whatever_is_written_has_known_phones_or_none(text: str) -> None:
    lexicon = Lexicon({"cat": ("K AE T",), "five": ("F AY V",)})
    for token in spoken([text]):
        sayings = lexicon.sayings(token) if token else ()
        assert len(sayings) <= MAX_SAYINGS
        for saying in sayings:
            assert saying
            assert all(part and all(p and set(p.split()) <= PHONES for p in part) for part in saying)


def test_the_dictionary_of_the_package_has_only_these_phones() -> None:
    import pocketsphinx

    path = Path(pocketsphinx.__file__).parent / "model" / "en-us" / "cmudict-en-us.dict"
    words = read_dictionary(path)
    assert len(words) > 100_000
    assert {phone for part in words.values() for phones in part for phone in phones.split()} == PHONES
