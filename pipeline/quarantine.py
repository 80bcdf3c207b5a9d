"""Recordings whose work failed in every attempt of the last build: a text file each. The next build tries anew."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cluster.rows import Failed
from schemas.atomic import write_text
from schemas.plain_text import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """`duration_s`: None where it was not known yet."""

    uri: str
    error: str
    duration_s: float | None


def folder_of(out: Path) -> Path:
    """Where the files lie."""
    return out / "work" / "quarantine"


def put(out: Path, uri: str, duration_s: float | None, failed: Failed) -> Path:
    """Write what failed, with its traceback; returns the file."""
    path = folder_of(out) / f"{hashlib.sha256(uri.encode()).hexdigest()[:16]}.txt"
    length = "not known" if duration_s is None else f"{duration_s:.3f} s"
    write_text(path, f"{one_line(uri)}\n{length}\n{one_line(failed.error)}\n\n{failed.trace}")
    return path


def clear(out: Path) -> None:
    """Forget the last build's."""
    for path in folder_of(out).glob("*.txt"):
        path.unlink()


def quarantined(out: Path) -> list[Quarantined]:
    """Those of the last build, by name."""
    found = []
    for path in folder_of(out).glob("*.txt"):
        uri, length, error, *_ = path.read_text(encoding="utf-8").splitlines()
        seconds = None if length == "not known" else float(length.removesuffix(" s"))
        found.append(Quarantined(uri=uri, error=error, duration_s=seconds))
    return sorted(found, key=lambda one: one.uri)
