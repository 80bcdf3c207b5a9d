"""One track into two channels: what is solo stays as it was, what is shared adds up, with any weights."""

import numpy as np
import pytest
import torch

from model.diarization.networks import Networks
from model.diarization.track import Track
from model.separator.known import Known
from model.separator.separate import AFTER, BEFORE, Separated, separate

FRAMES = 500
HOP = 480


@pytest.fixture(scope="module")
def networks(untrained: Networks) -> Networks:
    torch.nn.init.normal_(untrained.separator.mask.weight, std=0.05)
    return untrained


@pytest.fixture(scope="module")
def activity() -> np.ndarray:
    """Solo, overlap, solo, silence, solo, a short overlap inside it."""
    active = np.zeros((2, FRAMES), np.bool_)
    active[0, 20:150] = active[1, 130:260] = active[0, 330:480] = active[1, 400:420] = True
    return active


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    random = np.random.default_rng(1)
    sound = random.standard_normal(FRAMES * HOP - 100) * 3_000
    return sound.clip(-32_768, 32_767).astype(np.int16)


@pytest.fixture(scope="module")
def known(networks: Networks, audio: np.ndarray, activity: np.ndarray) -> bytes:
    track = Track(audio, activity.any(0)[: audio.size // HOP], networks)
    alone = activity & ~activity[::-1]
    return track.know(alone[:, : audio.size // HOP]).to_bytes()


@pytest.fixture(scope="module")
def made(audio: np.ndarray, activity: np.ndarray, known: bytes, networks: Networks) -> Separated:
    return separate(audio, activity, np.zeros((FRAMES, 2), np.float32), known, networks)


def test_solo_speech_is_the_original_and_the_other_channel_is_silent(made: Separated, audio: np.ndarray) -> None:
    for channel, first, end in ((0, 22, 128), (1, 153, 258), (0, 332, 398), (0, 423, 478)):
        place = slice(first * HOP, end * HOP)
        assert np.abs(made.channels[channel, place].astype(int) - audio[place]).max() <= 1
        assert np.abs(made.channels[1 - channel, place]).max() <= 1


def test_overlaps_add_up_to_what_was_recorded(made: Separated, audio: np.ndarray) -> None:
    for first, end in ((22, 258), (332, 478)):
        place = slice(first * HOP, end * HOP)
        both = made.channels[:, place].astype(int).sum(0)
        assert np.abs(both - audio[place]).max() <= 2
    inside = made.channels[:, 135 * HOP : 145 * HOP]
    assert (np.abs(inside).max(1) > 500).all()


def test_nobody_speaks_means_silence(made: Separated) -> None:
    assert not made.channels[:, (260 + AFTER + 2) * HOP : (330 - BEFORE - 2) * HOP].any()
    assert made.channels.shape == (2, FRAMES * HOP - 100)
    assert made.channels.dtype == np.int16


def test_every_overlap_has_a_confidence_and_both_channels_a_leakage(made: Separated) -> None:
    assert len(made.confidence) == 2
    assert all(0.0 <= c <= 1.0 for c in made.confidence)
    assert all(-60.0 <= db <= 20.0 for db in made.leakage_db)


def test_without_overlap_or_speech(audio: np.ndarray, known: bytes, networks: Networks) -> None:
    quiet = np.zeros((2, FRAMES), np.bool_)
    nothing = separate(audio, quiet, np.full((FRAMES, 2), -9.0, np.float32), known, networks)
    assert not nothing.channels.any()
    assert nothing.confidence == ()


def test_the_same_twice(
    made: Separated, audio: np.ndarray, activity: np.ndarray, known: bytes, networks: Networks
) -> None:
    again = separate(audio, activity, np.zeros((FRAMES, 2), np.float32), known, networks)
    assert np.array_equal(again.channels, made.channels)
    assert again.confidence == made.confidence


def test_what_is_known_survives_as_bytes(known: bytes) -> None:
    once = Known.from_bytes(known)
    assert once.to_bytes() == known
    assert once.some().first.bands.shape == (1, 150, 303)
    assert torch.allclose(once.voices.norm(dim=1), torch.ones(2), atol=1e-4)
