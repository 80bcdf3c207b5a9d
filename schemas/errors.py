"""The errors that a user can cause. Anything else that is raised is a bug."""

from typing import ClassVar


class UserError(Exception):
    """Its message is the one line that a person sees: what is wrong, where, and what to do."""

    exit_code: ClassVar[int] = 2


class DatasetError(UserError):
    """The dataset cannot be read as it stands; the message names the file and what to do."""
