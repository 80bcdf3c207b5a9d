"""dataset.json read: by whoever made the dataset, so that nothing in it is believed before it was looked at."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from schemas.errors import DatasetError
from schemas.form import is_sha256
from schemas.plain_json import parsed_object

NAME: Final = "dataset.json"
_SIZE: Final = re.compile(r"([0-9]{1,18}) B")
_FILE: Final = re.compile(r"(shards|index)/[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
_PARTS: Final[Mapping[str, type]] = {
    "fingerprint": str,
    "configuration": dict,
    "weights": dict,
    "stages": list,
    "totals": dict,
}


class DescriptionError(DatasetError):
    """dataset.json is not there or cannot be read; the message says what to do."""


class Listed(NamedTuple):
    """A file as dataset.json has it. size: in bytes, None where it is not stated."""

    sha256: str
    size: int | None


def read_whole(out: Path) -> dict[str, Any] | None:
    """All of it, None where there is no such file. Raises DescriptionError."""
    path = out / NAME
    if not path.is_file():
        return None
    try:
        return parsed_object(path.read_bytes())
    except ValueError as error:
        raise DescriptionError(f"{path} cannot be read ({error}): remove it and build the dataset again") from error


def read_description(out: Path) -> dict[str, Any] | None:
    """The `duplexset` part: configuration, fingerprint, totals. None where there is no such file.

    What all versions wrote is there and of the right kind. Raises DescriptionError.
    """
    whole = read_whole(out)
    if whole is None:
        return None
    part = whole.get("duplexset")
    if not isinstance(part, dict):
        raise DescriptionError(f"{out / NAME} has no duplexset part: remove it and build the dataset again")
    if fault := _fault(part):
        raise DescriptionError(f"{out / NAME}: {fault}; remove it and build the dataset again")
    return part


def described(out: Path) -> dict[str, Any]:
    """The same of a dataset that must have it. Raises DescriptionError."""
    description = read_description(out)
    if description is None:
        raise DescriptionError(
            f"{out} has no {NAME}: it is no dataset, or its build did not end; run the build again"
        )
    return description


def listed_files(out: Path) -> dict[str, Listed]:
    """The shards and indexes, by their path in OUT. Raises DescriptionError."""
    listed = (read_whole(out) or {}).get("distribution")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise DescriptionError(f"{out / NAME} does not list its files: remove it and build the dataset again")
    return dict(_listed(out, one) for one in listed if "contentUrl" in one)


def _listed(out: Path, one: dict[str, Any]) -> tuple[str, Listed]:
    name, sha256 = one["contentUrl"], one.get("sha256")
    if not isinstance(name, str) or not _FILE.fullmatch(name) or not isinstance(sha256, str) or not is_sha256(sha256):
        raise DescriptionError(
            f"{out / NAME} lists {str(name)!r:.100}, which is no file of a dataset: build it again"
        )
    size = _SIZE.fullmatch(str(one.get("contentSize", "")))
    return name, Listed(sha256, int(size[1]) if size else None)


def _fault(part: dict[str, Any]) -> str | None:
    """What is missing or of a wrong kind, in words."""
    for name, kind in _PARTS.items():
        if not isinstance(part.get(name), kind):
            return f"{name} is missing, or no {kind.__name__}"
    configuration, shares = part["configuration"], part["configuration"].get("split_percent")
    right = {
        "software": isinstance(part.get("software", ""), str),
        "the codec": isinstance(configuration.get("codec"), str),
        "flac": isinstance(configuration.get("flac"), bool),
        "split_percent": isinstance(shares, list) and all(isinstance(share, int) for share in shares),
        "weights": all(isinstance(digest, str) for digest in part["weights"].values()),
        "stages": all(map(_is_stage, part["stages"])),
        "totals": all(isinstance(part["totals"].get(name), dict) for name in ("recordings", "splits")),
    }
    return next((f"{name} cannot be read" for name, is_right in right.items() if not is_right), None)


def _is_stage(one: object) -> bool:
    return (
        isinstance(one, dict)
        and isinstance(one.get("stage"), str)
        and isinstance(one.get("version"), int | str)
        and isinstance(one.get("settings"), dict)
    )
