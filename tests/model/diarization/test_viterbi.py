"""The best path, against every path."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.diarization.viterbi import best_path, both_states, change_costs, log_sigmoid


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
    log_odds = np.full((100, 2), -3.0)
    log_odds[20:80, 0] = 3.0
    log_odds[40, 0] = -1.0
    log_odds[50:70, 1] = 3.0
    activity = both_states(log_odds, 4.0)
    assert np.flatnonzero(activity[0]).tolist() == list(range(20, 80))
    assert np.flatnonzero(activity[1]).tolist() == list(range(50, 70))


def test_swapped_speakers_swap_the_activity() -> None:
    log_odds = np.random.default_rng(4).normal(0, 3, (300, 2))
    assert np.array_equal(both_states(log_odds, 2.0)[::-1], both_states(log_odds[:, ::-1], 2.0))


def test_log_sigmoid_does_not_overflow() -> None:
    assert log_sigmoid(np.array([-1_000.0, 0.0, 1_000.0])) == pytest.approx([-1_000.0, np.log(0.5), 0.0])
