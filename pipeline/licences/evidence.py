"""Evidence and licence texts: read, digested, and kept beside the data under their digests."""

import hashlib
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from schemas.atomic import whole_file
from schemas.licence import Licence, LicenceError

FOLDER: Final = "evidence"
LARGEST: Final = 100 * 2**20
"""Bytes of an evidence file or licence text."""
_PIECE: Final = 1 << 20


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
    """What OUT/evidence holds for a licence: of evidence and text, those that are files."""
    stated = ((licence.evidence, licence.evidence_sha256), (licence.licence_text, licence.licence_text_sha256))
    return tuple(kept_name(digest, name) for name, digest in stated if name and digest and "://" not in name)


def read_document(text: str, base: Path, *, what: str, inside: Path | None = None) -> Document:
    """A file named relative to `base`. inside: the folder that it may not leave, by links neither.

    Raises LicenceError for a file that is not there, no plain file, larger than LARGEST or outside.
    """
    path = base / text
    try:
        real = path.resolve()
        if inside is not None and not real.is_relative_to(inside.resolve()):
            raise LicenceError(f"{what} {text!r} lies outside the manifest's folder, or is a link: copy it there")
        facts = real.stat()
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        reason = error.strerror if isinstance(error, OSError) else "its links go in a circle"
        raise LicenceError(f"{what} {path} cannot be read ({reason}): correct the path") from error
    if not stat.S_ISREG(facts.st_mode):
        raise LicenceError(f"{what} {path} is no file: give the path of one")
    if facts.st_size > LARGEST:
        raise LicenceError(f"{what} {path} has {facts.st_size >> 20} MiB: {LARGEST >> 20} MiB at most")
    try:
        return Document(path, _digest(real, facts.st_size, facts.st_mtime_ns))
    except OSError as error:
        raise LicenceError(f"{what} {path} cannot be read ({error.strerror}): correct the path") from error


@lru_cache(4096)
def _digest(path: Path, size: int, changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep(out: Path, licences: Iterable[Licence], documents: Mapping[str, Document]) -> None:
    """Have OUT/evidence hold what these licences name, and nothing else that was kept there.

    documents: by `kept_as`. Raises LicenceError where a file changed since it was read.
    """
    named = {name for licence in licences for name in names_of(licence)}
    folder = out / FOLDER
    for name in sorted(named):
        if name in documents and not _is_whole(folder / name):
            _copy(documents[name], folder / name)
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        if path.name not in named and re.fullmatch(r"[0-9a-f]{64}(\.[a-z0-9]+)?", path.name):
            path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


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
        if not (folder / name).is_file():
            yield f"{FOLDER}/{name}: missing"
        elif not _is_whole(folder / name):
            yield f"{FOLDER}/{name}: its bytes are not those that its name says"
