"""Whether the bytes of a clip, and of the recording that it comes from, are those that the index names."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, Final

from pipeline.browse.members import shard_of
from schemas.errors import UserError
from schemas.recording import recording_id_of

_PIECE: Final = 1 << 20
_CHANNELS: Final = 32
"""Channels of a file among which two may have been chosen."""


class SourceError(UserError):
    """A source file that cannot be read; the message says which."""


def shard_fault(out: Path, record: Mapping[str, Any]) -> str | None:
    """What is wrong with the bytes at a kept clip's place in its shard; None where the digest is the index's.

    Raises BrowseError for a shard that the dataset cannot have.
    """
    path, left = shard_of(out, record["shard"]), record["length"] or 0
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            file.seek(record["offset"] or 0)
            while left > 0 and (piece := file.read(min(left, _PIECE))):
                digest.update(piece)
                left -= len(piece)
    except FileNotFoundError:
        return f"missing: there is no shards/{path.name}"
    if left:
        return "changed: the shard is cut off before the clip ends"
    return None if digest.hexdigest() == record["sha256"] else "changed: their SHA-256 is another"


def source_fault(record: Mapping[str, Any], files: Sequence[Path]) -> str | None:
    """Why these files are not the recording's, both of a pair in this order; None where they are, byte for byte.

    Raises SourceError.
    """
    digests = tuple(_digest(path) for path in files)
    wanted = record["info"]["recording_id"]
    if recording_id_of(digests, None) == wanted:
        return None
    if len(digests) == 1 and any(recording_id_of(digests, two) == wanted for two in _two_channels()):
        return None
    also = ": a pair needs --source twice, channel 0 first" if record["info"]["provenance"].get("uri_b") else ""
    return f"another one, SHA-256 {', '.join(digests)}{also}"


def _two_channels() -> Iterator[tuple[int, int]]:
    """What a manifest may have picked of a file."""
    return permutations(range(_CHANNELS), 2)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise SourceError(f"--source {path} cannot be read ({error}): give the recording's file") from error
