"""The landmarks of a span, through the stage."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from model.landmarks.align import align
from model.landmarks.find import landmarks
from schemas.conversation import Diarized, Labelled, Quality, Scored, Segment, Span, Worded
from schemas.persona import Voiced
from schemas.recording import LaidOut, Layout, LayoutKind, Recording
from stages.fingerprint import Fingerprint

Float32 = NDArray[np.float32]


@pytest.fixture
def voiced(make_recording: Callable[..., Recording]) -> Callable[..., Voiced]:
    """voiced(pcm, segments): what the stage reads."""

    def make(pcm: NDArray[np.int16], segments: tuple[Segment, ...]) -> Voiced:
        layout = Layout(
            kind=LayoutKind.SEPARATE, leakage_db=(-60.0, -60.0), leakage_delay_s=(0.0, 0.0), coherence=0.0
        )
        source = LaidOut(recording=make_recording("a.wav"), layout=layout, n_samples=pcm.shape[1])
        span = Span(source=source, start_sample=0, end_sample=pcm.shape[1], pcm=pcm.tobytes(), speech=b"")
        quality = Quality(
            speech_s=(1.0, 1.0), overlap_s=0.0, silence_s=0.0, level_db=(-20.0, -20.0), leakage_db=(-60.0, -60.0)
        )
        worded = Worded(diarized=Diarized(span=span, segments=segments))
        return Voiced(scored=Scored(labelled=Labelled(worded=worded, turns=b"", future=b""), quality=quality))

    return make


def test_it_adds_the_landmarks_and_nothing_else(
    voiced: Callable[..., Voiced], kitchen: tuple[Float32, list[list[tuple[float, float]]]]
) -> None:
    pcm = np.rint(kitchen[0] * 32_767).astype(np.int16)
    segments = tuple(Segment(channel=c, start_s=a, end_s=b) for c, words in enumerate(kitchen[1]) for a, b in words)
    row = voiced(pcm, segments)
    found = Fingerprint().load("cpu")(row)
    assert replace(found, landmarks=b"") == row
    marks = np.frombuffer(found.landmarks, "<u4")
    assert marks.tolist() == landmarks(pcm, segments).tolist()
    spoken_s = sum(b - a for words in kitchen[1] for a, b in words)
    assert 1.5 < len(marks) / spoken_s < 6.0


def test_a_mixdown_with_noise_is_known_by_them(
    voiced: Callable[..., Voiced], kitchen: tuple[Float32, list[list[tuple[float, float]]]]
) -> None:
    audio = kitchen[0]
    speech = (Segment(channel=0, start_s=0.0, end_s=audio.shape[1] / 24_000),)
    noise = np.random.default_rng(1).standard_normal(audio.shape[1]) * 10 ** (-20 / 20) * audio.std()
    mono = np.stack([0.4 * audio.mean(axis=0) + 0.4 * noise, np.zeros(audio.shape[1])])[:, 50_000:]
    found = [
        np.frombuffer(
            Fingerprint().load("cpu")(voiced(np.rint(sound * 32_767).astype(np.int16), speech)).landmarks, "<u4"
        )
        for sound in (audio, mono)
    ]
    both = align(*found)
    assert both is not None
    assert both[1].likeness > 0.9
    assert both[0].offset_s == pytest.approx(50_000 / 24_000, abs=0.02)
