"""Who speaks when: segments on a recording's clock, and the same as frames of 10 ms."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.speech import runs
from schemas.conversation import Segment

Bool = NDArray[np.bool_]
Stretch = tuple[float, float]

FRAMES_PER_S: Final = 100


def merged(segments: Iterable[Segment], gap_s: float = 0.0) -> tuple[Segment, ...]:
    """The segments with those of one channel joined where they touch, overlap or lie less than `gap_s` apart.

    Sorted by start, then channel; segments of no length are dropped.
    """
    real = sorted((s for s in segments if s.end_s > s.start_s), key=lambda s: s.start_s)
    out: list[Segment] = []
    for channel in sorted({s.channel for s in real}):
        joined: list[Segment] = []
        for s in (s for s in real if s.channel == channel):
            if joined and (s.start_s <= joined[-1].end_s or s.start_s - joined[-1].end_s < gap_s):
                joined[-1] = replace(joined[-1], end_s=max(joined[-1].end_s, s.end_s))
            else:
                joined.append(s)
        out += joined
    return tuple(sorted(out, key=lambda s: (s.start_s, s.channel)))


def joined_stretches(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Stretches (start_s, end_s), sorted, those that touch or overlap made one."""
    both = merged(Segment(channel=0, start_s=start_s, end_s=end_s) for start_s, end_s in stretches)
    return tuple((s.start_s, s.end_s) for s in both)


def within(segments: Iterable[Segment], stretches: Sequence[Stretch]) -> tuple[Segment, ...]:
    """What of the segments lies inside the stretches (disjoint)."""
    return tuple(
        replace(s, start_s=max(s.start_s, start_s), end_s=min(s.end_s, end_s))
        for s in segments
        for start_s, end_s in stretches
        if min(s.end_s, end_s) > max(s.start_s, start_s)
    )


def active_frames(segments: Iterable[Segment], n_channels: int, n_frames: int) -> Bool:
    """Activity bool [n_channels, n_frames] at 100 frames a second: a frame counts where its middle is covered."""
    active = np.zeros((n_channels, n_frames), dtype=np.bool_)
    for s in segments:
        active[s.channel, _frame(s.start_s) : _frame(s.end_s)] = True
    return active


def stretch_frames(stretches: Iterable[Stretch], n_frames: int) -> Bool:
    """bool [n_frames]: frames whose middle lies in a stretch."""
    one = (Segment(channel=0, start_s=start_s, end_s=end_s) for start_s, end_s in stretches)
    covered: Bool = active_frames(one, 1, n_frames)[0]
    return covered


def _frame(time_s: float) -> int:
    """The first frame whose middle is not before a time; 1e-6 of slack, as times are no binary numbers."""
    return max(0, int(np.ceil(time_s * FRAMES_PER_S - 0.5 - 1e-6)))


def to_segments(active: Bool) -> tuple[Segment, ...]:
    """Activity bool [channels, frames] at 100 frames a second as segments."""
    found = [
        Segment(channel=c, start_s=float(start / FRAMES_PER_S), end_s=float(end / FRAMES_PER_S))
        for c, flags in enumerate(active)
        for start, end in runs(flags)
    ]
    return tuple(sorted(found, key=lambda s: (s.start_s, s.channel)))


def widened(flags: Bool, frames: int) -> Bool:
    """bool [n]: True also up to `frames` before and after."""
    out = flags.copy()
    for start, end in runs(flags):
        out[max(0, start - frames) : end + frames] = True
    return out
