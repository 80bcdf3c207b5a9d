"""A stretch of a mixture becomes two channels, with what is known of them; the separator has its own tests."""

import numpy as np
import pytest

import stages.separate
from model.separator.separate import Separated
from schemas.conversation import Diarized, Mixed, Overlap, Segment, Worded
from schemas.recording import Background, Layout, LayoutKind, Mixture
from stages.label import label
from stages.score import mean_confidence, score
from stages.separate import activity_of, take_apart
from stages.voices import segments_of

SEGMENTS = (
    Segment(channel=0, start_s=0.5, end_s=3.0),
    Segment(channel=1, start_s=2.8, end_s=4.0),
    Segment(channel=0, start_s=3.5, end_s=3.7),
    Segment(channel=1, start_s=5.0, end_s=6.0005),
)
N_SAMPLES = round(6.0005 * 24_000)  # ends within a frame


@pytest.fixture
def row(make_recording) -> Mixed:
    layout = Layout(kind=LayoutKind.DUAL_MONO, leakage_db=(0.0, 0.0), leakage_delay_s=(0.01, 0.01), coherence=1.0)
    background = Background(speech_to_background_db=12.3456, speech_db=-20.0, enhanced=True)
    source = Mixture(
        recording=make_recording("a.wav", ("ann", "bo")),
        layout=layout,
        n_samples=10 * N_SAMPLES,
        tracks=(0,),
        background=background,
    )
    frames = -(-N_SAMPLES // 480)
    odds = np.where(activity_of(SEGMENTS, frames), 3.0, -3.0).T.astype(np.float16)
    return Mixed(
        source=source,
        start_sample=3_840,
        end_sample=3_840 + N_SAMPLES,
        pcm=np.arange(N_SAMPLES).astype(np.int16).tobytes(),
        voices=(2, 0),
        segments=SEGMENTS,
        odds=odds.tobytes(),
        known=b"known",
    )


@pytest.fixture
def apart(row: Mixed, monkeypatch) -> Diarized:
    """What the stage gives where the separator gives the audio and its negative."""

    def separate(audio, activity, log_odds, known, networks) -> Separated:
        assert np.array_equal(audio, np.arange(N_SAMPLES).astype(np.int16))
        assert activity.shape == log_odds.T.shape == (2, -(-N_SAMPLES // 480))
        assert np.array_equal(activity, log_odds.T > 0)
        assert (known, networks) == (b"known", "networks")
        return Separated(np.stack([audio, -audio]), (0.9, 0.30049), (-31.234, -18.0))

    monkeypatch.setattr(stages.separate, "separate", separate)
    return take_apart(row, "networks")  # type: ignore[arg-type]


def test_activity_and_segments_are_each_others_inverse() -> None:
    random = np.random.default_rng(0)
    for n_samples in (480 * 200, 480 * 200 - 1, 480 * 199 + 1):
        activity = random.random((2, 200)) < 0.3
        assert np.array_equal(activity_of(segments_of(activity, n_samples), 200), activity)


def test_two_channels_with_what_is_known_of_them(row: Mixed, apart: Diarized) -> None:
    span = apart.span
    assert (span.start_sample, span.end_sample) == (3_840, 3_840 + N_SAMPLES)
    pcm = np.frombuffer(span.pcm, np.int16).reshape(2, -1)
    assert np.array_equal(pcm[0], -pcm[1])
    assert span.source.layout.kind is LayoutKind.DUAL_MONO
    assert span.source.layout.leakage_db == (-31.234, -18.0)
    assert span.source.layout.leakage_delay_s == (0.0, 0.0)
    assert apart.segments == SEGMENTS
    assert apart.unmixed is not None
    assert apart.unmixed.voices == (2, 0)
    assert apart.unmixed.overlaps == (
        Overlap(start_s=2.8, end_s=3.0, confidence=0.9),
        Overlap(start_s=3.5, end_s=3.7, confidence=0.3),
    )
    speech = np.frombuffer(span.speech, np.float16).reshape(2, -1)
    assert speech.shape[1] == -(-N_SAMPLES // 768)
    middles = (np.arange(speech.shape[1]) + 0.5) * 0.032
    for channel in (0, 1):
        spoken = [any(s.start_s <= t < s.end_s for s in SEGMENTS if s.channel == channel) for t in middles]
        assert np.array_equal(speech[channel] > 0.5, spoken)


def test_the_measurements_tell_a_separated_clip(apart: Diarized) -> None:
    quality = score(label(Worded(diarized=apart))).quality
    assert quality.leakage_db == (-31.23, -18.0)
    assert quality.speech_to_background_db == 12.35
    assert quality.overlap_confidence == 0.6
    assert quality.overlap_s == 0.4


def test_confidence_is_weighed_by_time() -> None:
    short = Overlap(start_s=0.0, end_s=0.1, confidence=0.0)
    long = Overlap(start_s=1.0, end_s=1.9, confidence=1.0)
    assert mean_confidence([short, long]) == pytest.approx(0.9)
    assert mean_confidence([]) is None
