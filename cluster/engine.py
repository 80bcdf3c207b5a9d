"""What an engine is: units of work in, their rows out."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from cluster.gather import UnitDone
from schemas.errors import UserError
from stages.contract import Row, Stage


class EngineError(UserError):
    """The engine cannot start or was lost; the message says what to do."""


class Engine(Protocol):
    """Runs a list of stages over units; the rows and bytes that come out are the same for every engine."""

    def run(self, units: Sequence[Row], stages: Sequence[Stage]) -> Iterator[tuple[int, Row | UnitDone]]:
        """(index of the unit, row) in the unit's own order, then (index, UnitDone); units interleave freely.

        A unit whose work keeps failing gives a `cluster.rows.Failed` row.
        """
        ...

    def close(self) -> None:
        """Give back what the engine holds."""
        ...


def open_engine(name: str, workers: int | None) -> Engine:
    """'inline' or 'ray'. `workers`: processes of each CPU operator, None = one per core. Raises EngineError."""
    if name == "inline":
        from cluster.inline import InlineEngine

        return InlineEngine()
    if name == "ray":
        from cluster.ray_data import RayEngine  # imported late: ray takes seconds to import

        return RayEngine(workers)
    raise EngineError(f"engine {name!r} is not known: use inline or ray")
