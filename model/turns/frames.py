"""Turn-taking per codec frame of 80 ms: the states of a dialogue manager and the future activity to foretell."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.turns.definitions import VAP_BINS_S, VAP_SHARE
from schemas.conversation import ACTIVITY_HZ, Segment, TurnEvent
from schemas.recording import FRAME_SAMPLES, SAMPLE_RATE_HZ

Bool = NDArray[np.bool_]

FRAME_S: Final = FRAME_SAMPLES / SAMPLE_RATE_HZ
CONTINUE_LISTENING, START_SPEAKING, CONTINUE_SPEAKING, START_LISTENING = range(4)
NO_CLASS: Final = -1
_ACTIVITY_PER_FRAME: Final = round(FRAME_S * ACTIVITY_HZ)


def active_frames(spans: Iterable[Segment | TurnEvent], n_frames: int) -> Bool:
    """Activity [2, n_frames]: a frame counts where a span covers at least half of it, and each span has one."""
    active = np.zeros((2, n_frames), dtype=np.bool_)
    for span in spans:
        first = round(span.start_s / FRAME_S)
        after = max(round(span.end_s / FRAME_S), first + 1)
        active[span.channel, min(first, n_frames - 1) : after] = True
    return active


def turn_states(active: Bool) -> NDArray[np.int8]:
    """Turn states int8 [2, n_frames] from who has a turn: each channel's own start, going on, end and silence."""
    before = np.zeros_like(active)
    before[:, 1:] = active[:, :-1]
    states = np.full(active.shape, CONTINUE_LISTENING, dtype=np.int8)
    states[active & ~before] = START_SPEAKING
    states[active & before] = CONTINUE_SPEAKING
    states[~active & before] = START_LISTENING
    return states


def vap_classes(segments: Sequence[Segment], n_frames: int, length_s: float) -> NDArray[np.int16]:
    """The class of what follows each frame's end, int16 [n_frames], 0 to 255; NO_CLASS where the clip ends before.

    Bit 4 c + b: channel c is active for more than VAP_SHARE of stretch b of VAP_BINS_S (the numbering of the codebook
    that the authors of voice activity projection published). With channels swapped: class // 16 + 16 (class % 16).
    """
    edges = np.round(np.cumsum([0.0, *VAP_BINS_S]) * ACTIVITY_HZ).astype(np.int64)
    total = round(length_s * ACTIVITY_HZ)
    starts = _ACTIVITY_PER_FRAME * np.arange(1, n_frames + 1)
    known = starts + edges[-1] <= total
    spoken = np.zeros((2, total + 1), np.int64)
    for s in segments:
        spoken[s.channel, 1 + round(s.start_s * ACTIVITY_HZ) : 1 + round(s.end_s * ACTIVITY_HZ)] = 1
    before = spoken.cumsum(1)
    classes = np.full(n_frames, NO_CLASS, np.int16)
    at = starts[known, None] + edges
    active = np.diff(before[:, at], axis=2) > VAP_SHARE * np.diff(edges)
    classes[known] = (active.transpose(1, 0, 2).reshape(-1, 8) * (1 << np.arange(8))).sum(1)
    return classes
