"""label: the turn state of each channel in each 80-ms frame."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from schemas.conversation import Diarized, Labelled, Segment
from schemas.recording import FRAME_SAMPLES, SAMPLE_RATE_HZ
from stages.contract import Needs

FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ
CONTINUE_LISTENING, START_SPEAKING, CONTINUE_SPEAKING, START_LISTENING = range(4)


def active_frames(segments: Iterable[Segment], n_frames: int) -> npt.NDArray[np.bool_]:
    """Activity [2, n_frames]: a frame counts where a segment covers at least half of it, and each segment has one."""
    active = np.zeros((2, n_frames), dtype=np.bool_)
    for segment in segments:
        first = round(segment.start_s / FRAME_S)
        after = max(round(segment.end_s / FRAME_S), first + 1)
        active[segment.channel, min(first, n_frames - 1) : after] = True
    return active


def turn_states(active: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
    """Turn states int8 [2, n_frames] from activity: each channel's own start, going on, end and silence."""
    before = np.zeros_like(active)
    before[:, 1:] = active[:, :-1]
    states = np.full(active.shape, CONTINUE_LISTENING, dtype=np.int8)
    states[active & ~before] = START_SPEAKING
    states[active & before] = CONTINUE_SPEAKING
    states[~active & before] = START_LISTENING
    return states


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Adds the turn states."""

    name: ClassVar[str] = "label"
    reads: ClassVar[type] = Diarized
    writes: ClassVar[type] = Labelled
    needs: ClassVar[Needs] = Needs()
    version: ClassVar[int] = 1

    def load(self, device: str) -> Callable[[Diarized], Labelled]:
        """No model."""
        return label


def label(row: Diarized) -> Labelled:
    """A diarized span with its turn states."""
    n_samples = row.span.end_sample - row.span.start_sample
    n_frames = -(-n_samples // FRAME_SAMPLES)
    return Labelled(diarized=row, turns=turn_states(active_frames(row.segments, n_frames)).tobytes())
