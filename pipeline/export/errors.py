"""What can go wrong with an export through no fault of the program."""

from schemas.errors import UserError


class ExportError(UserError):
    """The clips cannot be exported as asked; the message says why and what to do."""
