"""Policy: what may be used. A decision depends on the licence, the policy and the day, and on nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final

from schemas.licence import UNSTATED, Consent, Licence, SpeakersConsent, missing


class Asks(StrEnum):
    """What a rule asks for. The names are those of the keys in a policy's file."""

    DERIVATIVES = "derivatives"
    COMMERCIAL_USE = "commercial_use"
    SHARE_ALIKE = "share_alike"
    ATTRIBUTION_REQUIRED = "attribution_required"
    CONSENT = "consent"
    SPEAKERS_CONSENT = "speakers_consent"
    JURISDICTION = "jurisdiction"
    STATED = "stated"
    RETENTION_DAYS = "retention_days"
    EVIDENCE_AGE_DAYS = "evidence_age_days"


RIGHTS: Final = frozenset({Asks.DERIVATIVES, Asks.COMMERCIAL_USE, Asks.SHARE_ALIKE, Asks.ATTRIBUTION_REQUIRED})
CLOSED: Final[Mapping[Asks, tuple[str, ...]]] = {
    Asks.CONSENT: tuple(Consent),
    Asks.SPEAKERS_CONSENT: tuple(SpeakersConsent),
}
"""What the rules on consent may accept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that is asked for, and the values that satisfy it; what they are depends on `asks`.

    A right: "true" or "false". Consent, jurisdiction: any of these. Stated: all of them. Days: one number.
    """

    asks: Asks
    accepts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`allow`: licences let in whatever their terms; `deny`: refused whatever else; both may hold `*`.

    `unlicensed`: recordings without a licence are let in, whatever their terms. `expires`: the last day (ISO) on
    which the policy permits anything. `says`: what it is for, in a line.
    """

    name: str
    says: str = ""
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    unlicensed: bool = False
    expires: str | None = None
    rules: tuple[Rule, ...] = ()

    def written(self) -> dict[str, Any]:
        """As it stands beside the data."""
        rules = {rule.asks.value: list(rule.accepts) for rule in self.rules}
        return {**asdict(self), "allow": list(self.allow), "deny": list(self.deny), "rules": rules}

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> "Policy":
        """What `written` gave. Raises KeyError, TypeError or ValueError for anything else."""
        rules = tuple(Rule(asks=Asks(asks), accepts=tuple(accepts)) for asks, accepts in written["rules"].items())
        return cls(**{**written, "allow": tuple(written["allow"]), "deny": tuple(written["deny"]), "rules": rules})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`rule`: the one that refuses, "" where none does. `why`: one line, "" where it is permitted."""

    permitted: bool
    rule: str = ""
    why: str = ""


PERMITTED: Final = Decision(permitted=True)
NOT_REFUSED: Final = tuple(
    c.value for c in SpeakersConsent if c not in {SpeakersConsent.REFUSED, SpeakersConsent.WITHDRAWN}
)
DEFAULT: Final = Policy(
    name="default",
    says="What may be made into a dataset: derived works are permitted, nobody withdrew, nothing is kept too long.",
    rules=(
        Rule(asks=Asks.DERIVATIVES, accepts=("true",)),
        Rule(asks=Asks.SPEAKERS_CONSENT, accepts=NOT_REFUSED),
        Rule(asks=Asks.RETENTION_DAYS, accepts=("0",)),
    ),
)
LICENCE: Final = "licence"  # the rule that a recording without one fails

_TERMS: Final[Mapping[Asks, str]] = {
    Asks.DERIVATIVES: "derived works, which a dataset of tokens is",
    Asks.COMMERCIAL_USE: "commercial use",
}
_ASKED: Final[Mapping[Asks, str]] = {
    Asks.SHARE_ALIKE: "the same licence for what is derived",
    Asks.ATTRIBUTION_REQUIRED: "credit or notices",
}


def decide(policy: Policy, licence: Licence | None, *, name: str, today: date | None) -> Decision:
    """Whether the policy permits a recording. `name`: what messages call it; today: None where dates are not known.

    A rule about a date that the licence states refuses if `today` is None. Pure: nothing is read.
    """
    found = violations(policy, licence, today=today)
    if not found:
        return PERMITTED
    rule, why = found[0]
    return Decision(permitted=False, rule=rule, why=f"{name}: {why} (policy {policy.name}, rule {rule})")


def objected(policy: Policy, licence: Licence | None) -> bool:
    """Whether the policy minds that the speakers refused or withdrew: then it refuses whatever holds their sound."""
    if licence is None or licence.speakers_consent.value in NOT_REFUSED:
        return False
    asked = [rule for rule in policy.rules if rule.asks is Asks.SPEAKERS_CONSENT]
    return any(licence.speakers_consent.value not in rule.accepts for rule in asked)


