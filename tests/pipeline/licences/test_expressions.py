"""SPDX expressions (spdx.github.io/spdx-spec, annex D): one way of writing, and what is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.licences.expressions import alternatives, normalise, rights_of, taken_of
from pipeline.licences.terms import TERMS, terms_of
from schemas.licence import NO_LICENCE, LicenceError, Rights

NAMES = sorted(TERMS)
PERMITTED = {False: 0, None: 1, True: 2}
leaves = st.sampled_from([*NAMES, "LicenseRef-acme", "GPL-2.0-only WITH Classpath-exception-2.0", "C-UDA-1.0"])
expressions = st.recursive(
    leaves,
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("mit and apache-2.0", "Apache-2.0 AND MIT"),
        ("MIT OR MIT", "MIT"),
        ("(CC BY 4.0) and CC-BY-SA 3.0", "CC-BY-4.0 AND CC-BY-SA-3.0"),
        ("MIT  OR(ISC)", "ISC OR MIT"),
        (
            "MIT AND (ISC OR GPL-2.0-only with classpath-exception-2.0)",
            "MIT AND (GPL-2.0-only WITH Classpath-exception-2.0 OR ISC)",
        ),
        ("MIT AND (MIT OR ISC)", "MIT"),
        ("LicenseRef-b AND LicenseRef-a", "LicenseRef-a AND LicenseRef-b"),
        ("noassertion", NO_LICENCE),
        ("https://creativecommons.org/licenses/by/4.0/ OR MIT", "CC-BY-4.0 OR MIT"),
    ],
)
def test_an_expression_has_one_way_of_writing(said: str, written: str) -> None:
    assert normalise(said) == written


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("MIT AND", "not known"),
        ("AND", "is no SPDX expression"),
        ("MIT AND OR ISC", "'OR ISC' is not known"),
        ("(MIT OR ISC", "is no SPDX expression"),
        ("()", "is no SPDX expression"),
        ("MIT WITH Apache-2.0", "no SPDX exception"),
        ("MIT AND Classpath-exception-2.0", "not known"),
        ("MIT AND NOASSERTION", "not known"),
        ("CC-BY OR MIT", "has no version"),
        ("(" * 30 + "MIT OR ISC" + ")" * 30, "more than 20 parentheses"),
        (
            " AND ".join(["(MIT OR ISC)", "(Zlib OR 0BSD)", *(f"(LicenseRef-{n} OR BSL-1.0)" for n in range(8))]),
            "256",
        ),
        ("MIT AND " * 200 + "MIT", "1000 at most"),
    ],
)
def test_what_is_no_expression_is_refused_in_one_line(said: str, words: str) -> None:
    with pytest.raises(LicenceError, match=words) as raised:
        normalise(said)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("expression", "taken"),
    [
        ("CC-BY-4.0 OR CC-BY-NC-4.0", "CC-BY-4.0"),  # commercial use
        ("CC-BY-ND-4.0 OR CC-BY-NC-4.0", "CC-BY-NC-4.0"),  # derived works come first: without them nothing is made
        ("CC-BY-4.0 OR CC-BY-SA-4.0", "CC-BY-4.0"),  # not shared alike
        ("CC-BY-4.0 OR CC0-1.0", "CC0-1.0"),  # no credit
        ("Apache-2.0 OR MIT", "Apache-2.0"),  # as good: the first by name
        ("CC-BY-4.0 OR LicenseRef-acme", "CC-BY-4.0"),  # what is known
        ("CC-BY-NC-4.0 AND (CC0-1.0 OR CC-BY-SA-4.0)", "CC-BY-NC-4.0 AND CC0-1.0"),
        ("CC-BY-4.0 AND MIT", "CC-BY-4.0 AND MIT"),
        (NO_LICENCE, NO_LICENCE),
    ],
)
def test_the_alternative_that_permits_most_is_taken(expression: str, taken: str) -> None:
    assert taken_of(normalise(expression)) == taken


def test_what_follows_from_single_licences() -> None:
    """Read from the licences' texts; see the addresses in terms.toml."""
    by = Rights(commercial_use=True, derivatives=True, share_alike=False, attribution=True)
    assert rights_of("CC-BY-4.0") == by
    assert rights_of("CC-BY-NC-SA-4.0") == Rights(
        commercial_use=False, derivatives=True, share_alike=True, attribution=True
    )
    assert rights_of("CC-BY-ND-4.0") == Rights(
        commercial_use=True, derivatives=False, share_alike=False, attribution=True
    )
    assert rights_of("CC0-1.0") == Rights(commercial_use=True, derivatives=True, share_alike=False, attribution=False)
    assert rights_of("LicenseRef-acme") == Rights()
    assert rights_of("C-UDA-1.0") == Rights()  # an identifier of SPDX that the table does not have
    assert rights_of(NO_LICENCE) == Rights()
    assert rights_of("GPL-2.0-only WITH Classpath-exception-2.0") == rights_of("GPL-2.0-only")


def test_and_asks_for_all_of_its_parts() -> None:
    both = rights_of("CC-BY-NC-4.0 AND CC-BY-SA-4.0")
    assert both == Rights(commercial_use=False, derivatives=True, share_alike=True, attribution=True)
    assert rights_of("CC-BY-NC-4.0 AND LicenseRef-x").commercial_use is False  # whatever the other says
    assert rights_of("CC-BY-4.0 AND LicenseRef-x").commercial_use is None


@given(expressions)
def test_writing_it_again_changes_nothing(said: str) -> None:
    written = normalise(said)
    assert normalise(written) == written
    assert normalise(f"({said})") == written


@given(expressions)
def test_what_is_taken_is_one_of_the_alternatives_and_needs_no_choice(said: str) -> None:
    written = normalise(said)
    taken = taken_of(written)
    assert tuple(taken.split(" AND ")) in alternatives(written)
    assert taken_of(taken) == taken
    assert rights_of(written) == rights_of(taken)


@given(expressions, expressions)
def test_and_never_permits_more_than_its_parts_and_or_never_less(first: str, second: str) -> None:
    both, either = rights_of(normalise(f"({first}) AND ({second})")), rights_of(normalise(f"({first}) OR ({second})"))
    for part in (rights_of(normalise(first)), rights_of(normalise(second))):
        if " OR " not in first + second:  # of a choice inside, AND may take another alternative
            assert PERMITTED[both.commercial_use] <= PERMITTED[part.commercial_use]
            assert PERMITTED[both.derivatives] <= PERMITTED[part.derivatives]
            assert PERMITTED[part.share_alike] <= PERMITTED[both.share_alike]
            assert PERMITTED[part.attribution] <= PERMITTED[both.attribution]
        assert PERMITTED[either.derivatives] >= PERMITTED[part.derivatives]


@given(st.text(alphabet="()ANDORWITHmit -.0", max_size=60))
def test_hostile_expressions_raise_nothing_else(said: str) -> None:
    try:
        normalise(said)
    except LicenceError as error:
        assert "\n" not in str(error)


def test_the_names_of_creative_commons_say_what_they_permit() -> None:
    for spdx in (name for name in TERMS if name.startswith("CC-BY")):
        rights = terms_of(spdx).rights
        elements = spdx.split("-")
        assert rights.commercial_use is ("NC" not in elements)
        assert rights.derivatives is ("ND" not in elements)
        assert rights.share_alike is ("SA" in elements)
        assert rights.attribution is True
