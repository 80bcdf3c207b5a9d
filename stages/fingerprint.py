"""fingerprint: the landmarks of what is said, by which the same conversation is known in other bytes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from model.landmarks.find import landmarks
from schemas.persona import Voiced
from stages.contract import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Adds the landmarks. It comes before the tokens: what is made of those has no sound any more."""

    name: ClassVar[str] = "fingerprint"
    reads: ClassVar[type] = Voiced
    writes: ClassVar[type] = Voiced
    needs: ClassVar[Needs] = Needs()
    version: ClassVar[int] = 1

    def load(self, device: str) -> Callable[[Voiced], Voiced]:
        """No model."""
        return fingerprinted


def fingerprinted(row: Voiced) -> Voiced:
    """A span with its landmarks, wherever one of the two is active."""
    diarized = row.scored.labelled.worded.diarized
    pcm = np.frombuffer(diarized.span.pcm, dtype=np.int16).reshape(2, -1)
    return replace(row, landmarks=landmarks(pcm, diarized.segments).astype("<u4").tobytes())
