"""A transcript written to a file and read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.transcript import Transcript
from stages.transcripts.read import read_transcript

Read = Callable[..., Transcript]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """read(name, content, recording=..., duration_s=...): the content as a file of that name, read."""

    def write_and_read(
        name: str, content: str | bytes, recording: str = "talk", duration_s: float | None = None
    ) -> Transcript:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_transcript(path, recording=recording, duration_s=duration_s)

    return write_and_read
