"""Candidates: as another implementation finds them, and no more work than the clips are."""

from collections.abc import Callable

import numpy as np
from datasketch import MinHash, MinHashLSH

from model.landmarks.candidates import PARTNERS, candidates
from model.landmarks.tokens import PERMUTATIONS, sketch

Made = Callable[..., np.ndarray]


def by_datasketch(sketches: list[np.ndarray]) -> set[tuple[int, int]]:
    """Pairs of clips with a value in common, by bands of one row."""
    index = MinHashLSH(num_perm=PERMUTATIONS, params=(PERMUTATIONS, 1))
    rows = {
        (clip, w): MinHash(hashvalues=row, scheme="affine32")
        for clip, s in enumerate(sketches)
        for w, row in enumerate(s)
    }
    for key, row in rows.items():
        index.insert(key, row)
    return {(min(a, b), max(a, b)) for (a, _), row in rows.items() for b, _ in index.query(row) if a != b}


def test_they_are_those_of_datasketch(made: Made) -> None:
    rng = np.random.default_rng(1)
    clips = []
    for seed in range(20):
        marks = made(seed, float(rng.uniform(10, 28)))  # a window each: one value in common will do
        clips += [sketch(marks), sketch(marks[rng.random(len(marks)) < 0.8])]
    found = {tuple(pair) for pair in candidates(clips).tolist()}
    assert found == by_datasketch(clips)
    assert {(2 * n, 2 * n + 1) for n in range(20)} <= found


def test_one_value_is_not_enough_for_long_clips() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.integers(0, 2**32, (2, 3, PERMUTATIONS), dtype=np.uint32)
    other[1, 7] = one[2, 7]
    assert candidates([one, other]).size == 0
    assert candidates([one, other[1:2]]).tolist() == [[0, 1]]
    other[0, 40] = one[0, 40]
    assert candidates([one, other]).tolist() == [[0, 1]]


def test_what_all_have_in_common_does_not_make_all_pairs() -> None:
    rng = np.random.default_rng(3)
    greeting = rng.integers(0, 2**32, PERMUTATIONS, dtype=np.uint32)
    clips = [np.stack([greeting, row]) for row in rng.integers(0, 2**32, (300, PERMUTATIONS), dtype=np.uint32)]
    found = candidates(clips)
    assert len(found) <= 300 * PARTNERS
    assert {int(b) for _, b in found} == set(range(1, 300))


def test_no_clips_and_clips_without_sound() -> None:
    nothing = np.zeros((0, PERMUTATIONS), np.uint32)
    assert candidates([]).shape == (0, 2)
    assert candidates([nothing, nothing]).shape == (0, 2)


def test_a_clip_that_repeats_itself_leaves_room_for_others() -> None:
    rng = np.random.default_rng(4)
    value = rng.integers(0, 2**32, PERMUTATIONS, dtype=np.uint32)
    looped = np.tile(value, (3 * PARTNERS, 1))
    others = [np.stack([row, value]) for row in rng.integers(0, 2**32, (2, PERMUTATIONS), dtype=np.uint32)]
    assert candidates([looped, *others]).tolist() == [[0, 1], [0, 2], [1, 2]]
