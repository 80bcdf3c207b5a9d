"""Every schema against its golden copy, so that a change shows in a diff.

After a change that is meant: python tests/schemas/test_golden.py
"""

from pathlib import Path

import pytest

from schemas.arrow import schema_of
from schemas.clip import Clip
from schemas.conversation import Diarized, Labelled, Mixed, Scored, Span
from schemas.persona import Voiced
from schemas.recording import LaidOut, Mixture, Recording, Source
from schemas.rejection import Reason, Rejection
from schemas.shard import ClipRow, PackedShard, RecordingRow, ShardPlan

ROWS = (
    Source,
    Recording,
    LaidOut,
    Mixture,
    Mixed,
    Span,
    Diarized,
    Labelled,
    Scored,
    Voiced,
    Clip,
    Rejection,
    ShardPlan,
    PackedShard,
    ClipRow,
    RecordingRow,
)
GOLDEN = Path(__file__).parent / "golden"


def text_of(cls: type) -> str:
    return "".join(f"{field}\n" for field in schema_of(cls))


@pytest.mark.parametrize("cls", ROWS, ids=lambda cls: cls.__name__)
def test_the_schema_is_the_golden_one(cls: type) -> None:
    assert text_of(cls) == (GOLDEN / f"{cls.__name__}.txt").read_text()


def test_the_reasons_are_the_golden_ones() -> None:
    assert "".join(f"{reason}\n" for reason in Reason) == (GOLDEN / "reasons.txt").read_text()


if __name__ == "__main__":
    for row in ROWS:
        (GOLDEN / f"{row.__name__}.txt").write_text(text_of(row))
    (GOLDEN / "reasons.txt").write_text("".join(f"{reason}\n" for reason in Reason))
