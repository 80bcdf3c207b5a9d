"""What one clip holds of another: the whole, a part, nothing; at which offset."""

from collections.abc import Callable

import numpy as np
import pytest

from model.landmarks.align import align
from model.landmarks.find import FREQUENCY_BITS, unpacked

Made = Callable[..., np.ndarray]


def cut(marks: np.ndarray, start_s: float, end_s: float, lost: float = 0.0, seed: int = 0) -> np.ndarray:
    """The landmarks of a part, on its own clock, some of them lost and others in their place."""
    times, tones = unpacked(marks)
    inside = (times >= start_s / 0.008) & (times < end_s / 0.008)
    rng = np.random.default_rng(seed)
    moved = (times[inside] - round(start_s / 0.008)) << FREQUENCY_BITS | tones[inside]
    gone = rng.random(len(moved)) < lost
    moved[gone] = rng.integers(0, moved.max() >> FREQUENCY_BITS, gone.sum()) << FREQUENCY_BITS
    moved[gone] |= rng.integers(75, 750, gone.sum())
    return np.unique(moved).astype(np.uint32)


def test_a_clip_holds_all_of_itself(made: Made) -> None:
    for found in align(made(1), made(1)) or ():
        assert (found.offset_s, found.likeness) == (0.0, 1.0)
        assert found.shared_s == 60.0


def test_a_part_is_found_where_it_is_and_as_long_as_it_is(made: Made) -> None:
    whole = made(2, 200.0)
    both = align(whole, cut(whole, 80.0, 140.0, lost=0.3))
    assert both is not None
    assert both[0].offset_s == pytest.approx(80.0, abs=0.02)
    assert both[1].offset_s == pytest.approx(-80.0, abs=0.02)
    assert both[0].likeness == pytest.approx(60 / 200, abs=0.05)
    assert both[0].shared_s == pytest.approx(60.0, abs=4.0)
    assert both[1].likeness > 0.95


def test_exchanging_the_two_exchanges_the_result(made: Made) -> None:
    whole = made(3, 120.0)
    for part in (cut(whole, 33.3, 120.0, lost=0.2), cut(whole, 0.0, 50.0, lost=0.5)):
        one, other = align(whole, part), align(part, whole)
        assert one is not None
        assert other is not None
        for mine, theirs in zip(one, other[::-1], strict=True):
            assert mine.offset_s == pytest.approx(theirs.offset_s, abs=0.009)  # half a unit is rounded down
            assert mine.shared_s == pytest.approx(theirs.shared_s, abs=4.0)


def test_different_clips_have_nothing_in_common(made: Made) -> None:
    assert all(align(made(seed), made(seed + 100)) is None for seed in range(30))
    assert align(made(1), made(1)[:0]) is None
    assert align(made(1)[:0], made(1)[:0]) is None


def test_the_same_phrase_at_two_places_counts_once(made: Made) -> None:
    phrase = cut(made(4), 0.0, 8.0)
    shift = [np.uint32(round(at_s / 0.008) << FREQUENCY_BITS) for at_s in (10.0, 30.0, 22.0, 41.0)]
    one = np.unique(np.concatenate([made(5), phrase + shift[0], phrase + shift[1]]))
    other = np.unique(np.concatenate([made(6), phrase + shift[2], phrase + shift[3]]))
    both = align(one, other)
    assert both is not None
    assert both[0].shared_s <= 12.0
    assert both[0].likeness < 0.3


def test_what_repeats_itself_is_aligned_where_most_of_it_agrees(made: Made) -> None:
    times, tones = unpacked(made(7, 50.0))
    rng = np.random.default_rng(7)
    repeats = [(times + rng.integers(-2, 3, len(times)) + 10) << FREQUENCY_BITS | tones for _ in range(5)]

    def four(first: int) -> np.ndarray:
        later = [repeats[first + n] + (round(50 * n / 0.008) << FREQUENCY_BITS) for n in range(4)]
        return np.unique(np.concatenate(later)).astype(np.uint32)

    both = align(four(0), four(1))  # exactly the same 50 s later, but there is a quarter less of it
    assert both is not None
    assert both[0].offset_s == pytest.approx(0.0, abs=0.02)
    assert both[0].likeness > 0.9
