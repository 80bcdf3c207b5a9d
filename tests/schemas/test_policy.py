"""Decisions: which rule refuses what, in words, on which day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.licences.expressions import normalise, rights_of, taken_of
from schemas.licence import UNSTATED, Consent, Licence, SpeakersConsent
from schemas.policy import DEFAULT, PERMITTED, Asks, Policy, Rule, decide, objected, violations

TODAY = date(2026, 1, 31)


def licence(said: str, **fields: object) -> Licence:
    spdx = normalise(said)
    taken = taken_of(spdx) if " OR " in spdx else None
    return replace(Licence(spdx=spdx, taken=taken, rights=rights_of(spdx)), **fields)  # type: ignore[arg-type]


def rule(asks: Asks, *accepts: str) -> Policy:
    return Policy(name="p", rules=(Rule(asks=asks, accepts=accepts),))


def refused_by(policy: Policy, of: Licence | None, today: date | None = TODAY) -> str:
    decision = decide(policy, of, name="a.wav", today=today)
    assert decision.permitted == (decision.rule == "") == (decision.why == "")
    if not decision.permitted:
        assert decision.why.startswith("a.wav: ")
        assert decision.why.endswith(f"(policy {policy.name}, rule {decision.rule})")
        assert "\n" not in decision.why
    return decision.rule


@pytest.mark.parametrize(
    ("said", "by"),
    [
        ("CC0-1.0", ""),
        ("CC-BY-NC-SA-4.0", ""),
        ("CC-BY-ND-4.0", "derivatives"),
        ("LicenseRef-acme", "derivatives"),
        ("CC-BY-4.0 AND CC-BY-ND-4.0", "derivatives"),
        ("CC-BY-4.0 OR CC-BY-ND-4.0", ""),
        ("MIT AND LicenseRef-acme", "derivatives"),
    ],
)
def test_the_default_asks_for_derived_works(said: str, by: str) -> None:
    assert refused_by(DEFAULT, licence(said)) == by


def test_the_default_lets_nobody_in_who_withdrew_and_nothing_that_is_kept_too_long() -> None:
    for word in SpeakersConsent:
        by = "speakers_consent" if word in {SpeakersConsent.REFUSED, SpeakersConsent.WITHDRAWN} else ""
        assert refused_by(DEFAULT, licence("MIT", speakers_consent=word)) == by
    assert refused_by(DEFAULT, licence("MIT", retain_until="2026-01-31")) == ""
    assert refused_by(DEFAULT, licence("MIT", retain_until="2026-01-30")) == "retention_days"
    assert refused_by(DEFAULT, licence("MIT", retain_until="2026-01-31"), today=None) == "retention_days"
    assert refused_by(DEFAULT, licence("MIT"), today=None) == ""


@pytest.mark.parametrize(
    ("asks", "accepts", "good", "bad"),
    [
        (Asks.COMMERCIAL_USE, ("true",), ["MIT"], ["CC-BY-NC-4.0", "LicenseRef-x"]),
        (Asks.SHARE_ALIKE, ("false",), ["MIT"], ["CC-BY-SA-4.0", "LicenseRef-x"]),
        (Asks.ATTRIBUTION_REQUIRED, ("false",), ["CC0-1.0"], ["MIT", "LicenseRef-x"]),
        (Asks.COMMERCIAL_USE, ("false",), ["CC-BY-NC-4.0"], ["MIT", "LicenseRef-x"]),
    ],
)
def test_rights_must_be_known(asks: Asks, accepts: tuple[str, ...], good: list[str], bad: list[str]) -> None:
    for said in good:
        assert refused_by(rule(asks, *accepts), licence(said)) == ""
    for said in bad:
        assert refused_by(rule(asks, *accepts), licence(said)) == asks
        allowing = replace(rule(asks, *accepts), allow=(normalise(said),))
        assert refused_by(allowing, licence(said)) == ""


def test_consent_is_one_of_those_listed() -> None:
    policy = rule(Asks.CONSENT, "contract", "synthetic")
    for word in Consent:
        assert refused_by(policy, licence("MIT", consent=word)) == (
            "" if word in {"contract", "synthetic"} else "consent"
        )


def test_where_no_person_speaks_nobody_need_agree() -> None:
    policy = rule(Asks.SPEAKERS_CONSENT, "given", "not-needed")
    assert refused_by(policy, licence("MIT", consent=Consent.SYNTHETIC)) == ""
    assert refused_by(policy, licence("MIT", consent=Consent.INFORMED_CONSENT)) == "speakers_consent"
    refused = licence("MIT", consent=Consent.SYNTHETIC, speakers_consent=SpeakersConsent.REFUSED)
    assert refused_by(policy, refused) == "speakers_consent"


def test_what_must_be_stated() -> None:
    policy = rule(Asks.STATED, "licence_text", "attribution", "evidence_sha256")
    good = licence("MIT", attribution="Ann", evidence_sha256="a" * 64)
    assert refused_by(policy, good) == ""  # the text of the MIT licence is known
    assert refused_by(policy, replace(good, evidence_sha256=None)) == "stated"
    assert refused_by(policy, licence("CC0-1.0", evidence_sha256="a" * 64)) == ""  # it asks for no credit
    assert refused_by(policy, licence("LicenseRef-x", attribution="Ann", evidence_sha256="a" * 64)) == "stated"


def test_jurisdictions_must_all_be_listed() -> None:
    policy = rule(Asks.JURISDICTION, "DE", "US-CA")
    assert refused_by(policy, licence("MIT", jurisdiction=("DE", "US-CA"))) == ""
    assert refused_by(policy, licence("MIT", jurisdiction=("DE-BY",))) == ""  # a part of it
    assert refused_by(policy, licence("MIT", jurisdiction=("DE", "US-NY"))) == "jurisdiction"
    assert refused_by(policy, licence("MIT", jurisdiction=("US",))) == "jurisdiction"
    assert refused_by(policy, licence("MIT")) == "jurisdiction"


@given(st.integers(0, 400), st.integers(-400, 400))
def test_days_are_counted_from_today(days: int, offset: int) -> None:
    until = licence("MIT", retain_until=(TODAY + timedelta(offset)).isoformat())
    assert (refused_by(rule(Asks.RETENTION_DAYS, str(days)), until) == "") == (offset >= days)
    proven = licence("MIT", evidence_date=(TODAY - timedelta(offset)).isoformat())
    assert (refused_by(rule(Asks.EVIDENCE_AGE_DAYS, str(days)), proven) == "") == (offset <= days)


def test_evidence_without_a_date_is_not_recent() -> None:
    assert refused_by(rule(Asks.EVIDENCE_AGE_DAYS, "10"), licence("MIT")) == "evidence_age_days"
    assert refused_by(rule(Asks.EVIDENCE_AGE_DAYS, "10"), licence("MIT", evidence_date="2026-01-31"), None) != ""


def test_a_policy_that_ended_permits_nothing() -> None:
    policy = Policy(name="p", expires="2026-01-31", allow=("*",))
    assert refused_by(policy, licence("MIT")) == ""
    assert refused_by(policy, licence("MIT"), date(2026, 2, 1)) == "expires"
    assert refused_by(policy, licence("MIT"), None) == "expires"


def test_without_a_licence() -> None:
    assert refused_by(DEFAULT, None) == refused_by(DEFAULT, UNSTATED) == "licence"
    assert refused_by(Policy(name="p"), None) == "licence"  # no rule does not mean no question
    let_in = replace(DEFAULT, unlicensed=True)
    assert refused_by(let_in, None) == ""
    gone = replace(UNSTATED, speakers_consent=SpeakersConsent.WITHDRAWN)
    assert refused_by(let_in, gone) == "speakers_consent"


@pytest.mark.parametrize(
    ("said", "allow", "deny", "by"),
    [
        ("LicenseRef-acme", ("LicenseRef-acme",), (), ""),
        ("LicenseRef-acme", ("LicenseRef-*",), (), ""),
        ("LicenseRef-acme", ("LicenseRef-acme",), ("LicenseRef-acme",), "deny"),  # deny is the stronger
        ("CC-BY-ND-4.0 AND LicenseRef-acme", ("LicenseRef-acme",), (), "derivatives"),  # the other part is not
        ("CC-BY-ND-4.0 AND LicenseRef-acme", ("LicenseRef-acme", "CC-BY-ND-*"), (), ""),
        ("CC-BY-NC-4.0", (), ("*-NC-*",), "deny"),
        ("MIT AND CC-BY-NC-4.0", (), ("*-NC-*",), "deny"),
        ("MIT OR CC-BY-NC-4.0", (), ("*-NC-*",), ""),  # it is not the one taken
        ("GPL-2.0-only WITH Classpath-exception-2.0", (), ("GPL-2.0-only",), "deny"),
        ("CC-BY-4.0", (), ("*-NC-*",), ""),
    ],
)
def test_names_are_allowed_and_denied(said: str, allow: tuple[str, ...], deny: tuple[str, ...], by: str) -> None:
    assert refused_by(replace(DEFAULT, allow=allow, deny=deny), licence(said)) == by


def test_allowing_a_licence_waives_its_terms_and_nothing_else() -> None:
    policy = replace(DEFAULT, allow=("LicenseRef-acme",))
    gone = licence("LicenseRef-acme", speakers_consent=SpeakersConsent.WITHDRAWN)
    assert refused_by(policy, gone) == "speakers_consent"


def test_all_rules_that_refuse_are_told() -> None:
    policy = replace(DEFAULT, deny=("*-ND-*",), expires="2020-01-01")
    gone = licence("CC-BY-ND-4.0", speakers_consent=SpeakersConsent.REFUSED, retain_until="2020-01-01")
    names = [name for name, _ in violations(policy, gone, today=TODAY)]
    assert names == ["expires", "deny", "derivatives", "speakers_consent", "retention_days"]


@pytest.mark.parametrize(
    ("said", "wanted", "words"),
    [
        ("CC-BY-4.0", "true", "CC-BY-4.0 does not ask for the same licence for what is derived"),
        ("CC-BY-SA-4.0", "false", "CC-BY-SA-4.0 asks for the same licence for what is derived"),
        ("LicenseRef-x", "false", "LicenseRef-x may ask for the same licence for what is derived"),
    ],
)
def test_share_alike_is_said_in_english(said: str, wanted: str, words: str) -> None:
    ((_, why),) = violations(rule(Asks.SHARE_ALIKE, wanted), licence(said), today=TODAY)
    assert why.startswith(words)


def test_copies_are_minded_where_the_policy_minds_what_the_speakers_said() -> None:
    for word in SpeakersConsent:
        said = replace(UNSTATED, speakers_consent=word)  # a licence or none
        assert objected(DEFAULT, said) == (word in {SpeakersConsent.REFUSED, SpeakersConsent.WITHDRAWN})
        assert not objected(rule(Asks.DERIVATIVES, "true"), said)
    assert not objected(rule(Asks.SPEAKERS_CONSENT, "given"), UNSTATED)  # refused, but nobody objected
    assert not objected(DEFAULT, None)


def test_a_decision_is_the_same_every_time() -> None:
    assert decide(DEFAULT, licence("MIT"), name="a", today=TODAY) is PERMITTED
