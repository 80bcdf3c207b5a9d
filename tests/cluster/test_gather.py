"""The order of rows that arrive shuffled and repeated."""

import random

from hypothesis import given
from hypothesis import strategies as st

from cluster.gather import UnitDone, in_order
from cluster.rows import Envelope, Nothing

# A unit: each first-level child has one to three children; an empty child stands for a row that led to none.
Tree = list[list[int | None]]
trees = st.lists(
    st.lists(st.lists(st.one_of(st.none(), st.integers()), min_size=1, max_size=3), min_size=1, max_size=4),
    max_size=4,
)


def envelopes_of(unit: int, tree: Tree) -> list[Envelope]:
    return [
        Envelope(
            unit,
            (i, j),
            (i == len(tree) - 1, j == len(children) - 1),
            Nothing(unit=unit) if value is None else value,
        )
        for i, children in enumerate(tree)
        for j, value in enumerate(children)
    ]


@given(trees, st.integers())
def test_shuffled_and_repeated_rows_come_out_in_order_once(forest: list[Tree], seed: int) -> None:
    envelopes = [e for unit, tree in enumerate(forest) for e in envelopes_of(unit, tree)]
    arriving = envelopes + envelopes[::2]
    random.Random(seed).shuffle(arriving)
    got = list(in_order(arriving))
    for unit, tree in enumerate(forest):
        expected = [value for children in tree for value in children if value is not None]
        assert [row for u, row in got if u == unit] == [*expected, UnitDone()]


def test_a_unit_with_a_missing_row_is_never_done() -> None:
    envelopes = envelopes_of(0, [[1, 2], [3]])
    del envelopes[1]
    assert list(in_order(envelopes)) == [(0, 1)]
