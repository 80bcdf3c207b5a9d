"""Licence fields as users give them: command-line options, LICENSE.toml, manifest columns."""

import hashlib
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from schemas.licence import Consent, Licence, LicenceError, normalise_spdx, rights_of

FIELDS = ("licence", "holder", "attribution", "source_url", "evidence", "evidence_date", "consent")
FILE_NAME = "LICENSE.toml"


def licence_of(fields: Mapping[str, str | None], base: Path) -> Licence | None:
    """The licence that these fields state, None if they name none. base: folder of a relative evidence file.

    Raises LicenceError for a licence or consent that is not known and for evidence that cannot be read.
    """
    name = fields.get("licence")
    if not name:
        return None
    spdx = normalise_spdx(name)
    consent = fields.get("consent") or Consent.UNKNOWN.value
    if consent not in set(Consent):
        raise LicenceError(f"consent {consent!r} is not known: give one of {', '.join(Consent)}")
    evidence = fields.get("evidence") or None
    return Licence(
        spdx=spdx,
        holder=fields.get("holder") or None,
        attribution=fields.get("attribution") or None,
        source_url=fields.get("source_url") or None,
        evidence=evidence,
        evidence_sha256=_digest(base / evidence) if evidence and "://" not in evidence else None,
        evidence_date=fields.get("evidence_date") or None,
        consent=Consent(consent),
        rights=rights_of(spdx),
    )


@cache
def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise LicenceError(f"evidence {path} cannot be read ({error.strerror}): correct the path") from error


def read_licence_file(path: Path) -> dict[str, str | None]:
    """The fields of a LICENSE.toml; raises LicenceError where it cannot be read or has an unknown key."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LicenceError(f"{path} is not TOML ({error})") from error
    unknown = sorted(values.keys() - set(FIELDS))
    if unknown:
        raise LicenceError(f"{path}: unknown key {unknown[0]!r}; known are {', '.join(FIELDS)}")
    return {key: str(value) for key, value in values.items()}


def nearest_licence_file(folder: Path, root: Path) -> Path | None:
    """The LICENSE.toml of a folder or of the next folder above it, up to `root`."""
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return candidate / FILE_NAME
        if candidate == root:
            break
    return None
