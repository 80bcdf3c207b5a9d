"""The Ray Data engine: each operator is a pool of actors, rows stream from pool to pool."""

import logging
import os
from collections.abc import Iterator, Sequence

import pyarrow as pa
import ray
import ray.data

from cluster.gather import UnitDone, in_order
from cluster.operator import Operator, fuse
from cluster.rows import Envelope, RowCodec
from cluster.start_ray import start_ray
from stages.contract import Needs, Row, Stage

MAX_BLOCKS = 10_000  # above this, several units share a block


class _Pool:
    """What runs in each actor: the operator between two tables."""

    def __init__(self, needs: Needs, stages: Sequence[Stage], types: Sequence[type]) -> None:
        self._operator = Operator(needs, stages)
        self._codec = RowCodec(stages, types)

    def __call__(self, batch: pa.Table) -> Iterator[pa.Table]:
        for envelope in self._codec.decode(batch):
            for result in self._operator(envelope):
                yield self._codec.encode(result)


class RayEngine:
    """Connects to the cluster of RAY_ADDRESS, or starts Ray on this machine and stops it at `close`."""

    def __init__(self, workers: int | None) -> None:
        start_ray(workers or os.cpu_count() or 1)
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self._workers = workers or int(resources.get("CPU", 1))
        self._gpus = resources.get("GPU", 0.0)

    def run(self, units: Sequence[Row], stages: Sequence[Stage]) -> Iterator[tuple[int, Row | UnitDone]]:
        """See `cluster.engine.Engine`."""
        if not units:
            return
        types = sorted({t for s in stages for t in (s.reads, s.writes)} | {type(units[0])}, key=lambda t: t.__name__)
        codec = RowCodec(stages, types)
        tables = [codec.encode(Envelope(i, (), (), unit)) for i, unit in enumerate(units)]
        per_block = -(-len(tables) // MAX_BLOCKS)
        blocks = [pa.concat_tables(tables[i : i + per_block]) for i in range(0, len(tables), per_block)]
        logging.getLogger("ray.data").setLevel(logging.ERROR)  # the build has its own view
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        dataset: ray.data.Dataset = ray.data.from_arrow(blocks)
        for needs, group in fuse(stages, gpus=self._gpus):
            dataset = dataset.map_batches(
                _Pool,
                fn_constructor_args=(needs, group, types),
                batch_size=1,
                batch_format="pyarrow",
                zero_copy_batch=True,
                compute=ray.data.ActorPoolStrategy(size=self._pool_size(needs, len(units))),
                num_cpus=needs.cpus,
                num_gpus=needs.gpus,
            )
        batches = dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
        yield from in_order(e for batch in batches for e in codec.decode(batch))

    def _pool_size(self, needs: Needs, n_units: int) -> int:
        fit = self._gpus / needs.gpus if needs.gpus > 0 else self._workers / max(needs.cpus, 1.0)
        return max(1, min(int(fit), n_units))

    def close(self) -> None:
        """Stop the Ray that `__init__` started; one that runs elsewhere is only left."""
        ray.shutdown()
