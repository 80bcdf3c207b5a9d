"""What happens between speakers: overlaps, backchannels, and the edges of activity.

Activity is bool [channels or speakers, frames] at 100 frames a second, over the same frames for truth and output.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.measures.activity import FRAMES_PER_S, Bool, active_frames, merged
from model.measures.permutation import Match
from model.speech import runs
from schemas.conversation import Segment

Float64 = NDArray[np.float64]

SHORT_S: Final = 1.0
"""Overlaps and backchannels below this are the ones that other systems lose."""
FOUND_SHARE: Final = 0.5
"""An event is found if this share of it is."""
EDGE_WINDOW_S: Final = 0.5
EDGE_PAUSE_S: Final = 0.2
"""Pauses below this are no edges, in truth and output alike: the usual bound of an inter-pausal unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How many of so many were found; additive."""

    found: int
    of: int

    @property
    def share(self) -> float:
        """0 to 1; NaN of none."""
        return self.found / self.of if self.of else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Errors of matched edges in ms, positive where the output is late, and how many true edges have no match."""

    errors_ms: Float64
    unmatched: int

    @property
    def unmatched_share(self) -> float:
        """0 to 1; NaN where there is no true edge."""
        edges = self.errors_ms.size + self.unmatched
        return self.unmatched / edges if edges else float("nan")

    def quantile_ms(self, share: float) -> float:
        """A quantile of the absolute errors; NaN where no edge is matched."""
        return float(np.quantile(np.abs(self.errors_ms), share)) if self.errors_ms.size else float("nan")


def overlap_recall(found: Bool, truth: Bool) -> Found:
    """Frames in which two or more truly speak, and those of them in which two or more channels are active."""
    both = truth.sum(axis=0) > 1
    return Found(found=int((both & (found.sum(axis=0) > 1)).sum()), of=int(both.sum()))


def overlap_precision(found: Bool, truth: Bool) -> Found:
    """Frames in which two or more channels are active, and those of them in which two or more truly speak."""
    return overlap_recall(truth, found)


def short_overlap_recall(found: Bool, truth: Bool, covered: Bool) -> Found:
    """Overlaps shorter than SHORT_S that lie whole in `covered` [frames], and those that the output has.

    An overlap is a run of frames in which two or more truly speak; the output has it if two or more channels are
    active in at least FOUND_SHARE of it.
    """
    both = found.sum(axis=0) > 1
    short = [r for r in runs(truth.sum(axis=0) > 1) if r[1] - r[0] < SHORT_S * FRAMES_PER_S]
    return _count(short, both, covered)


def backchannels(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Backchannels by rule: segments shorter than SHORT_S that lie inside one segment of another speaker."""
    return tuple(
        s
        for s in segments
        if s.end_s - s.start_s < SHORT_S
        and any(o.channel != s.channel and o.start_s <= s.start_s and s.end_s <= o.end_s for o in segments)
    )


def backchannel_recall(found: Bool, events: Sequence[Segment], match: Match, covered: Bool) -> Found:
    """Backchannels shorter than SHORT_S that lie whole in `covered`, and those that the output has.

    The output has one if the channel matched with its speaker is active in at least FOUND_SHARE of it. Speakers
    without a channel count as not found.
    """
    channel_of = {speaker: channel for channel, speaker in match}
    total = Found(found=0, of=0)
    for event in events:
        if event.end_s - event.start_s >= SHORT_S:
            continue
        spans = runs(
            active_frames([Segment(channel=0, start_s=event.start_s, end_s=event.end_s)], 1, covered.size)[0]
        )
        channel = channel_of.get(event.channel)
        active = np.zeros_like(covered) if channel is None else found[channel]
        one = _count(list(spans), active, covered)
        total = Found(found=total.found + one.found, of=total.of + one.of)
    return total


def _count(spans: Sequence[NDArray[np.int64]], hits: Bool, covered: Bool) -> Found:
    whole = [(start, end) for start, end in spans if covered[start:end].all()]
    return Found(found=sum(int(hits[start:end].mean() >= FOUND_SHARE) for start, end in whole), of=len(whole))


def edges(truth: Sequence[Segment], found: Sequence[Segment], match: Match) -> tuple[Edges, Edges]:
    """Onsets and offsets of the matched speakers' activity against the truth.

    Pauses below EDGE_PAUSE_S are closed on both sides first. Edges of one kind and channel are paired one to one,
    nearest first, up to EDGE_WINDOW_S apart.
    """
    errors: tuple[list[Float64], list[Float64]] = ([], [])
    unmatched = [0, 0]
    for channel, speaker in match:
        true = [s for s in merged(truth, EDGE_PAUSE_S) if s.channel == speaker]
        made = [s for s in merged(found, EDGE_PAUSE_S) if s.channel == channel]
        sides = (
            (np.array([s.start_s for s in true]), np.array([s.start_s for s in made])),
            (np.array([s.end_s for s in true]), np.array([s.end_s for s in made])),
        )
        for k, (true_s, made_s) in enumerate(sides):
            paired = paired_errors_s(true_s, made_s)
            errors[k].append(1000.0 * paired)
            unmatched[k] += true_s.size - paired.size
    onsets, offsets = (
        Edges(errors_ms=np.concatenate([np.zeros(0), *errors[k]]), unmatched=unmatched[k]) for k in (0, 1)
    )
    return onsets, offsets


def paired_errors_s(truth_s: Float64, found_s: Float64) -> Float64:
    """found - truth in seconds, of the pairs taken nearest first, one to one, up to EDGE_WINDOW_S apart."""
    pairs = sorted(
        (abs(float(found_s[j] - truth_s[i])), i, j)
        for i in range(truth_s.size)
        for j in _near(found_s, float(truth_s[i]))
    )
    taken_truth: set[int] = set()
    taken_found: set[int] = set()
    errors = []
    for _, i, j in pairs:
        if i not in taken_truth and j not in taken_found:
            taken_truth.add(i)
            taken_found.add(j)
            errors.append(float(found_s[j] - truth_s[i]))
    return np.array(errors, dtype=np.float64)


def _near(times_s: Float64, at_s: float) -> range:
    """Which of the sorted times lie up to EDGE_WINDOW_S from one."""
    slack = 1e-9
    low = int(np.searchsorted(times_s, at_s - EDGE_WINDOW_S - slack))
    return range(low, int(np.searchsorted(times_s, at_s + EDGE_WINDOW_S + slack, side="right")))
