"""Licence: what may be done with a recording, and the evidence for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import UserError


class LicenceError(UserError):
    """A licence field that cannot be read; the message says which and what is accepted."""


class Consent(StrEnum):
    """On what basis the speakers' voices may be used."""

    INFORMED_CONSENT = "informed-consent"
    CONTRACT = "contract"
    PUBLIC_LICENCE = "public-licence"
    PUBLIC_DOMAIN = "public-domain"
    STATUTORY = "statutory"
    SYNTHETIC = "synthetic"  # no natural person speaks
    UNKNOWN = "unknown"


class SpeakersConsent(StrEnum):
    """What the people who speak said themselves, where their voices are personal data."""

    GIVEN = "given"  # all of them agreed to this use
    PARTIAL = "partial"  # some of them did
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    NOT_NEEDED = "not-needed"  # no natural person can be recognised, or the law asks for none
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a licence permits and asks for; None where it is not known.

    `attribution`: credit, or its notice, goes along. `share_alike`: what is derived must be under the same licence.
    """

    commercial_use: bool | None = None
    derivatives: bool | None = None
    share_alike: bool | None = None
    attribution: bool | None = None


UNKNOWN_RIGHTS = Rights()
NO_LICENCE = "NOASSERTION"  # SPDX's own word for "nothing was said"


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """The licence of one recording, with what proves it; None, unknown or empty is what nobody said.

    `spdx`: an SPDX expression, with `LicenseRef-<name>` for contracts, or NOASSERTION. `taken`: of one with OR, the
    alternative that is used. `licence_text`, `evidence`: the name of a file, or a URL; files are kept by their
    SHA-256. `jurisdiction`: ISO 3166 codes. Dates are ISO 8601, as 2026-01-31; `retain_until` is the last day on
    which the recording may be kept. `rights`: of the alternative taken.
    """

    spdx: str
    taken: str | None = None
    licence_text: str | None = None
    licence_text_sha256: str | None = None
    holder: str | None = None
    attribution: str | None = None
    source_url: str | None = None
    retrieved: str | None = None
    evidence: str | None = None
    evidence_sha256: str | None = None
    evidence_date: str | None = None
    consent: Consent = Consent.UNKNOWN
    speakers_consent: SpeakersConsent = SpeakersConsent.UNKNOWN
    jurisdiction: tuple[str, ...] = ()
    retain_until: str | None = None
    rights: Rights = UNKNOWN_RIGHTS

    @property
    def unlicensed(self) -> bool:
        """True for a recording that was let in although nothing is said of its licence."""
        return self.spdx == NO_LICENCE

    @property
    def parts(self) -> tuple[str, ...]:
        """The licences whose conditions hold together: the operands of the AND that is taken."""
        return tuple((self.taken or self.spdx).split(" AND "))


UNSTATED = Licence(spdx=NO_LICENCE)


def missing(licence: Licence) -> tuple[str, ...]:
    """The fields that an auditor would ask for and that nobody stated, in the order of `Licence`.

    A licence text is asked for of contracts, credit where the licence wants it, a retention date of personal data.
    """
    return tuple(_missing(licence))


def _missing(licence: Licence) -> Iterator[str]:
    if licence.unlicensed:
        yield "licence"
    if "LicenseRef-" in licence.spdx and licence.licence_text_sha256 is None:
        yield "licence_text"
    if licence.holder is None:
        yield "holder"
    if licence.attribution is None and licence.rights.attribution is not False:
        yield "attribution"
    for name in ("source_url", "retrieved", "evidence", "evidence_sha256", "evidence_date"):
        if getattr(licence, name) is None:
            yield name
    if licence.consent is Consent.UNKNOWN:
        yield "consent"
    personal = licence.consent is not Consent.SYNTHETIC and licence.speakers_consent is not SpeakersConsent.NOT_NEEDED
    if personal and licence.speakers_consent is SpeakersConsent.UNKNOWN:
        yield "speakers_consent"
    if not licence.jurisdiction:
        yield "jurisdiction"
    if personal and licence.retain_until is None:
        yield "retain_until"
