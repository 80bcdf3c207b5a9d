"""Files that a command is asked to write: looked at before any work is done."""

from pathlib import Path

from schemas.errors import UserError


class OutputError(UserError):
    """A file that cannot be written; the message names it and what to give."""


def check_output(path: Path | None, what: str) -> None:
    """Raise OutputError where a path is a folder or a device, or lies in what is no folder.

    what: the option or argument. A file is put in place by its name, which would put it where the device was.
    """
    if path is None:
        return
    if path.is_dir():
        raise OutputError(f"{what} {path} is a folder: name a file in it")
    if path.exists() and not path.is_file():
        raise OutputError(f"{what} {path} is a device or a pipe: give a file")
    above = next(parent for parent in path.absolute().parents if parent.exists())
    if not above.is_dir():
        raise OutputError(f"{what} {path}: {above} is no folder, give another place")
