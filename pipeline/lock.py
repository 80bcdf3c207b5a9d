"""One at a time changes a dataset: a build or a withdrawal holds its folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import UserError


class LockError(UserError):
    """Somebody else is changing the dataset."""


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Hold the folder; raises LockError where another does. The lock goes with the process, however it ends."""
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    busy = LockError(f"another build or withdrawal is running in {out}: wait for it, or choose another folder")
    with alone(work / "lock", busy):
        yield


@contextmanager
def alone(path: Path, busy: UserError) -> Iterator[None]:
    """Hold a file as its only holder; raises `busy` where another process does."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise busy from error
        yield


def remove_leftovers(out: Path) -> None:
    """Remove what a build or a withdrawal that was killed wrote aside. Call it while the folder is held."""
    for leftover in out.rglob(".*.tmp"):
        leftover.unlink()
