"""The forms of licence fields: texts, dates, digests, addresses, jurisdictions, closed lists. Nothing is fetched."""

import re
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import urlsplit

from pipeline.licences.names import shown
from schemas.licence import LicenceError
from schemas.plain_text import fault_of

LONGEST: Final = 10_000
"""Characters of a field."""
WEB: Final = ("http", "https")
SOURCES: Final = (*WEB, "s3", "gs", "ftp")
_E = TypeVar("_E", bound=StrEnum)


def plain(name: str, value: str) -> str:
    """A text on one line, which UTF-8 can hold and no terminal obeys."""
    if len(value) > LONGEST:
        raise LicenceError(f"{name} has {len(value)} characters: {LONGEST} at most")
    if fault := fault_of(value):
        raise LicenceError(f"{name} {shown(value)} {fault}: write it as plain text on one line")
    return value


def day(name: str, value: str) -> str:
    """A date as 2026-01-31."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise LicenceError(f"{name} {shown(value)} is no date: give year-month-day, as 2026-01-31")


def digest(name: str, value: str) -> str:
    """A SHA-256 in hexadecimal digits, in lower case."""
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", value):
        raise LicenceError(f"{name} {shown(value)} is no SHA-256: give its 64 hexadecimal digits")
    return value.lower()


def address(schemes: tuple[str, ...]) -> Callable[[str, str], str]:
    """A URL of one of these schemes, with a host and without a password."""

    def check(name: str, value: str) -> str:
        try:
            parts = urlsplit(value)
            usable = parts.scheme.lower() in schemes and bool(parts.hostname) and not re.search(r"\s", value)
            password = parts.password is not None
        except ValueError:  # as http://[
            usable = password = False
        if password:
            raise LicenceError(f"{name} has a password in it, which every index would show: leave it out")
        if not usable:
            raise LicenceError(f"{name} {shown(value)} is no address: give one with {', '.join(schemes)}")
        return value

    return check


def is_address(value: str) -> bool:
    """Whether a text means a URL rather than a file."""
    return "://" in value


def codes(name: str, value: str) -> tuple[str, ...]:
    """ISO 3166 codes of countries or parts of them, as DE or US-CA; several with commas."""
    found = tuple(code.strip().upper() for code in re.split(r"[,|;]", value) if code.strip())
    wrong = [code for code in found if not re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", code)]
    if wrong or not found:
        raise LicenceError(f"{name} {shown(value)} is no ISO 3166 code: give DE, US-CA or several, as DE,FR")
    return tuple(dict.fromkeys(found))


def one_of(kind: type[_E], name: str, value: str) -> _E:
    """A word of a closed list."""
    if value not in set(kind):
        raise LicenceError(f"{name} {shown(value)} is not known: give one of {', '.join(kind)}")
    return kind(value)
