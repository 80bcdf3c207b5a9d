"""Which alternative of a licence is used: one that the policy lets in, if there is one."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.licences.choice import chosen
from pipeline.licences.expressions import alternatives, normalise, rights_of
from schemas.licence import Licence
from schemas.policy import DEFAULT, Asks, Policy, Rule, violations

TODAY = date(2026, 1, 31)
SOLD = Rule(asks=Asks.COMMERCIAL_USE, accepts=("true",))
NAMES = ("CC0-1.0", "CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "LicenseRef-acme", "MIT", "GPL-3.0-only")


def offered(said: str) -> Licence:
    return Licence(spdx=normalise(said), rights=rights_of(normalise(said)))


@pytest.mark.parametrize(
    ("said", "change", "taken"),
    [
        ("LicenseRef-acme OR CC-BY-NC-4.0", {}, "CC-BY-NC-4.0"),
        ("LicenseRef-acme OR CC-BY-NC-4.0", {"allow": ("LicenseRef-acme",), "rules": (SOLD,)}, "LicenseRef-acme"),
        ("CC0-1.0 OR CC-BY-4.0", {}, "CC0-1.0"),
        ("CC0-1.0 OR CC-BY-4.0", {"deny": ("CC0-*",)}, "CC-BY-4.0"),
        ("MIT AND (CC0-1.0 OR CC-BY-4.0)", {"deny": ("CC0-*",)}, "CC-BY-4.0 AND MIT"),
        ("CC0-1.0 OR CC-BY-4.0", {"deny": ("CC*",)}, "CC0-1.0"),  # both are refused: the better one is told
    ],
)
def test_what_is_taken_is_what_the_policy_permits(said: str, change: dict[str, object], taken: str) -> None:
    licence = chosen(offered(said), replace(DEFAULT, **change), TODAY)  # type: ignore[arg-type]
    assert (licence.taken, licence.rights) == (taken, rights_of(taken))


def test_a_licence_without_a_choice_is_as_it_was() -> None:
    for said in ("MIT", "MIT AND CC-BY-4.0"):
        assert chosen(offered(said), replace(DEFAULT, deny=("*",)), TODAY) == offered(said)


some = st.lists(st.sampled_from(NAMES), max_size=3).map(tuple)


@given(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True),
    st.builds(Policy, name=st.just("p"), allow=some, deny=some, rules=st.sampled_from([(), DEFAULT.rules, (SOLD,)])),
)
def test_it_is_permitted_if_any_alternative_is(names: list[str], policy: Policy) -> None:
    licence = offered(" OR ".join(names))
    alone = [not violations(policy, offered(" AND ".join(one)), today=TODAY) for one in alternatives(licence.spdx)]
    permitted = not violations(policy, chosen(licence, policy, TODAY), today=TODAY)
    assert permitted == any(alone)
