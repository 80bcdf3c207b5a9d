"""The separator's recipe: what a batch holds, that it learns from one, and what it takes for solo speech."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.separator.fit import LEAST_EXAMPLES, LENGTH_S, WINDOW_S, Batch, SeparatorRecipe, taken_alone
from model.separator.net import SeparatorNet
from model.simulate.sounds import Sounds
from model.simulate.voices import Voices
from model.speaker.net import SpeakerNet
from model.training_sets import TrainingFolders

WINDOWS = round(LENGTH_S / WINDOW_S)
FRAMES = round(WINDOW_S * 50) + 1


@pytest.fixture(scope="module")
def recipe(voice_folder: Path) -> SeparatorRecipe:
    torch.manual_seed(0)
    voices: Voices = TrainingFolders(speech=voice_folder).voices()
    speaker = SpeakerNet().eval().requires_grad_(False)
    return SeparatorRecipe((voices,), (speaker,), Sounds(), net=SeparatorNet())


@pytest.fixture(scope="module")
def batch(recipe: SeparatorRecipe) -> Batch:
    return recipe.make(np.random.default_rng(3), 0.0)


def test_a_batch_is_a_conversation_in_windows(recipe: SeparatorRecipe, batch: Batch) -> None:
    assert batch.mixture.shape == (WINDOWS, FRAMES, 320)
    assert batch.explained.shape == batch.images.shape == (WINDOWS, 2, FRAMES, 320)
    assert batch.likeness.shape == (WINDOWS, FRAMES, 4)
    assert batch.speech.shape == (WINDOWS, FRAMES, 2)
    assert set(batch.speech.unique().tolist()) == {0.0, 1.0}
    again = recipe.make(np.random.default_rng(3), 0.5)
    assert torch.equal(batch.mixture, again.mixture) and torch.equal(batch.explained, again.explained)


def test_windows_are_joined_with_their_speakers_in_either_order(recipe: SeparatorRecipe, batch: Batch) -> None:
    made = recipe.join([batch] * 20, np.random.default_rng(1))
    assert made.mixture.shape == (20, FRAMES, 320) and made.likeness.shape == (20, FRAMES, 4)
    turned = 0
    for b in range(20):
        (number,) = [w for w in range(WINDOWS) if torch.equal(batch.mixture[w], made.mixture[b])]
        as_it_was = torch.equal(made.images[b], batch.images[number])
        order = [0, 1] if as_it_was else [1, 0]
        turned += not as_it_was
        assert torch.equal(made.images[b], batch.images[number, order])
        assert torch.equal(made.explained[b], batch.explained[number, order])
        assert torch.equal(made.speech[b], batch.speech[number][:, order])
        columns = [0, 1, 2, 3] if as_it_was else [2, 3, 0, 1]
        assert torch.equal(made.likeness[b], batch.likeness[number][:, columns])
    assert 4 < turned < 16


def test_speech_is_where_a_voice_sounds(batch: Batch) -> None:
    power = batch.images.abs().square().mean(3).transpose(1, 2)
    for voice in (0, 1):
        spoken = batch.speech[..., voice] > 0
        assert power[..., voice][spoken].mean() > 100 * power[..., voice][~spoken].mean()


def test_the_recipe_learns(recipe: SeparatorRecipe, batch: Batch) -> None:
    optimizer = torch.optim.Adam(recipe.net.parameters(), lr=2e-3)
    entropy = []
    for _ in range(12):
        loss, figures = recipe.loss(batch, 0.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        entropy.append(figures["speech"])
    assert entropy[-1] < 0.6 * entropy[0]


def test_solo_speech_is_mostly_right() -> None:
    activity = np.zeros((3, 1_200), np.bool_)
    activity[0, 100:500] = activity[1, 450:900] = activity[2, 850:1_000] = True
    true = np.zeros((2, 1_200), np.bool_)
    true[0, 100:450] = true[1, 500:850] = True
    wrong, perfect = [], 0
    for seed in range(60):
        solo = taken_alone(activity, np.random.default_rng(seed))
        assert not (solo[0] & solo[1]).any()
        wrong.append(float((solo != true).sum() / true.sum()))
        perfect += np.array_equal(solo, true)
    assert 10 < perfect < 50
    assert np.mean(wrong) < 0.15 and max(wrong) > 0.05


def test_no_fault_takes_all_solo_speech_of_a_speaker() -> None:
    activity = np.zeros((2, 1_200), np.bool_)
    activity[0, 100:1_000] = activity[1, 1_050:1_100] = True
    least = [taken_alone(activity, np.random.default_rng(seed)).sum(1).min() for seed in range(300)]
    assert min(least) >= LEAST_EXAMPLES and len(set(least)) > 1
