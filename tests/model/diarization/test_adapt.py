"""The separator's last layer adapted to a recording: what it is taught, that it learns, where it stays as it is."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.diarization.adapt import (
    BETAS,
    GAIN_DB,
    LEARNING_RATE,
    LENGTH,
    MOST,
    PART,
    STEPS,
    adapted,
    conversation,
    fitted,
    some_of,
)
from model.diarization.networks import Networks
from model.diarization.track import Track
from model.separator.net import states

HOP = 480
TURN = 120


def turns(frames: int) -> NDArray[np.bool_]:
    """Two speakers in turns of TURN frames, ten of them silent."""
    at = np.arange(frames)
    speaking = at % TURN >= 10
    return np.stack([speaking & (at // TURN % 2 == k) for k in (0, 1)])


def tones(alone: NDArray[np.bool_]) -> NDArray[np.int16]:
    """A low and a high voice of many harmonics, and hiss."""
    time = np.arange(alone.shape[1] * HOP) / 24_000
    voices = [sum(np.sin(2 * np.pi * pitch * n * time) for n in range(1, 9)) for pitch in (110, 230)]
    sound = sum(voice * np.repeat(own, HOP) for voice, own in zip(voices, alone, strict=True))
    return (1_000 * sound + 10 * np.random.default_rng(0).standard_normal(time.size)).astype(np.int16)


def test_pieces_of_solo_speech_are_laid_over_one_another() -> None:
    alone = turns(2_400)
    audio = np.repeat(np.where(alone[0], 100, np.where(alone[1], 5_000, 0)), HOP).astype(np.int16)
    shares = []
    for seed in range(8):
        mixture, activity = conversation(audio, alone, np.random.default_rng(seed))
        assert mixture.shape == (LENGTH * HOP,) and activity.shape == (2, LENGTH)
        middle = mixture.reshape(LENGTH, HOP)[:, HOP // 2]
        as_said, most = np.array([100, 5_000]) @ activity, 10 ** (GAIN_DB / 20)
        assert (middle >= as_said / most - 1).all() and (middle <= as_said * most + 1).all()
        assert len(set(middle[activity[0] & ~activity[1]].tolist())) > 5  # each piece at a level of its own
        assert (~activity.any(0)).mean() > 0.05
        shares.append(activity.all(0).mean())
    assert 0.04 < np.mean(shares) < 0.1  # 0.057 of the time in 57 consultations


def test_who_talks_there_is_known_by_other_speech(untrained: Networks, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, known, talking, know = turns(4_000), [], [], Track.know
    monkeypatch.setattr(Track, "know", lambda track, mask: known.append(mask) or know(track, mask))
    monkeypatch.setattr("model.diarization.adapt.conversation", lambda *a: talking.append(a[1]) or conversation(*a))
    track = Track(tones(alone), alone.any(0), untrained)
    adapted(track, alone, alone)
    assert len(known) == len(talking) == 2
    for one, other in zip(known, talking, strict=True):
        assert one.any() and other.any() and not (one & other).any()


def test_the_layer_learns_the_voices_at_hand(untrained: Networks) -> None:
    alone = turns(4_000)
    track = Track(tones(alone), alone.any(0), untrained)
    own = adapted(track, alone, alone)
    trained = untrained.separator.speech
    known = track.know(alone)
    before, after = (track.scores(known, 0, 2_000, layer) for layer in (trained, own))
    state = alone[0, :2_000] + 2 * alone[1, :2_000]
    assert loss(after, state) < 0.8 * loss(before, state)
    again = adapted(track, alone, alone)
    assert torch.equal(own.weight, again.weight) and not torch.equal(own.weight, trained.weight)


def loss(scores: NDArray[np.float32], state: NDArray[np.int64]) -> float:
    """Cross entropy of the states 0 to 3."""
    likely = states(torch.from_numpy(scores))
    return float(torch.nn.functional.cross_entropy(likely, torch.from_numpy(state.astype(np.int64))))


def test_too_little_solo_speech_leaves_the_trained_layer(untrained: Networks) -> None:
    alone = turns(2_400)
    alone[1, PART:] = False
    track = Track(tones(alone), alone.any(0), untrained)
    assert adapted(track, alone, alone) is untrained.separator.speech


def test_a_long_recording_is_known_by_a_part_of_it() -> None:
    alone = turns(200_000)
    taken = some_of(alone, np.random.default_rng(0))
    assert not (taken & ~alone).any()
    assert all(MOST <= n < 2 * MOST for n in taken.sum(1))
    few = turns(1_000)
    assert np.array_equal(some_of(few, np.random.default_rng(0)), few)


def test_training_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    fitted(torch.nn.Linear(4, 3), torch.randn(20, 4), torch.zeros(20, dtype=torch.long))
    assert torch.get_num_threads() == before


def test_the_steps_are_adams() -> None:
    """Those of torch.optim.Adam, without its import."""
    torch.manual_seed(0)
    layer, seen, said = torch.nn.Linear(40, 3), torch.randn(200, 40), torch.randint(0, 4, (200,))
    own = torch.nn.Linear(40, 3)
    own.load_state_dict(layer.state_dict())
    optimizer = torch.optim.Adam(own.parameters(), lr=LEARNING_RATE, betas=BETAS)
    for _ in range(STEPS):
        loss = torch.nn.functional.cross_entropy(states(own(seen)), said)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    made = fitted(layer, seen, said)
    assert not torch.allclose(layer.weight, own.weight, atol=1e-3)
    for mine, theirs in zip(made.parameters(), own.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=0.0, check_stride=False)
