"""What lies where in a plain tar, by its headers alone."""

import tarfile
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

BLOCK: Final = tarfile.BLOCKSIZE


class TarMember(NamedTuple):
    """A file in a tar: its header stands at byte `at`, its content `BLOCK` behind that; `end`: the next header."""

    name: str
    at: int
    size: int

    @property
    def end(self) -> int:
        """Where the next header stands."""
        return self.at + BLOCK + -(-self.size // BLOCK) * BLOCK

    @property
    def clip_id(self) -> str:
        """Of a sample's file, the clip it belongs to."""
        return self.name.partition(".")[0]


def members(file: BinaryIO) -> Iterator[TarMember]:
    """All files of a tar, in their order. Raises tarfile.TarError, ValueError for what is none."""
    at = 0
    while True:
        file.seek(at)
        header = file.read(BLOCK)
        if not header.strip(b"\0"):  # two empty blocks end it
            return
        info = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
        if info.size < 0:
            raise ValueError(f"{info.name} has a negative size")
        member = TarMember(info.name, at, info.size)
        yield member
        at = member.end


def places_of(file: BinaryIO) -> dict[str, tuple[int, int]]:
    """Where each sample lies: clip id -> (its first header, bytes). Raises as `members`."""
    places: dict[str, tuple[int, int]] = {}
    for member in members(file):
        start, _ = places.get(member.clip_id, (member.at, 0))
        places[member.clip_id] = (start, member.end - start)
    return places
