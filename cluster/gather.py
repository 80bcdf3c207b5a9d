"""Put rows that arrive in any order, some of them twice, into the order of their unit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cluster.rows import Envelope, Nothing
from stages.contract import Row


@dataclass(frozen=True, slots=True)
class UnitDone:
    """All rows of the unit were given."""


@dataclass(slots=True)
class _Unit:
    expected: tuple[int, ...] | None = None
    waiting: dict[tuple[int, ...], Envelope] = field(default_factory=dict)


def following(path: tuple[int, ...], last: tuple[bool, ...]) -> tuple[int, ...] | None:
    """The path after this one, None after the last: the deepest level that goes on counts up, those below restart."""
    for level in reversed(range(len(path))):
        if not last[level]:
            return (*path[:level], path[level] + 1, *([0] * (len(path) - level - 1)))
    return None


def in_order(envelopes: Iterable[Envelope]) -> Iterator[tuple[int, Row | UnitDone]]:
    """(unit, row) in the order of each unit's paths, then (unit, UnitDone). Rows seen before are dropped.

    Only rows that came early are held. A unit that never becomes whole gives no UnitDone.
    """
    units: dict[int, _Unit] = {}
    done: set[int] = set()
    for envelope in envelopes:
        if envelope.unit in done:
            continue
        unit = units.setdefault(envelope.unit, _Unit())
        if unit.expected is None:
            unit.expected = (0,) * len(envelope.path)
        if envelope.path >= unit.expected:
            unit.waiting[envelope.path] = envelope
        while unit.expected in unit.waiting:
            ready = unit.waiting.pop(unit.expected)
            if not isinstance(ready.row, Nothing):
                yield ready.unit, ready.row
            unit.expected = following(ready.path, ready.last)
            if unit.expected is None:
                done.add(ready.unit)
                del units[ready.unit]
                yield ready.unit, UnitDone()
