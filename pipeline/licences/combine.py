"""The effective licence of a dataset or a part of one: what may be done with the whole, and what is owed for it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from itertools import combinations
from typing import Any, Final

from pipeline.licences.expressions import rights_of_parts, taken_of
from pipeline.licences.terms import terms_of
from schemas.licence import NO_LICENCE, Rights

_CC: Final = re.compile(r"CC-(?P<elements>BY(?:-NC)?(?:-ND|-SA)?)-(?P<version>\d\.\d)(?:-(?P<port>[A-Z]+))?")
_SAYS: Final = {True: "yes", False: "no", None: "not known"}
SHOWN: Final = 8
"""Licences that a line names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """What holds for the whole.

    `licences`: whose conditions hold together. `expression`: all of them at once, as SPDX, "" of none. `whole`: the
    one licence under which the whole could be given as a single work, None where there is none. `conflicts`: why not,
    a line each. `obligations`: what is owed, a line each.
    """

    licences: tuple[str, ...]
    expression: str
    rights: Rights
    whole: str | None
    obligations: tuple[str, ...]
    conflicts: tuple[str, ...]

    def lines(self) -> list[str]:
        """All of it in plain words."""
        rights = self.rights
        return [
            f"licences together: {self.expression or 'none'}",
            f"commercial use: {_SAYS[rights.commercial_use]}{_because(self.licences, 'commercial_use')}",
            f"derived works: {_SAYS[rights.derivatives]}{_because(self.licences, 'derivatives')}",
            f"as one work it may be given under: {self.whole or 'no single licence; each part keeps its own'}",
            *(f"owed: {line}" for line in self.obligations),
            *(f"conflict: {line}" for line in self.conflicts),
        ]

    def written(self) -> dict[str, Any]:
        """As it stands in dataset.json."""
        return {
            "expression": self.expression,
            "whole": self.whole,
            **asdict(self.rights),
            "obligations": list(self.obligations),
            "conflicts": list(self.conflicts),
        }


def combine(licences: Iterable[str]) -> Effective:
    """What one may do with a whole that has material under each of these normalised expressions.

    Of an expression with OR the alternative taken counts. The order does not matter.
    """
    parts = sorted({part for licence in licences for part in taken_of(licence).split(" AND ")})
    rights = rights_of_parts(parts)
    asking = [part for part in parts if _asks(part)]
    conflicts = tuple(_conflicts(asking))
    return Effective(
        licences=tuple(parts),
        expression=NO_LICENCE if NO_LICENCE in parts else " AND ".join(parts),
        rights=rights,
        whole=None if conflicts or not parts else _whole(parts, asking),
        obligations=tuple(_obligations(asking)),
        conflicts=conflicts,
    )


def _asks(part: str) -> bool:
    """Whether anything is asked for, or not known to be: false of what is in the public domain."""
    return terms_of(part).rights != Rights(
        commercial_use=True, derivatives=True, share_alike=False, attribution=False
    )


def goes_under(part: str, target: str) -> bool:
    """Whether what is derived from `part` may be given under `target`, by the texts of the licences.

    Share-alike: itself, what its row names, and, of Creative Commons from 2.0 on, the same elements in a version that
    is not older, ported or not (4(b) of 2.0 to 3.0, 3(b) of 4.0). Credit alone: any Creative Commons licence that is
    no public-domain tool, and NonCommercial only where `target` is, too.
    """
    if part == target:
        return True
    terms, ours, theirs = terms_of(part), _CC.fullmatch(part), _CC.fullmatch(target)
    if terms.rights.derivatives is not True or terms.rights.commercial_use is None:
        return False
    if terms.rights.share_alike is not False:
        same = ours and theirs and ours["elements"] == theirs["elements"]
        newer = bool(same and ours and theirs and "2.0" <= ours["version"] <= theirs["version"])
        return newer or target in terms.into
    if theirs is None:
        return False
    return terms.rights.commercial_use or "NC" in theirs["elements"]


def _whole(parts: Sequence[str], asking: Sequence[str]) -> str | None:
    """The licence that takes in all the others, least strict and newest first."""
    if not asking:
        return parts[0] if len(parts) == 1 else None
    fitting = [target for target in _targets(asking) if all(goes_under(part, target) for part in asking)]
    return max(fitting, key=_newest, default=None)


def _targets(parts: Iterable[str]) -> list[str]:
    """The licences themselves, and those that they let what is derived have instead."""
    return sorted({name for part in parts for name in (part, *terms_of(part).into)})


def _newest(part: str) -> tuple[str, bool, str]:
    match = _CC.fullmatch(part)
    return (match["version"], match["port"] is None, part) if match else ("", False, part)


def _conflicts(asking: Sequence[str]) -> list[str]:
    lines = []
    rights = {part: terms_of(part).rights for part in asking}
    if NO_LICENCE in asking:
        lines.append("of a part no licence is known (NOASSERTION): nobody may be given the whole")
    if forbidding := [part for part in asking if rights[part].derivatives is False]:
        lines.append(f"{_named(forbidding)}: derived works may not be given on, and a dataset of tokens is one")
    unknown = [p for p in asking if p != NO_LICENCE and None in (rights[p].derivatives, rights[p].commercial_use)]
    if unknown:
        lines.append(f"{_named(unknown)}: not all terms are known: read the text")
    alike = [part for part in asking if rights[part].share_alike]
    lines += [
        f"{first} and {second} both ask for their own licence: not in one work"
        for first, second in combinations(alike, 2)
        if not any(goes_under(first, target) and goes_under(second, target) for target in _targets((first, second)))
    ]
    unsold = [part for part in asking if rights[part].commercial_use is False and part not in alike]
    sold = [part for part in alike if rights[part].commercial_use]
    if unsold and sold:
        lines.append(
            f"{_named(unsold)} forbids commercial use, which {_named(sold)} wants permitted: not in one work"
        )
    return lines


def _obligations(asking: Sequence[str]) -> list[str]:
    rights = {part: terms_of(part).rights for part in asking}
    lines = []
    for words, wanted in (
        ("credit or notices go along", [p for p in asking if rights[p].attribution]),
        ("what is derived is shared alike", [p for p in asking if rights[p].share_alike]),
        ("no commercial use", [p for p in asking if rights[p].commercial_use is False]),
        ("what its text asks for", [p for p in asking if rights[p].attribution is None and p != NO_LICENCE]),
    ):
        if wanted:
            lines.append(f"{words}: {_named(wanted)}")
    return lines


def _because(parts: Sequence[str], right: str) -> str:
    """Whose terms decide, where it is not permitted by all."""
    values = {part: getattr(terms_of(part).rights, right) for part in parts}
    against = [part for part, value in values.items() if value is False]
    against = against or [part for part, value in values.items() if value is None]
    return f" ({_named(against)})" if against else ""


def _named(parts: Sequence[str]) -> str:
    more = f" and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    shown = list(parts[:SHOWN])
    if more or len(shown) == 1:
        return ", ".join(shown) + more
    return reduce(lambda text, part: f"{text}, {part}", shown[:-1]) + f" and {shown[-1]}"
