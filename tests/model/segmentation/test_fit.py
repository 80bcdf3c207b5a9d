"""Windows from conversations, and a training that learns, the same one for the same seed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from model.fitting import FitConfig, run
from model.segmentation import feed as feeding
from model.segmentation.fit import SegmentationConfig, SegmentationRecipe, errors_of, training_scores
from model.segmentation.net import FRAME_CENTRE, FRAME_SAMPLES, NetConfig, build_net
from model.segmentation.powerset import PowersetLoss

SMALL = NetConfig(lstm_size=16, lstm_layers=1, linear_size=16, linear_layers=1)


@dataclass
class Tones:
    """Two speakers, each a tone of its own, taking turns of half a second with silence between."""

    mixture: np.ndarray
    activity: np.ndarray


def tones(random: np.random.Generator, share_done: float = 1.0) -> Tones:
    frames = 600
    turn = np.arange(frames) // 50 + int(random.integers(4))
    activity = np.stack([turn % 4 == 0, turn % 4 == 2])
    time_s = np.arange(frames * 240) / 24_000
    tone = [np.sin(2 * np.pi * hz * time_s) for hz in (400.0, 2_500.0)]
    mixture = sum(np.repeat(a, 240) * t for a, t in zip(activity, tone, strict=True)) * 0.1
    return Tones(mixture.astype(np.float32), activity)


def _feed() -> feeding.Feed:
    return feeding.Feed(tones, feeding.FeedConfig(kept=8, uses=4))


def test_frame_activity_is_what_is_active_in_its_middle() -> None:
    activity = np.random.default_rng(0).random((2, 500)) < 0.5
    speed, start, samples = 1.1, 4_321, 32_000
    found = feeding.frame_activity(activity, speed, start, samples)
    for frame, row in enumerate(found):
        before_s = (start + FRAME_CENTRE + FRAME_SAMPLES * frame) / 16_000 * speed
        assert row[:2].tolist() == activity[:, int(before_s * 100)].tolist()
        assert not row[2]


def test_frame_activity_keeps_the_three_who_speak_most() -> None:
    activity = np.zeros((5, 400), np.bool_)
    for speaker, share in enumerate([0.1, 0.5, 0.3, 0.0, 0.4]):
        activity[speaker, : int(400 * share)] = True
    found = feeding.frame_activity(activity, 1.0, 0, 64_000)
    assert np.argsort(found.sum(axis=0)).tolist() == [1, 2, 0]  # of speakers 1, 2 and 4
    assert not feeding.frame_activity(activity, 1.0, 64_000, 16_000).any()


def test_windows_are_the_same_for_a_seed() -> None:
    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        feed = feeding.Feed(tones, feeding.FeedConfig(kept=4, uses=2))
        feed.windows(np.random.default_rng([3, 0]), 8, 32_000)
        return feed.windows(np.random.default_rng([3, 1]), 8, 32_000)

    (audio, activity), (again, active_again) = draw(), draw()
    assert audio.shape == (8, 1, 32_000) and activity.shape == (8, 115, 3)
    assert torch.equal(audio, again) and torch.equal(activity, active_again)
    assert audio.square().mean(dim=2).sqrt() == pytest.approx(np.full((8, 1), 0.1), rel=1e-3)


def test_conversations_are_used_as_often_as_asked() -> None:
    made = []
    feed = feeding.Feed(lambda r, s: made.append(s) or tones(r), feeding.FeedConfig(kept=6, uses=3))
    for step in range(60):
        feed.windows(np.random.default_rng(step), 6, 16_000)
    seconds = 60 * 6 * 1.0
    assert seconds / (6.0 * 3) * 0.8 < len(made) < seconds / (6.0 * 3) * 1.2 + 6


def test_training_scores_are_those_of_the_network() -> None:
    torch.manual_seed(0)
    net = build_net()
    audio, _ = _feed().windows(np.random.default_rng(0), 2, 32_000)
    with torch.no_grad():
        torch.testing.assert_close(training_scores(net, audio)[0], net(audio), atol=0.02, rtol=0)


def _trained(folder: Path, steps: int) -> tuple[SegmentationRecipe, list[str]]:
    config = SegmentationConfig(net=SMALL, windows=2, short_share=1.0, held_windows=2, held_every=1000)
    recipe = SegmentationRecipe(_feed(), _feed(), config)
    lines: list[str] = []
    run(recipe, FitConfig(steps=steps, learning_rate=1e-2, warmup_steps=5), folder, lines.append)
    return recipe, lines


def test_the_recipe_learns(tmp_path: Path) -> None:
    audio, activity = _feed().windows(np.random.default_rng(9), 8, 48_000)
    loss = PowersetLoss()
    found = []
    for steps in (1, 20):
        recipe, _ = _trained(tmp_path / str(steps), steps)
        with torch.inference_mode():
            found.append((float(loss(recipe.net(audio), activity)), errors_of(recipe.net, audio, activity).der))
    (loss_before, der_before), (loss_after, der_after) = found
    assert loss_after < 0.6 * loss_before and der_after < 0.7 * der_before


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    (first, lines), (second, again) = (_trained(tmp_path / name, 3) for name in ("a", "b"))
    for a, b in zip(first.net.parameters(), second.net.parameters(), strict=True):
        assert torch.equal(a, b)
    assert "held_der" in lines[-1] and lines[-1].split("min")[1] == again[-1].split("min")[1]
