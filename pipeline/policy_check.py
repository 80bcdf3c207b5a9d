"""policy check: what a policy decides of each recording, of sources or of a dataset, and what holds of the whole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipeline.index import recording_rows
from pipeline.licences.choice import chosen
from pipeline.licences.combine import combine
from pipeline.sources import PairPattern, SourceError, read_sources
from pipeline.visible import printable
from schemas.licence import UNSTATED, Licence, missing
from schemas.policy import Policy, violations


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A recording by its name; `refused`: (rule, why) of everything in which it fails. `licence`: None of a manifest
    row that cannot be used."""

    name: str
    licence: Licence | None
    refused: tuple[tuple[str, str], ...]

    @property
    def permitted(self) -> bool:
        """Whether it is let in."""
        return not self.refused


def checked_of(
    given: Sequence[str],
    fields: Mapping[str, str | None],
    pairs: str | None,
    policy: Policy,
    today: date,
    *,
    roots: Sequence[Path] = (),
) -> list[Checked]:
    """What the policy decides of the recordings of sources, or of one OUT folder of a build.

    fields, pairs, roots: as for `read_sources`; a dataset's index says them itself. Raises SourceError,
    ManifestError, LicenceError, DatasetError.
    """
    if len(given) == 1 and (Path(given[0]) / "dataset.json").is_file():
        if stray := [
            *(name for name, value in fields.items() if value is not None),
            *(["pairs"] if pairs else []),
            *(["root"] if roots else []),
        ]:
            option = f"--{stray[0].replace('_', '-')}"
            raise SourceError(f"{given[0]} is a dataset, whose index states the licences: leave out {option}")
        stated = [(row.uri, row.stated or UNSTATED) for row in recording_rows(Path(given[0]))]
        return [_checked(name, licence, policy, today) for name, licence in stated]
    found = read_sources(given, fields, PairPattern.parse(pairs) if pairs else None, roots=roots)
    checked = [_checked(s.name or s.uri, s.licence or UNSTATED, policy, today) for s in found.usable]
    return checked + [
        Checked(name=s.name or s.uri, licence=None, refused=((why.reason.value, why.detail),))
        for s, why in found.rejected
    ]


def _checked(name: str, stated: Licence, policy: Policy, today: date) -> Checked:
    licence = chosen(stated, policy, today)
    return Checked(name=name, licence=licence, refused=tuple(violations(policy, licence, today=today)))


def lines_of(checked: Sequence[Checked], policy: Policy) -> Iterator[str]:
    """One line a recording, with one for each rule that refuses it; then the sums and the whole."""
    for one in checked:
        yield from map(printable, _about(one))
    permitted = [one for one in checked if one.permitted]
    yield f"policy {policy.name}: {len(permitted)} permitted, {len(checked) - len(permitted)} refused"
    if permitted:
        yield "what is permitted, together:"
        whole = combine(one.licence.taken or one.licence.spdx for one in permitted if one.licence)
        yield from (f"    {line}" for line in whole.lines())


def _about(one: Checked) -> Iterator[str]:
    if one.licence is None:
        yield f"refused  {one.name}"
        yield from (f"    {reason}: {why}" for reason, why in one.refused)
        return
    taken = f", of which {one.licence.taken} is taken" if one.licence.taken else ""
    yield f"{'permitted' if one.permitted else 'refused'}  {one.name}  {one.licence.spdx}{taken}"
    yield from (f"    rule {rule}: {why}" for rule, why in one.refused)
    if lacking := missing(one.licence):
        yield f"    not stated: {', '.join(lacking)}"
