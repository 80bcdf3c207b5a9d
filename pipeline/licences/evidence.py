"""Evidence and licence texts: read, digested, and kept beside the data under their digests."""

import hashlib
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final

from pipeline.visible import printable
from schemas.atomic import whole_file
from schemas.licence import Licence, LicenceError

FOLDER: Final = "evidence"
LARGEST: Final = 100 * 2**20
"""Bytes of an evidence file or licence text."""
_PIECE: Final = 1 << 20
_KEPT: Final = re.compile(r"[0-9a-f]{64}(\.[a-z0-9]+)?")


class EvidenceError(LicenceError):
    """A file that should prove something and does not: it cannot be read, lies elsewhere, or is another one."""


class UnreadableError(EvidenceError):
    """Such a file that is not there, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file that proves something: where it lies, and the SHA-256 of its bytes."""

    path: Path
    sha256: str

    @property
    def kept_as(self) -> str:
        """Its name in OUT/evidence."""
        return kept_name(self.sha256, self.path.name)


def kept_name(sha256: str, name: str) -> str:
    """`<sha256><.suffix>`; a suffix that is no plain word is left out."""
    suffix = Path(name).suffix.lower()
    return sha256 + (suffix if re.fullmatch(r"\.[a-z0-9]{1,10}", suffix) else "")


def names_of(licence: Licence) -> tuple[str, ...]:
    """What OUT/evidence holds for a licence: of evidence and text, those that are files, each once."""
    stated = ((licence.evidence, licence.evidence_sha256), (licence.licence_text, licence.licence_text_sha256))
    files = (kept_name(digest, name) for name, digest in stated if name and digest and "://" not in name)
    return tuple(dict.fromkeys(files))


def read_document(text: str, base: Path, *, what: str, inside: Path | None = None) -> Document:
    """A file named relative to `base`. inside: the folder that it may not leave, by links neither.

    Raises UnreadableError for a file that cannot be read, EvidenceError for one that is no plain file, larger than
    LARGEST or outside.
    """
    path, named = base / text, f"{what} {printable(str(base / text))}"
    try:
        real = path.resolve()
        if inside is not None and not real.is_relative_to(inside.resolve()):
            raise EvidenceError(f"{what} {text!r} lies outside the recordings' folder, or is a link: copy it there")
        facts = real.stat()
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise _unreadable(what, named, error) from error
    if not stat.S_ISREG(facts.st_mode):
        raise EvidenceError(f"{named} is no file: give the path of one")
    if facts.st_size > LARGEST:
        raise EvidenceError(f"{named} has {facts.st_size >> 20} MiB: {LARGEST >> 20} MiB at most")
    try:
        return Document(path, _digest(real, facts.st_size, facts.st_mtime_ns))
    except OSError as error:
        raise _unreadable(what, named, error) from error


def _unreadable(what: str, named: str, error: OSError | RuntimeError) -> UnreadableError:
    reason = error.strerror if isinstance(error, OSError) else "its links go in a circle"
    more = ", or state its evidence_sha256 if OUT/evidence still holds it" if what == "evidence" else ""
    return UnreadableError(f"{named} cannot be read ({reason}): put it back or correct the path{more}")


@lru_cache(4096)
def _digest(path: Path, size: int, changed_ns: int) -> str:
    return _sha256(path)


def held(out: Path) -> dict[str, Document]:
    """What OUT/evidence has of earlier builds, by `kept_as`. Whether it is whole is not looked at."""
    return {path.name: Document(path, path.name[:64]) for path in _kept(out)}


def is_proof(document: Document) -> bool:
    """Whether a file has the bytes that its digest says."""
    try:
        return read_document(document.path.name, document.path.parent, what="evidence").sha256 == document.sha256
    except EvidenceError:
        return False


def keep(out: Path, licences: Iterable[Licence], documents: Mapping[str, Document]) -> None:
    """Have OUT/evidence hold what these licences name. documents: by `kept_as`.

    Raises LicenceError where a file changed since it was read.
    """
    for name in sorted({name for licence in licences for name in names_of(licence)}):
        if name in documents and not _is_whole(out / FOLDER / name):
            _copy(documents[name], out / FOLDER / name)


def forget(out: Path, licences: Iterable[Licence], stays: Collection[str] = ()) -> None:
    """Remove from OUT/evidence what was kept there and none of these licences names any more.

    stays: names of files that are kept all the same.
    """
    named = {name for licence in licences for name in names_of(licence)}.union(stays)
    for path in _kept(out):
        if path.name not in named:
            path.unlink()
    if (out / FOLDER).is_dir() and not any((out / FOLDER).iterdir()):
        (out / FOLDER).rmdir()


def _kept(out: Path) -> list[Path]:
    folder = out / FOLDER
    return [p for p in sorted(folder.iterdir()) if _KEPT.fullmatch(p.name)] if folder.is_dir() else []


class Kept(StrEnum):
    """What has become of a file that OUT/evidence should hold."""

    WHOLE = "kept unchanged"
    CHANGED = "changed"
    MISSING = "missing"


def kept_state(out: Path, name: str) -> Kept:
    """How it stands with a file of OUT/evidence, by the name that it is kept under."""
    path = out / FOLDER / name
    if not path.is_file():
        return Kept.MISSING
    return Kept.WHOLE if _is_whole(path) else Kept.CHANGED


def _is_whole(path: Path) -> bool:
    return path.is_file() and _sha256(path) == path.name[:64]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(document: Document, target: Path) -> None:
    digest = hashlib.sha256()
    with document.path.open("rb") as source, whole_file(target) as temporary, temporary.open("wb") as sink:
        while piece := source.read(_PIECE):
            digest.update(piece)
            sink.write(piece)
        if digest.hexdigest() != document.sha256:
            raise LicenceError(f"{document.path} changed while the build ran: run the same command again")


def differences(out: Path, licences: Iterable[Licence]) -> Iterator[str]:
    """A line for each file of OUT/evidence that is missing or changed; none where the folder was left out."""
    folder = out / FOLDER
    if not folder.is_dir():
        return
    for name in sorted({name for licence in licences for name in names_of(licence)}):
        state = kept_state(out, name)
        if state is Kept.MISSING:
            yield f"{FOLDER}/{name}: missing"
        elif state is Kept.CHANGED:
            yield f"{FOLDER}/{name}: its bytes are not those that its name says"
