"""The best path, against every path."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.diarization.viterbi import best_path, both_states, change_costs, four, log_odds_of


def value(path: tuple[int, ...], likelihood: np.ndarray, cost: np.ndarray) -> float:
    gain = sum(likelihood[t, s] for t, s in enumerate(path))
    return float(gain - sum(cost[a, b] for a, b in pairwise(path)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(2, 3), st.floats(0, 5))
def test_no_path_is_better(seed: int, frames: int, states: int, cost: float) -> None:
    likelihood = np.random.default_rng(seed).normal(0, 2, (frames, states))
    costs = change_costs(states, cost)
    best = max(value(p, likelihood, costs) for p in product(range(states), repeat=frames))
    assert value(tuple(best_path(likelihood, costs)), likelihood, costs) == pytest.approx(best)


def test_short_doubts_do_not_change_the_state() -> None:
    scores = np.tile([-3.0, -3.0, 0.0], (100, 1))
    scores[20:80, 0] = 3.0
    scores[40, 0] = -1.0
    scores[50:70, 1] = 3.0
    activity = both_states(scores, 4.0, 4.0)
    assert np.flatnonzero(activity[0]).tolist() == list(range(20, 80))
    assert np.flatnonzero(activity[1]).tolist() == list(range(50, 70))


def test_voices_that_exclude_one_another_do_not_overlap() -> None:
    scores = np.tile([3.0, 2.0, 0.0], (50, 1))
    assert both_states(scores, 4.0, 4.0).all()
    scores[:, 2] = -4.0
    assert both_states(scores, 4.0, 4.0).all(1).tolist() == [True, False]


def test_joining_may_be_cheaper_than_taking_over() -> None:
    scores = np.tile([9.0, -9.0, 0.0], (60, 1))
    scores[30:33, 1] = 1.0
    assert not both_states(scores, 4.0, 4.0)[1].any()
    assert np.flatnonzero(both_states(scores, 4.0, 1.0)[1]).tolist() == [30, 31, 32]


def test_swapped_speakers_swap_the_activity() -> None:
    scores = np.random.default_rng(4).normal(0, 3, (300, 3))
    assert np.array_equal(both_states(scores, 2.0, 1.0)[::-1], both_states(scores[:, [1, 0, 2]], 2.0, 1.0))
    assert np.array_equal(log_odds_of(scores)[:, ::-1], log_odds_of(scores[:, [1, 0, 2]]))


def test_odds_are_those_of_the_four_states() -> None:
    scores = np.random.default_rng(5).normal(0, 3, (20, 3))
    likely = np.exp(four(scores))
    likely /= likely.sum(1, keepdims=True)
    chance = 1.0 / (1.0 + np.exp(-log_odds_of(scores)))
    assert chance == pytest.approx(np.stack([likely[:, 1] + likely[:, 3], likely[:, 2] + likely[:, 3]], 1))
    independent = np.array([[1.5, -0.5, 0.0]])
    assert log_odds_of(independent) == pytest.approx(independent[:, :2])
    assert np.isfinite(log_odds_of(np.array([[800.0, -800.0, 0.0]]))).all()
