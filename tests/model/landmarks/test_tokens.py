"""Tokens hold what follows what, not when; a sketch estimates how much two windows have in common."""

from collections.abc import Callable

import numpy as np
from datasketch import MinHash

from model.landmarks.find import FREQUENCY_BITS
from model.landmarks.tokens import PERMUTATIONS, sketch, tokens

Made = Callable[..., np.ndarray]


def test_tokens_do_not_depend_on_when(made: Made) -> None:
    marks = made(1)
    later = marks + (np.uint32(777) << np.uint32(FREQUENCY_BITS))
    for size, cell in ((4, (8, 16)), (2, (4, 8))):
        values, times = tokens(marks, size, cell)
        moved, moved_times = tokens(later, size, cell)
        assert values.tolist() == moved.tolist()
        assert (moved_times - times == 777).all()


def test_tokens_are_of_every_few_landmarks_that_are_near() -> None:
    marks = np.array([t << FREQUENCY_BITS | f for t, f in ((0, 80), (10, 90), (20, 100), (30, 110), (1_000, 120))])
    values, times = tokens(marks.astype(np.uint32), 2, (4, 8))
    assert sorted(times.tolist()) == [0, 0, 0, 10, 10, 20]  # the last one is eight seconds away
    assert len(set(values.tolist())) == 6  # no two have the same frequencies
    assert len(tokens(marks.astype(np.uint32), 4, (4, 8))[0]) == 1
    assert len(tokens(marks[:0].astype(np.uint32), 4, (4, 8))[0]) == 0


def test_a_sketch_is_the_minhash_of_each_window(made: Made) -> None:
    marks = made(2, 75.0)
    values, times = tokens(marks, 4, (8, 16))
    sketches = sketch(marks)
    assert sketches.shape == (3, PERMUTATIONS)
    assert sketches.dtype == np.uint32
    for number, found in enumerate(sketches):
        inside = set(values[(times * 0.008 // 30).astype(int) == number].tolist())
        mine = MinHash(num_perm=PERMUTATIONS, seed=20_030, hashfunc=int, scheme="affine32")
        for value in inside:
            mine.update(value)
        assert mine.hashvalues.tolist() == found.tolist()


def test_little_sound_has_no_sketch(made: Made) -> None:
    assert sketch(made(3)[:4]).shape == (0, PERMUTATIONS)
