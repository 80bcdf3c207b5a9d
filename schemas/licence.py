"""Licence: what may be done with a recording, and the evidence for it."""

import re
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a licence permits; None where it is not known."""

    commercial_use: bool | None
    derivatives: bool | None
    share_alike: bool | None


UNKNOWN_RIGHTS = Rights(commercial_use=None, derivatives=None, share_alike=None)


def _rights(*, nc: bool = False, nd: bool = False, sa: bool = False) -> Rights:
    return Rights(commercial_use=not nc, derivatives=not nd, share_alike=sa)


# Read from the licence texts named by their SPDX identifiers (spdx.org/licenses).
RIGHTS: dict[str, Rights] = {
    **dict.fromkeys(("CC0-1.0", "PDDL-1.0", "Unlicense", "0BSD"), _rights()),
    **dict.fromkeys(("MIT", "Apache-2.0", "BSD-3-Clause", "ODC-By-1.0", "CDLA-Permissive-2.0"), _rights()),
    **{f"CC-BY-{v}": _rights() for v in ("2.0", "2.5", "3.0", "4.0")},
    **{f"CC-BY-SA-{v}": _rights(sa=True) for v in ("2.0", "2.5", "3.0", "4.0")},
    **{f"CC-BY-NC-{v}": _rights(nc=True) for v in ("2.0", "2.5", "3.0", "4.0")},
    **{f"CC-BY-NC-SA-{v}": _rights(nc=True, sa=True) for v in ("2.0", "2.5", "3.0", "4.0")},
    **{f"CC-BY-ND-{v}": _rights(nd=True) for v in ("2.0", "2.5", "3.0", "4.0")},
    **{f"CC-BY-NC-ND-{v}": _rights(nc=True, nd=True) for v in ("2.0", "2.5", "3.0", "4.0")},
}
_BY_FOLDED_NAME = {name.casefold(): name for name in RIGHTS}
NO_LICENCE = "NOASSERTION"  # SPDX's own word for "nothing was said"


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """The licence of one recording. `spdx` is an SPDX identifier, a `LicenseRef-…`, or NOASSERTION."""

    spdx: str
    holder: str | None = None
    attribution: str | None = None
    source_url: str | None = None
    evidence: str | None = None
    evidence_sha256: str | None = None
    evidence_date: str | None = None
    consent: Consent = Consent.UNKNOWN
    rights: Rights = UNKNOWN_RIGHTS

    @property
    def unlicensed(self) -> bool:
        """True for a recording that was let in by `--unlicensed`."""
        return self.spdx == NO_LICENCE


def normalise_spdx(name: str) -> str:
    """'cc by 4.0' -> 'CC-BY-4.0'. Raises LicenceError for a name that is neither known nor a LicenseRef-."""
    text = name.strip()
    known = _BY_FOLDED_NAME.get(re.sub(r"[\s_]+", "-", text).casefold())
    if known is not None:
        return known
    if re.fullmatch(r"LicenseRef-[A-Za-z0-9.-]+", text):
        return text
    raise LicenceError(
        f"licence {text!r} is not known: give an SPDX identifier such as CC-BY-4.0, "
        "or LicenseRef-<name> for a contract"
    )


def rights_of(spdx: str) -> Rights:
    """What the licence permits; all None for a LicenseRef- or no licence."""
    return RIGHTS.get(spdx, UNKNOWN_RIGHTS)
