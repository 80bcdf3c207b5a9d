"""The most likely path through states that last (Viterbi 1967)."""

import numpy as np
from numpy.typing import NDArray

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


def log_sigmoid(logits: Float64) -> Float64:
    """log of the logistic function, without overflow."""
    out: Float64 = -np.logaddexp(0.0, -logits)
    return out


def both_states(logits: Float64, cost: float) -> NDArray[np.bool_]:
    """Activity [2, T] of two speakers from logits of speech [T, 2]: one path through nobody, either, both."""
    on, off = log_sigmoid(logits), log_sigmoid(-logits)
    nobody, first, second, both = off.sum(1), on[:, 0] + off[:, 1], off[:, 0] + on[:, 1], on.sum(1)
    path = best_path(np.stack([nobody, first, second, both], 1), change_costs(4, cost))
    return np.stack([(path & 1) > 0, (path & 2) > 0])
