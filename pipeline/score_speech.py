"""Who speaks when in two-channel audio of which nothing else is said: as `duplexset build` finds it."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.resample import Resampler, to_int16
from model.speech import runs, speech_flags
from model.vad import StreamingVad, load_vad
from pipeline.score_audio import Cut
from schemas.conversation import SPEECH_RATE_HZ, Segment
from schemas.recording import SAMPLE_RATE_HZ, Layout, LayoutKind
from stages.diarize import WINDOW_SAMPLES, own_flags, window_energy
from stages.layout import Heard, classify
from stages.leakage import RATE_HZ, CrosstalkMeter

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]

_BLOCK: Final = 300 * WINDOW_SAMPLES  # 9.6 s


def speech_of(blocks: Iterator[Float32]) -> tuple[tuple[Segment, ...], float, str]:
    """Segments, length in seconds, and how they were found, from float32 [channels, n] blocks at 24 kHz.

    Every channel is given to the built-in voice activity detector. Of two channels with a speaker each, speech that
    the other channel's bleed explains is left out, as `diarize` does; two that share their voices are taken as heard.
    """
    stream = Cut(blocks)
    two = stream.n_channels == 2
    vad = StreamingVad(load_vad(), stream.n_channels)
    meter, resampler = CrosstalkMeter(), Resampler(SAMPLE_RATE_HZ, RATE_HZ, stream.n_channels)
    speech, energy = [], []
    while not stream.over:
        block = stream.take(_BLOCK)
        pcm = to_int16(block)
        speech.append(vad.push(pcm))
        if two:
            energy.append(window_energy(pcm))
            meter.push(resampler.push(block))
    n_windows = -(-stream.samples // WINDOW_SAMPLES)
    heard = np.concatenate([*speech, vad.flush()], axis=1)[:, :n_windows].astype(np.float32)
    if two:
        meter.push(resampler.flush())
        layout = _layout(meter, stream.samples)
        if layout.kind is LayoutKind.SEPARATE:
            flags = own_flags(heard, np.concatenate(energy, axis=1)[:, :n_windows], layout)
            return _segments(flags, stream.length_s), stream.length_s, "built-in VAD less bleed"
    flags = np.stack([speech_flags(probability) for probability in heard])
    return _segments(flags, stream.length_s), stream.length_s, "built-in VAD"


def _layout(meter: CrosstalkMeter, n_samples: int) -> Layout:
    return classify(Heard(n_samples=n_samples, n_channels=2, crosstalk=meter.result()))


def _segments(flags: Bool, length_s: float) -> tuple[Segment, ...]:
    found = [
        Segment(channel=c, start_s=float(start / SPEECH_RATE_HZ), end_s=min(float(end / SPEECH_RATE_HZ), length_s))
        for c, channel in enumerate(flags)
        for start, end in runs(channel)
    ]
    return tuple(sorted(found, key=lambda s: (s.start_s, s.channel)))
