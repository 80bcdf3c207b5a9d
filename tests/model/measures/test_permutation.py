"""Who is who, chosen once; swaps; the wrong speaker."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.measures.permutation import _best_stretches, best_match, channels_of_speakers, swaps, wrong_speaker_s

S = 100  # frames a second


def blocks(*spans: tuple[int, int, int], n: int = 60 * S, channels: int = 2) -> np.ndarray:
    active = np.zeros((channels, n), dtype=bool)
    for channel, start_s, end_s in spans:
        active[channel, start_s * S : end_s * S] = True
    return active


TRUTH = blocks((0, 0, 10), (1, 10, 20), (0, 20, 30), (1, 30, 40), (0, 40, 50), (1, 50, 60))


def test_the_match_is_the_one_that_is_active_together_longest() -> None:
    assert best_match(TRUTH[::-1], TRUTH) == ((0, 1), (1, 0))
    mostly = TRUTH.copy()
    mostly[:, : 20 * S] = TRUTH[::-1, : 20 * S]
    assert best_match(mostly, TRUTH) == ((0, 0), (1, 1))


def test_sound_decides_only_between_equals() -> None:
    silent = np.zeros_like(TRUTH)
    crossed = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert best_match(silent, TRUTH, crossed) == ((0, 1), (1, 0))
    almost = silent.copy()
    almost[0, 0] = True
    assert best_match(almost, TRUTH, crossed) == ((0, 0), (1, 1))


def test_more_speakers_than_channels() -> None:
    truth = blocks((0, 0, 2), (1, 5, 30), (2, 30, 60), channels=3)
    assert best_match(truth[[2, 1]], truth) == ((0, 2), (1, 1))


def test_a_swap_halfway_is_one_swap_and_costs_its_seconds() -> None:
    found = TRUTH.copy()
    found[:, 40 * S :] = TRUTH[::-1, 40 * S :]
    match = best_match(found, TRUTH)
    result = swaps(found, TRUTH, match)
    assert (result.count, result.length_s) == (1, 20.0)
    assert wrong_speaker_s(found, TRUTH, match) == 20.0


def test_stretches_below_a_second_are_no_swaps() -> None:
    found = TRUTH.copy()
    found[:, 5 * S : 6 * S - 1] = found[::-1, 5 * S : 6 * S - 1]
    assert swaps(found, TRUTH, ((0, 0), (1, 1))).count == 0
    found[:, 5 * S : 6 * S] = TRUTH[::-1, 5 * S : 6 * S]
    assert swaps(found, TRUTH, ((0, 0), (1, 1))).count == 1
    found[:, 25 * S : 27 * S] = TRUTH[::-1, 25 * S : 27 * S]
    assert swaps(found, TRUTH, ((0, 0), (1, 1))).count == 2


def test_bleed_and_missed_speech_are_no_swaps() -> None:
    everywhere = np.ones_like(TRUTH)
    assert swaps(everywhere, TRUTH, ((0, 0), (1, 1))).count == 0
    assert swaps(np.zeros_like(TRUTH), TRUTH, ((0, 0), (1, 1))).count == 0
    assert wrong_speaker_s(everywhere, TRUTH, ((0, 0), (1, 1))) == 60.0
    assert swaps(TRUTH[:1], TRUTH, ((0, 0),)).count == 0


def explained(gains: list[int], inside: tuple[bool, ...], cost: int) -> int:
    starts = sum(1 for k, now in enumerate(inside) if now and not (k and inside[k - 1]))
    return sum(g for g, now in zip(gains, inside, strict=True) if now) - cost * starts


@given(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=10), st.integers(1, 3))
def test_no_other_stretches_explain_more(gains: list[int], cost: int) -> None:
    best = max(explained(gains, choice, cost) for choice in itertools.product([False, True], repeat=len(gains)))
    inside = [False] * len(gains)
    stretches = _best_stretches(np.array(gains), cost)
    for start, length in stretches:
        inside[start : start + length] = [True] * length
        assert sum(gains[start : start + length]) >= cost
    assert sum(sum(gains[a : a + n]) - cost for a, n in stretches) == best


def test_speakers_are_put_in_the_order_of_the_channels() -> None:
    rng = np.random.default_rng(0)
    energy = TRUTH * rng.uniform(0.5, 1.0, TRUTH.shape) + 1e-4
    assert channels_of_speakers(energy, TRUTH) == (0, 1)
    assert channels_of_speakers(energy[::-1], TRUTH) == (1, 0)
    extra = np.concatenate([TRUTH[:1] & False, TRUTH[::-1]])
    assert channels_of_speakers(energy, extra) == (2, 1, 0)
    assert channels_of_speakers(energy, TRUTH[1:]) == (1,)
    assert channels_of_speakers(np.zeros((2, 10)), np.zeros((0, 10), bool)) == ()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_any_order_of_three(order: tuple[int, ...]) -> None:
    truth = blocks((0, 0, 20), (1, 15, 40), (2, 35, 60), channels=3)
    found = truth[list(order)]
    assert best_match(found, truth) == tuple(enumerate(order))
