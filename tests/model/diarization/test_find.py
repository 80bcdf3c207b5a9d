"""Two voices found and followed with the built-in weights: real calls mixed to one track, and what is none."""

from pathlib import Path

import numpy as np
import pytest

from model.diarization.clusters import Clusters
from model.diarization.find import MOST_OVERLAP, OVERLAP_S, decided, find
from model.diarization.networks import Networks, load_networks
from model.diarization.track import Track
from model.measures.diarization import diarization_errors
from model.resample import to_int16
from model.separator.separate import separate
from model.speaker.windows import frame_flags
from model.speech import runs
from model.speech_audio import read_audio
from model.vad import StreamingVad, load_vad
from schemas.conversation import Segment

CALLS = Path(__file__).resolve().parents[3].parent / "shared/data/conversations"
needs_calls = pytest.mark.skipif(not CALLS.is_dir(), reason="needs the recordings in ../shared/data")


@pytest.fixture(scope="module")
def networks() -> Networks:
    return load_networks()


def probabilities(audio: np.ndarray) -> np.ndarray:
    """Of speech per 20 ms."""
    vad = StreamingVad(load_vad(), 1)
    heard = np.concatenate([vad.push(audio[None]), vad.flush()], 1)[0]
    return frame_flags(heard, 31.25, audio.size // 480).astype(np.float32)


def segments(activity: np.ndarray) -> list[Segment]:
    return [
        Segment(channel=c, start_s=float(a) / 50, end_s=float(b) / 50) for c in (0, 1) for a, b in runs(activity[c])
    ]


@needs_calls
@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(("call", "most"), [("repairs40", 0.02), ("repairs49", 0.15)])
def test_a_real_call_on_one_track(call: str, most: float, networks: Networks) -> None:
    """The noisy repairs49 has 12 to 13 % of errors where its sides are mixed at levels up to 4 dB apart."""
    sides = [read_audio(CALLS / f"{call}-{side}.flac") for side in ("agent", "caller")]
    count = min(s.size for s in sides) // 480 * 480
    true = np.stack([probabilities(to_int16(s[None, :count])[0]) > 0.5 for s in sides])
    mixed = to_int16(np.sum([s[:count] for s in sides], axis=0)[None])[0]
    found = find(mixed, probabilities(mixed), networks)
    assert found.n_voices == 2
    (stretch,) = found.stretches
    assert (stretch.start, stretch.end) == (0, count // 480)
    errors = diarization_errors(segments(true), segments(stretch.activity), [(0.0, count / 24_000)], 0.25)
    assert errors.rate < most
    made = separate(mixed, stretch.activity, stretch.log_odds, stretch.known, networks)
    assert made.channels.shape == (2, mixed.size)


@needs_calls
@pytest.mark.shared
def test_one_side_of_a_call_is_one_voice(networks: Networks) -> None:
    alone = to_int16(read_audio(CALLS / "repairs40-agent.flac")[None, : 90 * 24_000])[0]
    found = find(alone, probabilities(alone), networks)
    assert found.n_voices == 1
    assert list(found.stretches) == []


def test_no_speech_is_nobody(networks: Networks) -> None:
    hiss = (np.random.default_rng(0).standard_normal(10 * 24_000) * 300).astype(np.int16)
    found = find(hiss, np.zeros(500, np.float32), networks)
    assert (found.n_voices, list(found.stretches)) == (0, [])


def test_no_more_overlap_is_found_than_people_have() -> None:
    """A minute of turns, half of which could as well be both; of that, what is surest to be."""
    frames = 3_000
    sure = np.zeros((frames, 3), np.float32)
    first = np.arange(frames) // 250 % 2 == 0
    sure[:, :2] = np.where(first[:, None], (6.0, -6.0), (-6.0, 6.0))
    said = decided(sure)
    assert np.array_equal(said, np.stack([first, ~first]))
    doubtful = np.arange(frames) % 250 >= 125
    doubtful[-125:] = False
    both = sure.copy()
    both[doubtful] = (1.0, 1.0, 1.5)
    both[100:110] = (6.0, 6.0, 6.0)
    found = decided(both)
    assert found[:, 102:108].all()
    assert found.any(0).all()
    assert 6 <= found.all(0).sum() <= MOST_OVERLAP * frames + OVERLAP_S * 50
    few = sure.copy()
    few[125:250] = (1.0, 1.0, 1.5)
    assert decided(few)[:, 130:245].all()


def test_a_stretch_in_which_both_seem_to_speak_all_the_time_is_kept(
    untrained: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = 1_600
    audio = (np.random.default_rng(0).standard_normal(frames * 480) * 3_000).astype(np.int16)
    voice = np.arange(frames) // 100 % 2
    centroids = Clusters(np.eye(2, 128, dtype=np.float32), np.zeros(0, np.int64))
    monkeypatch.setattr("model.diarization.find.find_voices", lambda _: (centroids, 0.0))
    monkeypatch.setattr("model.diarization.find.who", lambda *_: (voice, np.ones(frames, np.bool_)))
    monkeypatch.setattr("model.diarization.find.decided", lambda scores: np.ones((2, len(scores)), np.bool_))
    (stretch,) = find(audio, np.ones(frames, np.float32), untrained).stretches
    assert stretch.activity.all() and (stretch.start, stretch.end) == (0, frames)


def test_a_short_stretch_of_a_long_recording_costs_no_more(
    untrained: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three voices, the third now and then: each stretch is known by ENOUGH_SOLO frames, not by all there are."""
    monkeypatch.setattr("model.diarization.find.ENOUGH_SOLO", 200)
    frames = 6_000
    audio = (np.random.default_rng(0).standard_normal(frames * 480) * 3_000).astype(np.int16)
    voice = np.arange(frames) // 100 % 2
    voice[::1_000] = -1
    for start in range(1_000, frames, 1_000):
        voice[start : start + 50] = 2
    centroids = Clusters(np.eye(3, 128, dtype=np.float32), np.zeros(0, np.int64))
    known_by = []
    know = Track.know
    monkeypatch.setattr("model.diarization.find.find_voices", lambda _: (centroids, 0.0))
    monkeypatch.setattr("model.diarization.find.who", lambda *_: (voice, np.ones(frames, np.bool_)))
    monkeypatch.setattr(Track, "know", lambda self, solo: known_by.append(solo.sum(1).max()) or know(self, solo))
    stretches = list(find(audio, np.ones(frames, np.float32), untrained).stretches)
    assert len(stretches) == 6
    assert known_by and max(known_by) <= 950  # what lies in a stretch, or 200
