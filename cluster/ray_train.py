"""Ray Train around the training loop: the same run, by several processes on as many CPUs or GPUs."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread

import ray
import ray.train
from ray.train import RunConfig, ScalingConfig, WorkerGroupError
from ray.train.torch import TorchConfig, TorchTrainer, get_device
from ray.util.queue import Queue

from cluster.start_ray import start_ray
from model.train import TrainResult, train
from model.train_config import TrainConfig
from model.train_log import Progress
from model.world import World
from schemas.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every worker is given. `told` carries rank 0's progress, then its result, to whoever started the run."""

    dataset: str
    run: Path
    config: TrainConfig
    told: Queue


def train_on_ray(
    dataset: str | Path,
    run: Path,
    config: TrainConfig,
    *,
    workers: int,
    gpus: bool,
    on_progress: Callable[[Progress], None],
) -> TrainResult:
    """`model.train.train` in `workers` processes: a GPU each if `gpus`, else a CPU each.

    The run folder, and a dataset that is no URL, must lie where every node reaches them. A run started with N workers
    goes on with N. Interrupted, it goes on from the last regular checkpoint. on_progress is called in a thread of its
    own. Raises the UserErrors of train; what else fails is Ray's TrainingFailedError.
    """
    start_ray(max(workers, os.cpu_count() or 1))
    run = run.absolute()
    told = Queue()
    results: list[TrainResult] = []
    listener = Thread(target=_listen, args=(told, on_progress, results), daemon=True)
    listener.start()
    trainer = TorchTrainer(
        _work,
        train_loop_config={"job": Job(dataset=str(dataset), run=run, config=config, told=told)},
        torch_config=TorchConfig(backend="nccl" if gpus else "gloo"),
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpus),
        run_config=RunConfig(storage_path=str(run / "ray")),
    )
    try:
        trainer.fit()
    except WorkerGroupError as error:
        for failure in error.worker_failures.values():
            if isinstance(failure, UserError):
                raise failure from error
        raise
    finally:
        told.put(None)
        listener.join()
        told.shutdown()
    return results[0]


def _listen(told: Queue, on_progress: Callable[[Progress], None], results: list[TrainResult]) -> None:
    """Pass progress on and keep the result, until None comes."""
    while (news := told.get()) is not None:
        if isinstance(news, Progress):
            on_progress(news)
        else:
            results.append(news)


def _work(given: dict[str, Job]) -> None:
    """One worker's part of the run."""
    job, context = given["job"], ray.train.get_context()
    world = World(context.get_world_rank(), context.get_world_size())
    config = replace(job.config, device=str(get_device()))
    result = train(job.dataset, job.run, config, on_progress=job.told.put, world=world)
    if world.rank == 0:
        job.told.put(result)
