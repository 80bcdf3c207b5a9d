"""Dataclasses to Arrow and back."""

from dataclasses import dataclass
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.arrow import from_table, schema_of, to_table


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    number: float
    colour: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    text: str
    count: int
    flag: bool | None
    data: bytes
    pair: tuple[float, float]
    inner: tuple[Inner, ...]
    either: tuple[str | None, str | None]
    maybe: Inner | None


inners = st.builds(Inner, number=st.floats(allow_nan=False), colour=st.sampled_from(Colour))
outers = st.builds(
    Outer,
    text=st.text(st.characters(codec="utf-8")),
    count=st.integers(-(2**63), 2**63 - 1),
    flag=st.none() | st.booleans(),
    data=st.binary(),
    pair=st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)),
    inner=st.lists(inners, max_size=3).map(tuple),
    either=st.tuples(st.none() | st.text(st.characters(codec="utf-8")), st.none() | st.just("x")),
    maybe=st.none() | inners,
)


@given(st.lists(outers, max_size=3))
def test_rows_come_back_as_they_were(rows: list[Outer]) -> None:
    table = to_table(Outer, rows)
    assert table.schema.equals(schema_of(Outer))
    assert list(from_table(Outer, table)) == rows


def test_only_optional_fields_are_nullable() -> None:
    nullable = {field.name: field.nullable for field in schema_of(Outer)}
    assert nullable == dict.fromkeys(nullable, False) | {"flag": True, "maybe": True}


def test_none_where_it_may_not_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Inner\.number is None"):
        to_table(Inner, [Inner(number=None, colour=Colour.RED)])  # type: ignore[arg-type]


def test_a_type_without_a_column_is_named() -> None:
    @dataclass(frozen=True)
    class Odd:
        thing: complex

    with pytest.raises(TypeError, match="complex"):
        schema_of(Odd)
