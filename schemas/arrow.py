"""From a frozen dataclass to its pyarrow schema and back.

Supported field types: str, int, float, bool, bytes, a StrEnum, a nested dataclass, `tuple[X, ...]`, a tuple of
equal fixed elements such as `tuple[str, str]`, and any of these `| None`, elements of a tuple too.
"""

import types
import typing
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Any, TypeVar

import pyarrow as pa

T = TypeVar("T")

_SCALARS: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.large_binary(),
}


def _unwrap_optional(hint: Any) -> tuple[Any, bool]:
    """`X | None` -> (X, True); anything else -> (hint, False)."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        inner = [a for a in typing.get_args(hint) if a is not type(None)]
        if len(inner) != 1:
            raise TypeError(f"a field may be of one type or None, not {hint}")
        return inner[0], True
    return hint, False


def _arrow_type(hint: Any) -> pa.DataType:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if typing.get_origin(hint) is tuple:
        return pa.list_(_arrow_type(_unwrap_optional(typing.get_args(hint)[0])[0]))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return pa.string()
    if is_dataclass(hint):
        return pa.struct(list(schema_of(typing.cast(type, hint))))
    raise TypeError(f"no pyarrow type for {hint}")


@cache
def _hints(cls: Hashable) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {f.name: hints[f.name] for f in fields(typing.cast(Any, cls))}


@cache
def schema_of(cls: type) -> pa.Schema:
    """The pyarrow schema of a dataclass; raises TypeError for a field type that has none."""
    columns = []
    for name, hint in _hints(cls).items():
        inner, optional = _unwrap_optional(hint)
        columns.append(pa.field(name, _arrow_type(inner), nullable=optional))
    return pa.schema(columns)


def _to_value(value: Any) -> Any:
    if is_dataclass(value):
        return to_dict(value)
    if isinstance(value, tuple):
        return [_to_value(v) for v in value]
    return str(value) if isinstance(value, StrEnum) else value


def to_dict(row: Any) -> dict[str, Any]:
    """A dataclass as a plain dictionary that its schema accepts; bytes are not copied."""
    return {name: _to_value(getattr(row, name)) for name in _hints(typing.cast(Hashable, type(row)))}


def _reader(hint: Any) -> Callable[[Any], Any] | None:
    """What makes a field's value, which is not None, of what a table gives; None where that is it already."""
    inner, _ = _unwrap_optional(hint)
    if is_dataclass(inner):
        return partial(from_dict, typing.cast(type, inner))
    if typing.get_origin(inner) is tuple:
        hints = typing.get_args(inner)
        kind, optional = _unwrap_optional(hints[0])
        return partial(_tuple, _reader(kind), None if hints[-1] is Ellipsis else len(hints), optional)
    return inner if isinstance(inner, type) and issubclass(inner, StrEnum) else None


def _tuple(
    element: Callable[[Any], Any] | None, length: int | None, optional: bool, values: Sequence[Any]
) -> tuple[Any, ...]:
    if length not in (None, len(values)):
        raise ValueError(f"{len(values)} values where there are {length}")
    if not optional and None in values:
        raise ValueError("no value where one must be")
    if element is None:
        return tuple(values)
    return tuple(None if value is None else element(value) for value in values)


@cache
def _readers(cls: Hashable) -> tuple[tuple[str, Callable[[Any], Any] | None, bool], ...]:
    return tuple((name, _reader(hint), _unwrap_optional(hint)[1]) for name, hint in _hints(cls).items())


def from_dict(cls: type[T], values: Mapping[str, Any]) -> T:
    """The inverse of `to_dict`. Raises ValueError for what a dataclass cannot be made of."""
    made = {}
    for name, read, optional in _readers(typing.cast(Hashable, cls)):
        value = values.get(name)
        if name not in values or (value is None and not optional):
            raise ValueError(f"{name} is missing")
        try:
            made[name] = value if value is None or read is None else read(value)
        except (TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{name}: {error}") from error
    return cls(**made)


def to_table(cls: type, rows: Iterable[Any]) -> pa.Table:
    """Rows of one dataclass as a table of exactly its schema; raises ValueError on a None where none may be."""
    table = pa.Table.from_pylist([to_dict(row) for row in rows], schema=schema_of(cls))
    for field, column in zip(table.schema, table.columns, strict=True):
        if column.null_count and not field.nullable:
            raise ValueError(f"{cls.__name__}.{field.name} is None, which it may not be")
    return table


def from_table(cls: type[T], table: pa.Table) -> Iterator[T]:
    """The rows of a table written by `to_table`. Raises ValueError."""
    for batch in table.to_batches():
        for values in batch.to_pylist():
            yield from_dict(cls, values)
