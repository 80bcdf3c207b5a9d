"""The inline engine: everything in this process, one unit after the other."""

from collections.abc import Iterator, Sequence

import torch

from cluster.gather import UnitDone, in_order
from cluster.operator import Operator
from cluster.rows import Envelope
from stages.contract import Needs, Row, Stage


class InlineEngine:
    """For tests, debugging and tiny inputs; all stages are one operator."""

    def run(self, units: Sequence[Row], stages: Sequence[Stage]) -> Iterator[tuple[int, Row | UnitDone]]:
        """See `cluster.engine.Engine`."""
        threads = torch.get_num_threads()
        operator = Operator(Needs(gpus=float(torch.cuda.is_available())), stages)
        try:
            yield from in_order(e for i, unit in enumerate(units) for e in operator(Envelope(i, (), (), unit)))
        finally:
            torch.set_num_threads(threads)

    def close(self) -> None:
        """Nothing is held."""
