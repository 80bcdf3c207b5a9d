"""Licence fields as users give them: command-line options, LICENSE.toml, manifest columns."""

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from pipeline.licences.evidence import (
    Document,
    EvidenceError,
    UnreadableError,
    is_proof,
    kept_name,
    read_document,
)
from pipeline.licences.expressions import normalise, rights_of, taken_of
from pipeline.licences.forms import SOURCES, WEB, address, codes, day, digest, is_address, one_of, plain
from schemas.licence import NO_LICENCE, Consent, Licence, LicenceError, SpeakersConsent

FIELDS: Final = (
    *("licence", "licence_text", "holder", "attribution", "source_url", "retrieved"),
    *("evidence", "evidence_sha256", "evidence_date"),
    *("consent", "speakers_consent", "jurisdiction", "retain_until"),
)
FILE_NAME: Final = "LICENSE.toml"
_LARGEST: Final = 1 << 20  # bytes of a LICENSE.toml

Documents = MutableMapping[str, Document]


def licence_of(
    fields: Mapping[str, str | None], base: Path, *, documents: Documents | None = None, inside: Path | None = None
) -> Licence | None:
    """The licence that these fields state, None if they state nothing. It is NOASSERTION if they name none.

    base: folder of relative files. documents: by `kept_as`, what is held from before; takes the files that are named.
    inside: the folder that they may not leave. Raises LicenceError for what is not known, has not its form, or cannot
    be read; EvidenceError of files.
    """
    stated = {name: plain(name, value.strip()) for name in FIELDS if (value := fields.get(name)) and value.strip()}
    if not stated:
        return None
    spdx = normalise(stated["licence"]) if "licence" in stated else NO_LICENCE
    taken = taken_of(spdx)
    files = _Files(base, inside, {} if documents is None else documents)
    evidence, evidence_sha256 = files.evidence(stated.get("evidence"), stated.get("evidence_sha256"))
    text, text_sha256 = files.text(stated.get("licence_text"))
    days = {
        name: day(name, stated[name]) for name in ("retrieved", "evidence_date", "retain_until") if name in stated
    }
    return Licence(
        spdx=spdx,
        taken=taken if taken != spdx else None,
        licence_text=text,
        licence_text_sha256=text_sha256,
        holder=stated.get("holder"),
        attribution=stated.get("attribution"),
        source_url=address(SOURCES)("source_url", stated["source_url"]) if "source_url" in stated else None,
        retrieved=days.get("retrieved"),
        evidence=evidence,
        evidence_sha256=evidence_sha256,
        evidence_date=days.get("evidence_date"),
        consent=one_of(Consent, "consent", stated.get("consent", Consent.UNKNOWN)),
        speakers_consent=one_of(
            SpeakersConsent, "speakers_consent", stated.get("speakers_consent", SpeakersConsent.UNKNOWN)
        ),
        jurisdiction=codes("jurisdiction", stated["jurisdiction"]) if "jurisdiction" in stated else (),
        retain_until=days.get("retain_until"),
        rights=rights_of(spdx),
    )


@dataclass(frozen=True, slots=True)
class _Files:
    base: Path
    inside: Path | None
    documents: Documents

    def evidence(self, text: str | None, sha256: str | None) -> tuple[str | None, str | None]:
        """(name or URL, SHA-256). A stated digest is checked for a file; a URL is never fetched.

        A file that cannot be read need not be, where its digest is stated and its bytes are held.
        """
        stated = digest("evidence_sha256", sha256) if sha256 else None
        if text is None:
            if stated:
                raise LicenceError("evidence_sha256 without evidence: name the file or the URL, too")
            return None, None
        if is_address(text):
            return address(WEB)("evidence", text), stated
        try:
            document = self._read("evidence", text)
        except UnreadableError:
            if stated and (before := self.documents.get(kept_name(stated, text))) and is_proof(before):
                return Path(text).name, stated
            raise
        if stated is not None and stated != document.sha256:
            raise EvidenceError(
                f"evidence {text!r} has the SHA-256 {document.sha256[:12]}..., {stated[:12]}... is stated: "
                "it is another file, or it changed"
            )
        return document.path.name, document.sha256

    def text(self, text: str | None) -> tuple[str | None, str | None]:
        """(name, SHA-256) of a licence text, which is a file."""
        if text is None:
            return None, None
        if is_address(text):
            raise LicenceError(f"licence_text {text!r}: give the path of a file, which is kept; a URL may change")
        document = self._read("licence_text", text)
        return document.path.name, document.sha256

    def _read(self, what: str, text: str) -> Document:
        document = read_document(text, self.base, what=what, inside=self.inside)
        self.documents[document.kept_as] = document
        return document


def laid_over(own: Licence | None, other: Licence | None, stated: Iterable[str]) -> Licence | None:
    """`other` with the fields that `own`, which names no licence, states; evidence with its digest and date."""
    if own is None or other is None:
        return own or other
    names = set(stated) & {f.name for f in dataclasses.fields(Licence)}
    if "evidence" in names:
        names |= {"evidence_sha256", "evidence_date"}
    if "licence_text" in stated:
        names.add("licence_text_sha256")
    return replace(other, **{name: getattr(own, name) for name in names})


def read_licence_file(path: Path) -> dict[str, str | None]:
    """The fields of a LICENSE.toml; raises LicenceError where it cannot be read or has an unknown key."""
    try:
        if path.stat().st_size > _LARGEST:
            raise LicenceError(f"{path} is larger than 1 MiB: it holds a few lines")
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LicenceError(f"{path} is not TOML ({error})") from error
    except OSError as error:
        raise LicenceError(f"{path} cannot be read ({error.strerror}): correct it") from error
    unknown = sorted(values.keys() - set(FIELDS))
    if unknown:
        raise LicenceError(f"{path}: unknown key {unknown[0]!r}; known are {', '.join(FIELDS)}")
    return {key: _text(path, key, value) for key, value in values.items()}


def _text(path: Path, key: str, value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value) and key == "jurisdiction":
        return ",".join(value)
    if isinstance(value, str | date):
        return str(value)
    raise LicenceError(f'{path}: {key} is no text: put it in quotes, as {key} = "..."')


def nearest_licence_file(folder: Path, root: Path) -> Path | None:
    """The LICENSE.toml of a folder or of the next folder above it, up to `root`."""
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return candidate / FILE_NAME
        if candidate == root:
            break
    return None
