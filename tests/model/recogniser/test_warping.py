"""Dynamic time warping against all ways there are, against transformers' own, and on attention as it should be."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from transformers.models.whisper.generation_whisper import _dynamic_time_warping

from model.recogniser.warping import token_frames, warp

Float64 = NDArray[np.float64]


def cheapest(cost: Float64, token: int = 0, frame: int = 0) -> float:
    """The cost of the cheapest way from a place to the last corner, by trying all."""
    tokens, frames = cost.shape
    steps = [(token + 1, frame), (token, frame + 1), (token + 1, frame + 1)]
    ways = [cheapest(cost, t, f) for t, f in steps if t < tokens and f < frames]
    return float(cost[token, frame]) + (min(ways) if ways else 0.0)


def cost_of(cost: Float64, starts: list[int]) -> float:
    """What the way costs on which the tokens begin in these frames; the best choice of where each ends."""
    total = float(cost[-1, starts[-1] :].sum())
    for token, (start, following) in enumerate(pairwise(starts)):
        ends = [
            end for end in (following, following + 1) if end > start
        ]  # before the next one's first frame, or in it
        total += min(float(cost[token, start:end].sum()) for end in ends)
    return total


costs = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(0, 10**6)).map(
    lambda p: np.random.default_rng(p[2]).normal(size=p[:2])
)


@given(costs)
def test_it_is_the_cheapest_way(cost: Float64) -> None:
    starts = warp(cost)
    assert starts[0] == 0
    assert starts == sorted(starts)
    assert cost_of(cost, starts) == pytest.approx(cheapest(cost))


@given(costs)
def test_it_is_the_way_of_transformers(cost: Float64) -> None:
    tokens, frames = _dynamic_time_warping(cost)
    jumps = np.pad(np.diff(tokens), (1, 0), constant_values=1).astype(bool)
    assert warp(cost) == frames[jumps].tolist()


def test_attention_that_walks_through_the_audio_gives_the_times_of_its_tokens() -> None:
    edges = [0, 12, 30, 31, 55, 80]
    attention = torch.full((3, 7, 80), 0.01)  # two tokens before the text
    for token, (start, end) in enumerate(pairwise(edges)):
        attention[:, token + 2, start:end] = 1.0 / (end - start)
    assert token_frames(attention, 2, 1) == edges[:-1]
    smoothed = token_frames(attention, 2, 7)
    assert all(abs(a - b) <= 3 for a, b in zip(smoothed, edges, strict=False))


def test_attention_that_says_nothing_gives_times_all_the_same() -> None:
    assert token_frames(torch.full((2, 5, 3), 1.0 / 3.0), 3, 7)[0] == 0
    assert warp(np.zeros((0, 4))) == []