def violations(policy: Policy, licence: Licence | None, *, today: date | None) -> list[tuple[str, str]]:
    """(rule, why) of everything in which a recording fails; empty if it is permitted."""
    found: list[tuple[str, str]] = []
    if policy.expires is not None and (today is None or today.isoformat() > policy.expires):
        found.append(("expires", f"the policy ended on {policy.expires}: look at it again and set another date"))
    if licence is None or licence.unlicensed:
        if not policy.unlicensed:
            line = "it has no licence: name one, or accept unlicensed recordings explicitly"
            return [*found, (LICENCE, line)]
        licence = licence or UNSTATED
    elif denied := [part for part in licence.parts if _matches(part, policy.deny)]:
        found.append(("deny", f"{denied[0]} is refused by name: leave it out"))
    waived = licence.unlicensed or allowed(policy, licence)
    asked = [rule for rule in policy.rules if not (waived and rule.asks in RIGHTS)]
    checked = [(rule.asks.value, _CHECKS[rule.asks](rule, licence, today)) for rule in asked]
    return [*found, *((name, why) for name, why in checked if why is not None)]


def allowed(policy: Policy, licence: Licence) -> bool:
    """Whether a licence is let in by name: the whole of it, what is taken of it, or each of its parts."""
    whole = any(_matches(name, policy.allow) for name in (licence.spdx, licence.taken) if name)
    return whole or all(_matches(part, policy.allow) for part in licence.parts)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    """An exception (WITH) only adds permissions: what is said of a licence is said of it with one, too."""
    names = {name.casefold(), name.casefold().partition(" with ")[0] if " and " not in name.casefold() else ""}
    return any(fnmatchcase(one, pattern.casefold()) for one in names for pattern in patterns)


def _right(rule: Rule, licence: Licence, today: date | None) -> str | None:
    """Derivatives and commercial use must be known to be permitted (or not, where a policy wants that)."""
    value = {
        Asks.DERIVATIVES: licence.rights.derivatives,
        Asks.COMMERCIAL_USE: licence.rights.commercial_use,
        Asks.SHARE_ALIKE: licence.rights.share_alike,
        Asks.ATTRIBUTION_REQUIRED: licence.rights.attribution,
    }[rule.asks]
    if str(value).casefold() in rule.accepts:
        return None
    name = licence.taken or licence.spdx
    if rule.asks in _TERMS:
        verb = {True: "permits", False: "does not permit", None: "is not known to permit"}[value]
        return f"{name} {verb} {_TERMS[rule.asks]}: leave it out, or allow {name} explicitly"
    verb = {True: "asks for", False: "does not ask for", None: "may ask for"}[value]
    return f"{name} {verb} {_ASKED[rule.asks]}: leave it out, or allow {name} explicitly"


def _consent(rule: Rule, licence: Licence, today: date | None) -> str | None:
    """Where no natural person speaks nobody need agree."""
    speakers = licence.speakers_consent
    if speakers is SpeakersConsent.UNKNOWN and licence.consent is Consent.SYNTHETIC:
        speakers = SpeakersConsent.NOT_NEEDED
    value = licence.consent.value if rule.asks is Asks.CONSENT else speakers.value
    if value in rule.accepts:
        return None
    return f"{rule.asks.value} is {value}: the policy takes {', '.join(rule.accepts)}"


def _jurisdiction(rule: Rule, licence: Licence, today: date | None) -> str | None:
    if not licence.jurisdiction:
        return f"no jurisdiction is stated: the policy takes {', '.join(rule.accepts)}"
    other = [code for code in licence.jurisdiction if not {code, code[:2]} & set(rule.accepts)]
    return f"jurisdiction {other[0]}: the policy takes {', '.join(rule.accepts)}" if other else None


def _stated(rule: Rule, licence: Licence, today: date | None) -> str | None:
    """What `missing` does not ask of this licence need not be there."""
    lacking = [name for name in missing(licence) if name in rule.accepts]
    return f"{lacking[0]} is not stated: state it in LICENSE.toml, the manifest or as an option" if lacking else None


def _retention(rule: Rule, licence: Licence, today: date | None) -> str | None:
    if licence.retain_until is None:
        return None
    days = int(rule.accepts[0])
    if today is None:
        return f"retain_until is {licence.retain_until}, and the day is not known"
    until = _day(licence.retain_until)
    if until is not None and (until - today) >= timedelta(days=days):
        return None
    more = f", and {days} days more are asked for" if days else ", which has passed"
    return f"retain_until is {licence.retain_until}{more}: delete the recording, or state a later date"


def _day(text: str) -> date | None:
    """None for what is no date: the index of others may hold anything, and nothing is permitted by it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _evidence_age(rule: Rule, licence: Licence, today: date | None) -> str | None:
    if licence.evidence_date is None:
        return "evidence_date is not stated: the policy asks for recent evidence"
    since = _day(licence.evidence_date)
    if today is not None and since is not None and (today - since) <= timedelta(days=int(rule.accepts[0])):
        return None
    return f"the evidence is of {licence.evidence_date}, older than {rule.accepts[0]} days: renew it"


_Check = Callable[[Rule, Licence, date | None], str | None]
_CHECKS: Final[Mapping[Asks, _Check]] = {
    **dict.fromkeys(RIGHTS, _right),
    Asks.CONSENT: _consent,
    Asks.SPEAKERS_CONSENT: _consent,
    Asks.JURISDICTION: _jurisdiction,
    Asks.STATED: _stated,
    Asks.RETENTION_DAYS: _retention,
    Asks.EVIDENCE_AGE_DAYS: _evidence_age,
}
