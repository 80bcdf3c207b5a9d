"""The licence of simulated conversations: what all of their sources together ask for."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model.simulate.voices import Voices
from model.speech_audio import find_speech
from pipeline.licences.combine import combine
from pipeline.licences.expressions import normalise, rights_of
from pipeline.licences.fields import FILE_NAME
from schemas.atomic import write_text
from schemas.errors import UserError
from schemas.licence import LicenceError

SOURCES: Final = "SOURCES.tsv"
_SHORT: Final = 12  # sources named in the attribution itself; the others are in SOURCES.tsv


class SourceLicenceError(UserError):
    """Sources whose licences cannot be combined; the message says which."""


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where speech or sound comes from: what it is, its name, its licence as stated, and the repository."""

    kind: str
    name: str
    licence: str
    origin: str


def write_licence(out: Path, voices: Voices, folders: Sequence[Path]) -> None:
    """Write OUT/recordings/SOURCES.tsv and, where every source states a known licence, LICENSE.toml beside it.

    Raises SourceLicenceError where a source forbids derivatives, which a simulated conversation is.
    """
    origins = sorted(
        {Origin("voice", v.name, v.licence, v.origin) for v in voices}
        | {Origin("sound", s.path.name, s.licence, s.origin) for folder in folders for s in find_speech(folder)}
    )
    table = "".join(f"{o.kind}\t{o.name}\t{o.licence}\t{o.origin}\n" for o in origins)
    write_text(out / "recordings" / SOURCES, "kind\tname\tlicence\torigin\n" + table)
    known = [_spdx(part) for o in origins for part in o.licence.split(" | ")]
    licences = sorted({name for name in known if name is not None})
    if None in known:
        return
    attribution = "; ".join(_credits(origins))
    lines = {
        "licence": combined(licences),
        "attribution": f"Simulated conversations out of: {attribution}",
        "evidence": SOURCES,
        "consent": "public-licence",
    }
    text = "".join(f'{key} = "{_escaped(value)}"\n' for key, value in lines.items())
    write_text(out / "recordings" / FILE_NAME, text)


def combined(licences: Iterable[str]) -> str:
    """The licence that asks for all that any of these asks for; of several that ask in their own ways, all with AND.

    Raises SourceLicenceError where they cannot be in one work.
    """
    together = combine(licences)
    if together.conflicts:
        raise SourceLicenceError(f"{together.conflicts[0]}: leave one of them out of the speech or sounds")
    if together.whole is None and not together.obligations:
        return "CC0-1.0"  # out of nothing but what is in the public domain
    return together.whole or together.expression


def _spdx(stated: str) -> str | None:
    """The SPDX name at the beginning of what an index states, None where it is not known."""
    text = re.sub(r"\s*\(.*", "", stated).strip()
    if text.casefold() == "public domain":
        return "CC0-1.0"
    try:
        name = normalise(text)
    except LicenceError:
        return None
    rights = rights_of(name)
    return None if None in (rights.derivatives, rights.commercial_use) else name


def _credits(origins: Sequence[Origin]) -> list[str]:
    """The sources that ask for attribution, a line each: where from and under what."""
    lines = sorted({f"{o.origin or o.name} ({re.sub(r' *[(].*', '', o.licence)})" for o in origins})
    more = [f"and {len(lines) - _SHORT} more, listed in {SOURCES}"] if len(lines) > _SHORT else []
    return lines[:_SHORT] + more


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
