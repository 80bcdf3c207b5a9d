"""The conversations of the training: more overlap where asked, easy ones first, and the truth at their length."""

import numpy as np
import pytest

from model.segmentation import scenes
from model.simulate.phrases import Speech
from model.simulate.sounds import Sounds
from model.simulate.timing import TimingModel
from model.simulate.voices import Voice, Voices


@pytest.fixture(scope="module")
def voices() -> Voices:
    """Four voices of noise in phrases of a second."""
    made = []
    for i, pitch_hz in enumerate((110.0, 120.0, 200.0, 220.0)):
        rng = np.random.default_rng(i)
        spans = np.arange(40)[:, None] * 30_000 + np.array([[0, 24_000]])
        audio = (1_000 * rng.standard_normal(40 * 30_000)).astype(np.int16)
        made.append(Voice(f"voice-{i}", pitch_hz, (Speech(audio, spans),)))
    return Voices(tuple(made))


def _overlap(timing: TimingModel) -> float:
    shares = []
    for seed in range(20):
        active = np.zeros((2, 6_000), np.bool_)
        for event in timing.draw(np.random.default_rng(seed), 60.0):
            active[event.speaker, int(event.start_s * 100) : int(event.end_s * 100)] = True
        shares.append(active.all(axis=0).mean())
    return float(np.mean(shares))


def test_dense_timings_overlap_most_and_quick_ones_change_most() -> None:
    natural = TimingModel.builtin()
    assert _overlap(scenes.dense(natural)) > 2.5 * _overlap(natural)

    def events(timing: TimingModel) -> int:
        return sum(len(timing.draw(np.random.default_rng(seed), 60.0)) for seed in range(10))

    assert events(scenes.quick(natural)) > 1.5 * events(natural)


def test_scenes_are_of_one_length_and_repeat(voices: Voices) -> None:
    draw = scenes.TrainingScenes(voices=voices, sounds=Sounds(), natural=TimingModel.builtin())
    speakers = set()
    for seed in range(12):
        share = seed / 12
        one, two = (draw(np.random.default_rng(seed), share) for _ in range(2))
        assert one.mixture.shape == (288_000,) and one.activity.shape[1] == 1_200
        assert np.array_equal(one.mixture, two.mixture) and np.array_equal(one.activity, two.activity)
        speakers.add(len(one.activity))
    assert speakers <= {1, 2, 3} and 2 in speakers


def test_held_scenes_have_two_speakers(voices: Voices) -> None:
    held = scenes.HeldScenes(voices=voices, sounds=Sounds(), timing=TimingModel.builtin())
    made = held(np.random.default_rng(0), 1.0)
    assert made.activity.shape == (2, 1_200) and made.mixture.dtype == np.float32
