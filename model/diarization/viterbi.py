"""The most likely path through states that last (Viterbi 1967)."""

import numpy as np
import torch
from numpy.typing import NDArray

from model.separator.net import states

Float64 = NDArray[np.float64]


def best_path(log_likelihood: Float64, change: Float64) -> NDArray[np.int64]:
    """States [T] that maximise the sum of log_likelihood [T, S] less what each change costs, change [S, S]."""
    score = log_likelihood[0].copy()
    came_from = np.zeros(log_likelihood.shape, np.int8)
    states = np.arange(score.size)
    for t in range(1, len(log_likelihood)):
        reached = score[:, None] - change
        came_from[t] = reached.argmax(0)
        score = reached[came_from[t], states] + log_likelihood[t]
    path = np.zeros(len(log_likelihood), np.int64)
    path[-1] = score.argmax()
    for t in range(len(path) - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    return path


def change_costs(states: int, cost: float) -> Float64:
    """Every change costs the same, staying nothing; [S, S]."""
    return cost * (1.0 - np.eye(states))


def both_states(scores: Float64, cost: float, joining: float) -> NDArray[np.bool_]:
    """Activity [2, T] of two speakers from the separator's scores [T, 3]: one path through nobody, either, both.

    joining: what it costs to join one who speaks, or to leave him alone; every other change costs `cost`.
    """
    costs = change_costs(4, cost)
    costs[1:3, 3] = costs[3, 1:3] = joining
    path = best_path(four(scores), costs)
    return np.stack([(path & 1) > 0, (path & 2) > 0])


def four(scores: Float64) -> Float64:
    """Log likelihoods of nobody, the first, the second and both speaking, up to a sum, [T, 4] from scores [T, 3]."""
    likely: Float64 = states(torch.from_numpy(scores)).numpy()
    return likely


def log_odds_of(scores: Float64) -> Float64:
    """Log odds that each of the two speaks, whatever the other one does, [T, 2] from scores [T, 3]."""
    nobody, first, second, both = four(scores).T
    on = np.stack([np.logaddexp(first, both), np.logaddexp(second, both)], 1)
    off = np.stack([np.logaddexp(nobody, second), np.logaddexp(nobody, first)], 1)
    odds: Float64 = on - off
    return odds
