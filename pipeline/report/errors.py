"""What keeps a report from being written."""

from schemas.errors import UserError


class ReportError(UserError):
    """A folder of which there is nothing to report, or that cannot be read: which, and what to do."""
