"""What a stage is. No base class and no registry: any frozen dataclass of this shape."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one copy of a stage takes. Adjacent stages with equal needs run as one operator."""

    cpus: float = 1.0
    gpus: float = 0.0


# A row is an instance of a frozen dataclass in `schemas`. A stage's function takes rows of `reads` and gives one
# row, several, or a Rejection; rows of any other type (rejections of earlier stages) pass it by.
Row = Any
Work = Callable[[Row], Row | Iterable[Row]]


class Stage(Protocol):
    """The configuration of a stage; `load` makes the models once and returns the function that does the work."""

    name: ClassVar[str]
    reads: ClassVar[type]
    writes: ClassVar[type]
    version: ClassVar[int]  # raised whenever outputs change

    @property
    def needs(self) -> Needs:
        """The same for all rows; a class variable where settings do not matter."""
        ...

    def load(self, device: str) -> Work:
        """Load what the stage needs onto `device` ("cpu", "cuda")."""
        ...
