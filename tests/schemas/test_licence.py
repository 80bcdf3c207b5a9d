"""The licence as a noun: what is missing of it, and whose conditions hold."""

from dataclasses import replace

import pytest

from pipeline.licences.expressions import rights_of
from schemas.arrow import from_dict, to_dict
from schemas.licence import NO_LICENCE, UNSTATED, Consent, Licence, SpeakersConsent, missing

WHOLE = Licence(
    spdx="CC-BY-4.0",
    holder="Example Lab",
    attribution="Example Lab, Calls",
    source_url="https://example.org/calls",
    retrieved="2026-01-31",
    evidence="deed.pdf",
    evidence_sha256="e" * 64,
    evidence_date="2026-01-31",
    consent=Consent.INFORMED_CONSENT,
    speakers_consent=SpeakersConsent.GIVEN,
    jurisdiction=("DE", "US-CA"),
    retain_until="2030-12-31",
    rights=rights_of("CC-BY-4.0"),
)


def test_nothing_is_missing_of_a_licence_that_states_all() -> None:
    assert missing(WHOLE) == ()
    assert from_dict(Licence, to_dict(WHOLE)) == WHOLE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((n, None) for n in ("holder", "attribution", "source_url", "retrieved", "evidence", "evidence_sha256")),
        *(("evidence_date", None), ("retain_until", None), ("jurisdiction", ())),
        ("consent", Consent.UNKNOWN),
        ("speakers_consent", SpeakersConsent.UNKNOWN),
    ],
)
def test_each_field_that_nobody_stated_is_named(name: str, value: object) -> None:
    assert missing(replace(WHOLE, **{name: value})) == (name,)  # type: ignore[arg-type]


def test_what_does_not_apply_is_not_missing() -> None:
    nobody = replace(WHOLE, consent=Consent.SYNTHETIC, speakers_consent=SpeakersConsent.UNKNOWN, retain_until=None)
    assert missing(nobody) == ()
    free = replace(WHOLE, spdx="CC0-1.0", rights=rights_of("CC0-1.0"), attribution=None)
    assert missing(free) == ()


def test_a_contract_without_its_text_is_incomplete() -> None:
    contract = replace(WHOLE, spdx="LicenseRef-acme")
    assert missing(contract) == ("licence_text",)
    assert missing(replace(contract, licence_text="acme.txt", licence_text_sha256="a" * 64)) == ()


def test_of_nothing_everything_is_missing() -> None:
    assert missing(UNSTATED)[0] == "licence"
    assert UNSTATED.unlicensed
    assert UNSTATED.parts == (NO_LICENCE,)
    assert len(missing(UNSTATED)) == 12


def test_the_parts_are_those_of_the_alternative_taken() -> None:
    assert Licence(spdx="CC-BY-4.0 AND MIT").parts == ("CC-BY-4.0", "MIT")
    assert Licence(spdx="GPL-3.0-only OR MIT", taken="MIT").parts == ("MIT",)
    assert Licence(spdx="GPL-2.0-only WITH Classpath-exception-2.0").parts == (
        "GPL-2.0-only WITH Classpath-exception-2.0",
    )
