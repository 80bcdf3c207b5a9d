"""Of a licence that offers alternatives, the one that is used: chosen by what the policy permits."""

from dataclasses import replace
from datetime import date

from pipeline.licences.expressions import ranked, rights_of_parts
from schemas.licence import Licence
from schemas.policy import Policy, violations


def chosen(licence: Licence, policy: Policy, today: date | None) -> Licence:
    """The licence with the alternative that permits most as `taken`: of those that the policy lets in, else of all.

    A licence without OR is as it was. today: as for `violations`.
    """
    if " OR " not in licence.spdx:
        return licence
    offered = [_under(licence, parts) for parts in ranked(licence.spdx)]
    return next((one for one in offered if not violations(policy, one, today=today)), offered[0])


def _under(licence: Licence, parts: tuple[str, ...]) -> Licence:
    return replace(licence, taken=" AND ".join(parts), rights=rights_of_parts(parts))
