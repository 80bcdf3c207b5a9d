"""The batches of a training, joined from parts, each made from the seed and its number alone and used a few times."""

import signal
from collections.abc import Iterator, Sequence
from itertools import count
from multiprocessing import get_context
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np
from torch.utils.data import DataLoader, Dataset

Made = TypeVar("Made")
POOL: Final = 64
"""Parts that are kept for further uses."""


class Maker(Protocol[Made]):
    """What makes the parts of a batch from `random` alone, and joins them; share_done: 0 to 1, of the training."""

    def make(self, random: np.random.Generator, share_done: float) -> Made:
        """A part of a batch."""
        ...

    def join(self, parts: Sequence[Made], random: np.random.Generator) -> Made:
        """A batch of some parts, which stay as they are."""
        ...


class WholeBatches(Generic[Made]):
    """A maker whose every part is a batch."""

    def join(self, parts: Sequence[Made], random: np.random.Generator) -> Made:
        """The only part."""
        (only,) = parts
        return only


class _Numbered(Dataset[Made], Generic[Made]):
    def __init__(self, maker: Maker[Made], seed: int) -> None:
        self._maker, self._seed = maker, seed
        self.share_done: Any = get_context("fork").Value("d", 0.0)

    def __getitem__(self, number: int) -> Made:
        return self._maker.make(np.random.default_rng([self._seed, number]), self.share_done.value)


class Batches(Generic[Made]):
    """The batch of each step from `step` on, joined from `together` parts.

    A part is used `uses` times on average: first when it is new, then by chance while it is one of the last POOL.
    workers: processes that make parts ahead; 0 makes each when it is asked for. The parts are the same, but for what
    depends on `share_done`, which those made ahead see a little late.
    """

    def __init__(
        self, maker: Maker[Made], seed: int, step: int, *, uses: int = 1, together: int = 1, workers: int = 0
    ) -> None:
        self._maker, self._seed, self._step, self._uses, self._together = maker, seed, step, uses, together
        self._data = _Numbered(maker, seed)
        self._next = max(0, self._made_by(step - 1) - POOL) if uses > 1 else step * together
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
        made = self._made_by(self._step)
        while self._next < made:
            self._pool[self._next] = next(self._made)
            self._pool.pop(self._next - POOL, None)
            self._next += 1
        random = np.random.default_rng([self._seed, self._step, 1])
        parts = [self._pool[n] for n in self._numbers(random)]
        if self._uses == 1:
            self._pool.clear()
        self._step += 1
        return self._maker.join(parts, random)

    def _made_by(self, step: int) -> int:
        """How many parts have been made when a step has its batch: those of the first batch are all new."""
        return self._together + step * self._together // self._uses if step >= 0 else 0

    def _numbers(self, random: np.random.Generator) -> list[int]:
        """Which parts the step uses: the new ones, and some of the last POOL."""
        made = self._made_by(self._step)
        new = list(range(self._made_by(self._step - 1), made))
        old = random.integers(max(0, made - POOL), made, self._together - len(new))
        return [*new, *(int(n) for n in old)]


def _as_it_is(batch: Made) -> Made:
    return batch


def leave_interrupts_to_the_trainer(_worker: int) -> None:
    """Ctrl-C reaches every process of the terminal; the trainer ends its loader processes itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
