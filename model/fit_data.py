"""The batches of a training: each made from the seed and its number alone, ahead of its use, and used a few times."""

import signal
from collections.abc import Iterator
from itertools import count
from multiprocessing import get_context
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np
from torch.utils.data import DataLoader, Dataset

Made = TypeVar("Made")
Made_co = TypeVar("Made_co", covariant=True)
POOL: Final = 16
"""Batches that are kept for further uses."""


class Maker(Protocol[Made_co]):
    """What makes a batch from `random` alone; share_done: 0 to 1, of the training."""

    def make(self, random: np.random.Generator, share_done: float) -> Made_co:
        """A batch."""
        ...


class _Numbered(Dataset[Made], Generic[Made]):
    def __init__(self, maker: Maker[Made], seed: int) -> None:
        self._maker, self._seed = maker, seed
        self.share_done: Any = get_context("fork").Value("d", 0.0)

    def __getitem__(self, number: int) -> Made:
        return self._maker.make(np.random.default_rng([self._seed, number]), self.share_done.value)


class Batches(Generic[Made]):
    """The batch of each step from `step` on; each is used `uses` times on average, the first time when it is new.

    workers: processes that make them ahead; 0 makes each when it is asked for. The batches are the same, but for what
    depends on `share_done`, which those made ahead see a little late.
    """

    def __init__(self, maker: Maker[Made], seed: int, step: int, *, uses: int = 1, workers: int = 0) -> None:
        self._seed, self._step, self._uses = seed, step, uses
        self._data = _Numbered(maker, seed)
        self._next = max(0, -(-step // uses) - POOL) if uses > 1 else step
        self._pool: dict[int, Made] = {}
        self._made: Iterator[Made] = iter(
            DataLoader(
                self._data,
                batch_size=None,
                sampler=count(self._next),
                num_workers=workers,
                multiprocessing_context="fork" if workers else None,
                worker_init_fn=leave_interrupts_to_the_trainer,
                prefetch_factor=2 if workers else None,
                collate_fn=_as_it_is,
            )
        )

    def next(self, share_done: float) -> Made:
        """The batch of the next step."""
        self._data.share_done.value = share_done
        number = self._number(self._step)
        newest = self._step // self._uses
        while self._next <= newest:
            self._pool[self._next] = next(self._made)
            self._pool.pop(self._next - POOL, None)
            self._next += 1
        self._step += 1
        return self._pool[number] if self._uses > 1 else self._pool.pop(number)

    def _number(self, step: int) -> int:
        """Which batch a step uses: every `uses` steps a new one, else one of the last POOL."""
        newest = step // self._uses
        if step % self._uses == 0:
            return newest
        oldest = max(0, newest - POOL + 1)
        return int(np.random.default_rng([self._seed, step, 1]).integers(oldest, newest + 1))


def _as_it_is(batch: Made) -> Made:
    return batch


def leave_interrupts_to_the_trainer(_worker: int) -> None:
    """Ctrl-C reaches every process of the terminal; the trainer ends its loader processes itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
