"""What is wrong with a transcript, in one line."""

from schemas.errors import UserError


class TranscriptError(UserError):
    """A transcript that cannot be read; the message says which file, where in it, what is wrong and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


class NotUtf8Error(TranscriptError):
    """A file without a byte order mark that is not UTF-8; some formats have another encoding to try."""
