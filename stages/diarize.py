"""diarize: who speaks when in a span of separate channels; the other speaker's leak does not count as speech.

A window of a channel counts only where the channel is louder, by a margin, than the leak that the other channel
predicts, and a stretch only where it rises at least once above that and the channel's own noise: speech heard through
below the noise is still speech to the detector. Cancelling the leak by least squares and detecting again does better
on a clean electrical path, but needs a second run of the detector and leaves nine times as much false speech of a
room's leak, so it was not taken.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from model.speech import DEFAULT_THRESHOLDS, runs, speech_flags
from schemas.conversation import SPEECH_RATE_HZ, Diarized, Segment, Span, spoken_s
from schemas.recording import SAMPLE_RATE_HZ, Layout
from schemas.rejection import Reason
from stages.contract import Needs, Row, Work
from stages.leakage import FLOOR_DB
from stages.losses import lost, why_no_conversation

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

WINDOW_SAMPLES: Final = 768
LEAK_MARGIN_DB: Final = 6.0  # measured: 3 lets a room's leak through, 9 loses backchannels under loud overlap
NOISE_MARGIN_DB: Final = 3.0  # over the quietest tenth; measured: 0 lets crosstalk through, 6 changes nothing
SMOOTHING_WINDOWS: Final = 5  # levels are compared over 0.16 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Diarize:
    """Span -> Diarized. `min_speech_s`: each channel must speak for so long, or it is no conversation."""

    name: ClassVar[str] = "diarize"
    reads: ClassVar[type] = Span
    writes: ClassVar[type] = Diarized
    needs: ClassVar[Needs] = Needs(cpus=1.0)
    version: ClassVar[int] = 2

    min_speech_s: float = 1.0

    def load(self, device: str) -> Work:
        """No model: the span carries its speech probabilities; `device` is not used."""

        def diarize(span: Span) -> Row:
            segments = activity(span)
            speech_s = (spoken_s(segments, 0), spoken_s(segments, 1))
            if min(speech_s) < self.min_speech_s:
                detail = why_no_conversation(speech_s, self.min_speech_s)
                start, end = span.start_sample, span.end_sample
                return lost(span.source.recording, self.name, Reason.ONE_SPEAKER, detail, (start, end))
            return Diarized(span=span, segments=segments)

        return diarize


def activity(span: Span) -> tuple[Segment, ...]:
    """The segments of a span, sorted by start, then channel."""
    n_samples = span.end_sample - span.start_sample
    pcm = np.frombuffer(span.pcm, np.int16).reshape(2, n_samples)
    speech = np.frombuffer(span.speech, np.float16).reshape(2, -1).astype(np.float32)
    flags = own_flags(speech, window_energy(pcm), span.source.layout)
    length_s = n_samples / SAMPLE_RATE_HZ
    segments = [
        Segment(channel=c, start_s=float(start / SPEECH_RATE_HZ), end_s=min(float(end / SPEECH_RATE_HZ), length_s))
        for c in (0, 1)
        for start, end in runs(flags[c])
    ]
    return tuple(sorted(segments, key=lambda s: (s.start_s, s.channel)))


def window_energy(pcm: NDArray[np.int16]) -> Float64:
    """Mean square of each window of 768 samples about its mean, [2, ceil(samples / 768)], full scale 1."""
    blocks = []
    for start in range(0, pcm.shape[1], 1024 * WINDOW_SAMPLES):
        block = pcm[:, start : start + 1024 * WINDOW_SAMPLES].astype(np.float32)
        block = np.pad(block, ((0, 0), (0, -block.shape[1] % WINDOW_SAMPLES)))
        blocks.append(block.reshape(2, -1, WINDOW_SAMPLES).var(axis=2, dtype=np.float64))
    return np.concatenate(blocks, axis=1) / 32768.0**2


def own_flags(speech: Float32, energy: Float64, layout: Layout) -> Bool:
    """Where each channel's own speaker is active, [2, windows]; arguments as of `own_speech`."""
    own = own_speech(speech, energy, layout)
    flags = np.stack([speech_flags(own[c], DEFAULT_THRESHOLDS) for c in (0, 1)])
    for c in (0, 1):
        if layout.leakage_db[c] > FLOOR_DB:
            level = _smoothed(energy[c])
            noise = np.quantile(level, 0.1) * 10.0 ** (NOISE_MARGIN_DB / 10.0)
            loud = level > _leak(energy, layout, c) + noise
            for start, end in runs(flags[c]):
                flags[c, start:end] = loud[start:end].any()
    return flags


def own_speech(speech: Float32, energy: Float64, layout: Layout) -> Float32:
    """Probability of speech of each channel's own speaker: 0 in windows that the other's leak explains.

    speech, energy: [2, windows].
    """
    out = speech.copy()
    for c in (0, 1):
        if layout.leakage_db[c] > FLOOR_DB:
            out[c] = np.where(_smoothed(energy[c]) > _leak(energy, layout, c), speech[c], 0.0)
    return out


def _leak(energy: Float64, layout: Layout, c: int) -> Float64:
    """The most that the other's leak in channel c explains, [windows]."""
    lag = int(np.floor(layout.leakage_delay_s[c] * SPEECH_RATE_HZ))
    other = np.maximum(_shifted(energy[1 - c], lag), _shifted(energy[1 - c], lag + 1))
    leak: Float64 = _smoothed(other) * 10.0 ** ((layout.leakage_db[c] + LEAK_MARGIN_DB) / 10.0)
    return leak


def _shifted(values: Float64, windows: int) -> Float64:
    """The values `windows` later (earlier if negative), zeros where nothing is known."""
    out = np.zeros_like(values)
    if abs(windows) < values.size:
        out[max(0, windows) : values.size + min(0, windows)] = values[
            max(0, -windows) : values.size - max(0, windows)
        ]
    return out


def _smoothed(values: Float64) -> Float64:
    padded = np.pad(values, SMOOTHING_WINDOWS // 2)
    return np.convolve(padded, np.full(SMOOTHING_WINDOWS, 1.0 / SMOOTHING_WINDOWS), mode="valid")
