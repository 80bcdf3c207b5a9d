"""Text from outside: bounded, visible, and never an address that runs something."""

import json
import unicodedata
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.browse.text import KEY, key_of, link_of
from pipeline.visible import SHORT, clean, shown

ANY = st.text(st.characters(), max_size=400)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY, inner, max_size=4),
    max_leaves=20,
)


@given(ANY)
def test_what_is_shown_can_be_seen(text: str) -> None:
    made = shown(text)
    assert not [
        c
        for c in made
        if unicodedata.category(c) in ("Cc", "Cs")
        or unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI")
    ]
    made.encode()
    if text.isascii() and text.isprintable() and len(text) <= SHORT:
        assert made == text


def test_a_long_text_is_cut_and_says_so() -> None:
    assert shown("x" * 1_000_000) == f"{'x' * SHORT}… (1,000,000 characters)"
    assert shown("a\u202eb\x00c\nd") == "a\\u202eb\\u0000c d"


@given(VALUES)
def test_every_value_becomes_json(value: object) -> None:
    json.loads(json.dumps(clean(value), allow_nan=False))


@given(ANY)
def test_a_link_has_a_host_and_is_of_the_web(text: str) -> None:
    found = link_of(text)
    assert found is None or (
        found == text and urlsplit(found).scheme in ("http", "https") and urlsplit(found).hostname
    )


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<script>",
        "file:///etc/passwd",
        "//example.org",
        "http://",
        "https://[",
        "https://a b",
        "http://x\u202e.org",
        "vbscript:x",
        "",
    ],
)
def test_what_is_no_link(text: str) -> None:
    assert link_of(text) is None


def test_what_is_one() -> None:
    for text in ("https://example.org/a?b=c#d", "HTTP://example.org"):
        assert link_of(text) == text


@given(ANY, ANY)
def test_values_have_keys_of_their_own(a: str, b: str) -> None:
    assert len(key_of(a)) <= KEY
    assert (key_of(a) == key_of(b)) == (a == b)
