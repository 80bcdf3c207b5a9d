"""Which stretches two voices have to themselves."""

from itertools import combinations, pairwise

import numpy as np

from model.diarization.pairs import GRID, Pair, _longest, _turns, pairs_of


def voices(*turns: tuple[int, int]) -> np.ndarray:
    """(voice, frames), with ten frames of silence after each."""
    return np.concatenate([np.concatenate([np.full(n, v), np.full(10, -1)]) for v, n in turns]).astype(np.int64)


def test_two_voices_have_it_all() -> None:
    assert pairs_of(voices((0, 100), (1, 30)), 2) == [(0, 150, (0, 1))]


def test_a_third_voice_ends_a_stretch() -> None:
    heard = voices((0, 200), (1, 200), (2, 200), (1, 200))
    found = pairs_of(heard, 3)
    assert [pair for _, _, pair in found] == [(0, 1), (1, 2)]
    (_, first_end, _), (second_start, second_end, _) = found
    assert first_end == 420 // GRID * GRID
    assert second_start == -(-420 // GRID) * GRID
    assert second_end == heard.size


def test_a_third_voice_between_is_left_out() -> None:
    found = pairs_of(voices((0, 200), (1, 200), (2, 60), (0, 200), (1, 200)), 3)
    assert [pair for _, _, pair in found] == [(0, 1), (0, 1)]
    assert found[0][1] <= 420
    assert found[1][0] >= 490


def test_an_accident_does_not_count() -> None:
    heard = voices((0, 200), (1, 200), (2, 10), (0, 200))
    assert pairs_of(heard, 3) == [(0, heard.size, (0, 1))]


def test_stretches_are_disjoint_and_on_the_grid() -> None:
    random = np.random.default_rng(1)
    for _ in range(50):
        heard = voices(*[(int(random.integers(4)), int(random.integers(5, 300))) for _ in range(20)])
        at = 0
        for start, end, (low, high) in pairs_of(heard, 4):
            assert at <= start < end <= heard.size
            assert low < high
            assert start % GRID == 0
            assert end % GRID == 0 or end == heard.size
            inside = heard[start:end]
            assert {low, high} <= set(inside.tolist())
            at = end


def best_by_hand(stretches: list[Pair]) -> int:
    """The most frames that some of them, none over another, hold."""
    some = [chosen for n in range(1, 4) for chosen in combinations(stretches, n)]
    disjoint = [chosen for chosen in some if all(b >= a for (_, a, _), (b, _, _) in pairwise(chosen))]
    return max((sum(end - start for start, end, _ in chosen) for chosen in disjoint), default=0)


def test_no_other_choice_keeps_more() -> None:
    random = np.random.default_rng(2)
    for _ in range(40):
        heard = voices(*[(int(random.integers(3)), int(random.integers(60, 300))) for _ in range(6)])
        turns = _turns(heard)
        possible = [pair for first in range(len(turns)) if (pair := _longest(turns, first, heard.size)[0])]
        assert sum(end - start for start, end, _ in pairs_of(heard, 3)) == best_by_hand(possible)
