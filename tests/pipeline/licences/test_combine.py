"""The licence of a whole: what the texts of the licences allow in one work, what is owed, and why not."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.licences.combine import combine, goes_under
from pipeline.licences.expressions import normalise, rights_of
from pipeline.licences.terms import TERMS, notice_of
from schemas.licence import NO_LICENCE

PERMITTED = {False: 0, None: 1, True: 2}
corpora = st.lists(st.sampled_from([*sorted(TERMS), NO_LICENCE, "LicenseRef-x", "MIT OR CC0-1.0"]), max_size=6)


@pytest.mark.parametrize(
    ("licences", "whole"),
    [
        (["CC0-1.0"], "CC0-1.0"),
        (["CC0-1.0", "MIT"], "MIT"),
        (["CC-BY-3.0", "CC-BY-4.0", "CC0-1.0"], "CC-BY-4.0"),
        (["CC-BY-4.0", "CC-BY-SA-4.0"], "CC-BY-SA-4.0"),
        (["CC-BY-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-4.0"),
        (["CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"], "CC-BY-NC-SA-4.0"),
        (["CC-BY-SA-3.0", "CC-BY-SA-4.0"], "CC-BY-SA-4.0"),  # BY-SA 3.0, 4(b)(ii): a later version
        (["CC-BY-SA-3.0-DE", "CC-BY-SA-3.0"], "CC-BY-SA-3.0"),  # 4(b)(iii): another jurisdiction's
        (["CC-BY-SA-4.0", "LAL-1.3"], "CC-BY-SA-4.0"),  # creativecommons.org/compatible-licenses: both ways
        (["CC-BY-SA-4.0", "GPL-3.0-or-later"], "GPL-3.0-only"),  # the same page: one way, and to version 3 only
        (["GPL-2.0-or-later", "GPL-3.0-only"], "GPL-3.0-only"),
        (["GPL-3.0-only OR CC-BY-4.0", "CC-BY-4.0"], "CC-BY-4.0"),
        (["MIT", "Apache-2.0"], None),  # each keeps its notice; neither takes the other in
        (["CC0-1.0", "Unlicense"], None),
        ([], None),
    ],
)
def test_one_licence_for_all_where_there_is_one(licences: list[str], whole: str | None) -> None:
    effective = combine(map(normalise, licences))
    assert effective.whole == whole
    assert effective.conflicts == ()


@pytest.mark.parametrize(
    ("licences", "words"),
    [
        (["CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"], "CC-BY-NC-SA-4.0 and CC-BY-SA-4.0 both ask for their own"),
        (["CC-BY-SA-1.0", "CC-BY-SA-4.0"], "CC-BY-SA-1.0 and CC-BY-SA-4.0 both"),  # 1.0 knows no later version
        (["CC-BY-SA-4.0", "ODbL-1.0"], "CC-BY-SA-4.0 and ODbL-1.0 both"),
        (["GPL-2.0-only", "GPL-3.0-only"], "GPL-2.0-only and GPL-3.0-only both"),
        (["CC-BY-SA-3.0", "GPL-3.0-only"], "CC-BY-SA-3.0 and GPL-3.0-only both"),  # 4.0 only is compatible
        (["CC-BY-SA-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-4.0 forbids commercial use, which CC-BY-SA-4.0 wants"),
        (["CC-BY-ND-4.0"], "CC-BY-ND-4.0: derived works may not be given on"),
        ([NO_LICENCE, "CC0-1.0"], "no licence is known"),
        (["LicenseRef-acme", "MIT"], "LicenseRef-acme: not all terms are known"),
    ],
)
def test_conflicts_are_said_in_words(licences: list[str], words: str) -> None:
    effective = combine(licences)
    assert effective.whole is None
    assert any(words in line for line in effective.conflicts)
    assert any(line.startswith("conflict: ") and words in line for line in effective.lines())


def test_what_is_owed_names_the_licences() -> None:
    lines = combine(["CC-BY-NC-SA-4.0", "CC-BY-4.0", "CC0-1.0"]).lines()
    assert "commercial use: no (CC-BY-NC-SA-4.0)" in lines
    assert "owed: credit or notices go along: CC-BY-4.0 and CC-BY-NC-SA-4.0" in lines
    assert "owed: what is derived is shared alike: CC-BY-NC-SA-4.0" in lines
    assert not any("CC0-1.0" in line for line in lines if line.startswith("owed"))


def test_an_unknown_part_makes_the_whole_unknown_not_free() -> None:
    effective = combine(["CC0-1.0", "LicenseRef-x"])
    assert effective.rights.commercial_use is None
    assert combine(["CC0-1.0", NO_LICENCE]).expression == NO_LICENCE


def test_many_licences_stay_readable() -> None:
    lines = combine(name for name in TERMS if name.startswith(("CC-BY-3.0", "CC-BY-NC-3"))).lines()
    assert max(map(len, lines[1:])) < 300


@given(corpora, st.randoms())
def test_the_order_changes_nothing(corpus: list[str], rng: random.Random) -> None:
    expected = combine(map(normalise, corpus))
    rng.shuffle(corpus)
    assert combine(map(normalise, corpus * 2)) == expected


@given(corpora)
def test_the_whole_never_permits_more_than_any_part(corpus: list[str]) -> None:
    effective = combine(map(normalise, corpus))
    for part in map(rights_of, map(normalise, corpus)):
        assert PERMITTED[effective.rights.commercial_use] <= PERMITTED[part.commercial_use]
        assert PERMITTED[effective.rights.derivatives] <= PERMITTED[part.derivatives]
        assert PERMITTED[effective.rights.share_alike] >= PERMITTED[part.share_alike]
    if effective.whole is not None:
        chosen = rights_of(effective.whole)
        assert PERMITTED[chosen.commercial_use] <= PERMITTED[effective.rights.commercial_use]


@given(st.sampled_from(sorted(TERMS)), st.sampled_from(sorted(TERMS)))
def test_nothing_that_may_not_be_sold_or_changed_gets_free(part: str, target: str) -> None:
    if part != target and goes_under(part, target):
        assert rights_of(part).derivatives
        if rights_of(part).commercial_use is False:
            assert rights_of(target).commercial_use is False
        if rights_of(part).share_alike:
            assert rights_of(target).share_alike


def test_notices_are_the_words_that_the_licence_wants() -> None:
    assert notice_of("OGL-UK-3.0", "Calls") == (
        "Contains public sector information licensed under the Open Government Licence v3.0."
    )
    assert "Contains information from Calls, which is made available" in notice_of("ODbL-1.0", "Calls")
    assert (
        notice_of("CC-BY-4.0", "Calls") == "Calls: CC-BY-4.0, https://creativecommons.org/licenses/by/4.0/legalcode"
    )
    assert notice_of("LicenseRef-acme", "Calls") == "Calls: LicenseRef-acme"
