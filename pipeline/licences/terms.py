"""What follows from each licence: the table in terms.toml."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.licence import UNKNOWN_RIGHTS, Rights

_RIGHTS: Final = ("commercial_use", "derivatives", "share_alike", "attribution")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One row. `url`: the licence's text, "" where it is not known. `into`: licences that what is derived may have
    instead. `notice`: the words it wants, with {work} for what was used. `text`: its whole text goes along."""

    spdx: str
    rights: Rights
    url: str = ""
    into: tuple[str, ...] = ()
    notice: str | None = None
    text: bool = False


def _read() -> dict[str, Terms]:
    table = tomllib.loads(Path(__file__).with_name("terms.toml").read_text(encoding="utf-8"))
    return {
        spdx: Terms(
            spdx=spdx,
            rights=Rights(**{name: row.get(name) for name in _RIGHTS}),
            url=row["url"],
            into=tuple(row.get("into", ())),
            notice=row.get("notice"),
            text=row.get("text", False),
        )
        for spdx, row in table.items()
    }


TERMS: Final[Mapping[str, Terms]] = _read()


def terms_of(part: str) -> Terms:
    """The terms of one licence, `WITH` an exception or without; nothing is known of what is not in the table.

    An exception only adds permissions, so that what holds of the licence alone holds with it.
    """
    spdx = part.partition(" WITH ")[0]
    return TERMS.get(spdx) or Terms(spdx=spdx, rights=UNKNOWN_RIGHTS)


def together(rights: Iterable[Rights]) -> Rights:
    """What is permitted where all of these hold at once: what each permits; and what any asks for is asked for."""
    every = list(rights)
    return Rights(
        commercial_use=_all([r.commercial_use for r in every]),
        derivatives=_all([r.derivatives for r in every]),
        share_alike=_any([r.share_alike for r in every]),
        attribution=_any([r.attribution for r in every]),
    )


def notice_of(part: str, work: str) -> str:
    """The line that goes along with what is used of `work` under this licence."""
    terms = terms_of(part)
    if terms.notice:
        return terms.notice.format(work=work)
    return f"{work}: {part}" + (f", {terms.url}" if terms.url else "")


def _all(values: list[bool | None]) -> bool | None:
    return False if False in values else None if None in values else True


def _any(values: list[bool | None]) -> bool | None:
    return True if True in values else None if None in values else False
