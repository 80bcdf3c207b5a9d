"""separate: two voices on one track become two channels; overlaps by the separator, the rest is left as it was."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from model.diarization.activity import overlaps
from model.diarization.networks import Networks, load_networks, weight_files
from model.separator.separate import Separated, separate
from schemas.conversation import ACTIVITY_HZ, SPEECH_RATE_HZ, Diarized, Mixed, Overlap, Segment, Span, Unmixed
from schemas.recording import SAMPLE_RATE_HZ, LaidOut
from stages.contract import Needs, Work
from stages.plan import WINDOW_SAMPLES

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]

CONFIDENCE_DIGITS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Separate:
    """Mixed -> Diarized. `networks`: a folder of weights, see `weight_files`."""

    name: ClassVar[str] = "separate"
    reads: ClassVar[type] = Mixed
    writes: ClassVar[type] = Diarized
    needs: ClassVar[Needs] = Needs(cpus=1.0)
    version: ClassVar[int] = 2

    networks: str = ""

    def load(self, device: str) -> Work:
        """Load the networks. They run on the CPU whatever `device` says: every engine gives the same bytes."""
        files = weight_files(self.networks)
        networks = load_networks(speaker=files["speaker"], separator=files["separator"])
        return lambda row: take_apart(row, networks)


def take_apart(row: Mixed, networks: Networks) -> Diarized:
    """Two channels of a stretch of a mixture."""
    if row.source.background is None:
        raise ValueError("the background of a mixture is measured before it is taken apart")
    audio = np.frombuffer(row.pcm, np.int16)
    odds = np.frombuffer(row.odds, np.float16).reshape(-1, 2).astype(np.float32)
    activity = activity_of(row.segments, len(odds))
    made = separate(audio, activity, odds, row.known, networks)
    unmixed = Unmixed(
        voices=row.voices,
        background=row.source.background,
        overlaps=overlaps_of(activity, made.confidence, audio.size / SAMPLE_RATE_HZ),
    )
    return Diarized(span=_span(row, made, odds), segments=row.segments, unmixed=unmixed)


def _span(row: Mixed, made: Separated, odds: Float32) -> Span:
    """The two channels, as if the recording had come with them. odds: [frames, 2]."""
    source = row.source
    layout = replace(source.layout, leakage_db=made.leakage_db, leakage_delay_s=(0.0, 0.0))
    windows = -(-made.channels.shape[1] // WINDOW_SAMPLES)
    at = np.minimum((np.arange(windows) + 0.5) * (ACTIVITY_HZ / SPEECH_RATE_HZ), len(odds) - 1).astype(np.int64)
    return Span(
        source=LaidOut(recording=source.recording, layout=layout, n_samples=source.n_samples),
        start_sample=row.start_sample,
        end_sample=row.end_sample,
        pcm=np.ascontiguousarray(made.channels).tobytes(),
        speech=(1.0 / (1.0 + np.exp(-odds[at].T))).astype(np.float16).tobytes(),
    )


def overlaps_of(activity: Bool, confidence: Sequence[float], length_s: float) -> tuple[Overlap, ...]:
    """The overlaps of an activity, bool [2, frames], each with its confidence."""
    return tuple(
        Overlap(
            start_s=start / ACTIVITY_HZ,
            end_s=min(end / ACTIVITY_HZ, length_s),
            confidence=round(sure, CONFIDENCE_DIGITS),
        )
        for (start, end), sure in zip(overlaps(activity), confidence, strict=True)
    )


def activity_of(segments: Iterable[Segment], frames: int) -> Bool:
    """Activity, bool [2, frames of 20 ms], from which the segments were made."""
    activity = np.zeros((2, frames), np.bool_)
    for s in segments:
        activity[s.channel, round(s.start_s * ACTIVITY_HZ) : math.ceil(s.end_s * ACTIVITY_HZ - 1e-6)] = True
    return activity
