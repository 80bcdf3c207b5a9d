"""Operators: adjacent stages with equal needs, fused, so that rows pass between them without a copy."""

import traceback
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import torch

from cluster.rows import Envelope, Failed, Nothing
from schemas.plain_text import writable
from stages.contract import Needs, Row, Stage, Work

ATTEMPTS = 3


def fuse(stages: Sequence[Stage], *, gpus: float) -> list[tuple[Needs, tuple[Stage, ...]]]:
    """Group adjacent stages by what they need. Where there is no GPU, what would use one runs on the CPU."""

    def needs(stage: Stage) -> Needs:
        return stage.needs if gpus > 0 else Needs(cpus=stage.needs.cpus)

    return [(n, tuple(group)) for n, group in groupby(stages, key=needs)]


class Operator:
    """Fused stages, loaded. One instance serves one process.

    It computes on as many threads as its CPUs (at least one): results do not depend on the size of the machine.
    """

    def __init__(self, needs: Needs, stages: Sequence[Stage]) -> None:
        torch.set_num_threads(max(1, int(needs.cpus)))
        device = "cuda" if needs.gpus > 0 else "cpu"
        self._steps: list[tuple[type, Work]] = [(stage.reads, stage.load(device)) for stage in stages]

    def __call__(self, envelope: Envelope) -> Iterator[Envelope]:
        """What becomes of one row: at least one envelope, the final one marked."""
        path, last = envelope.path, envelope.last
        ahead: Row | None = None
        count = 0
        for row in self._attempts(envelope):
            if ahead is not None:
                yield Envelope(envelope.unit, (*path, count), (*last, False), ahead)
                count += 1
            ahead = row
        final = Nothing(unit=envelope.unit) if ahead is None else ahead
        yield Envelope(envelope.unit, (*path, count), (*last, True), final)

    def _attempts(self, envelope: Envelope) -> Iterator[Row]:
        """The rows; after an exception, try again from the first row not yet given, and at last report it."""
        given = 0
        for attempt in range(ATTEMPTS):
            try:
                for i, row in enumerate(self._through(envelope.row, 0)):
                    if i >= given:
                        yield row
                        given += 1
                return
            except Exception as error:  # noqa: BLE001 - the one place where an error becomes a quarantined unit
                if attempt == ATTEMPTS - 1:
                    said = f"{type(error).__name__}: {error}"
                    yield Failed(error=writable(said), trace=writable(traceback.format_exc()))

    def _through(self, row: Row, step: int) -> Iterator[Row]:
        while step < len(self._steps):
            reads, work = self._steps[step]
            step += 1
            if isinstance(row, reads):
                result = work(row)
                if isinstance(result, Iterable):
                    for child in result:
                        yield from self._through(child, step)
                    return
                row = result
        yield row
