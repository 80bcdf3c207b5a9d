"""Windows of training items out of the shards, in a seeded order that resumes at the exact window.

Order. An epoch permutes the clips of the whole split (the index is in memory, and a clip is one range read, so
nothing is gained by reading shards end to end), deals them to the readers in turn, and permutes the windows of every
64 clips. The place in the epoch is two numbers, so resuming costs no re-reading; memory holds 64 clips and the index.

Windows. A clip of n frames gives ceil(n / W) windows whose grid starts at an offset drawn per clip and epoch, such
that each frame is seen exactly once an epoch; a window that the clip does not fill ends in NO_TOKEN.

Prompts. With `prompt_frames`, each window stands behind a prompt of that many frames, see `model.prompt`.

Orientation. Which channel is the model is drawn per clip and turns over every epoch: two epochs show both.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from model.fit_data import leave_interrupts_to_the_trainer
from model.shards import WithdrawnClipError
from model.windows import ClipItems, PromptedWindow, Windows
from schemas.errors import DatasetError
from schemas.plain_text import counted

BLOCK_CLIPS = 64


class PromptCounts(NamedTuple):
    """Of the prompts of a run: how many lack a voice outside of their window, a role, and had too long a role."""

    prompts: int
    no_voice: int
    no_role: int
    roles_too_long: int


@dataclass(slots=True, kw_only=True)
class ReaderState:
    """Where a reader stands: the next window is number `window` of block `block` of epoch `epoch`.

    What was lost up to there, and, of the prompts, how many lack a voice or a role; `roles_too_long` of the latter
    did not fit.
    """

    epoch: int = 0
    block: int = 0
    window: int = 0
    text_tokens_lost: int = 0
    prompts: int = 0
    no_voice: int = 0
    no_role: int = 0
    roles_too_long: int = 0

    def count(self, window: PromptedWindow) -> None:
        """Count a window's prompt."""
        self.prompts += 1
        self.no_voice += window.no_voice
        self.no_role += window.no_role
        self.roles_too_long += window.role_too_long


class WindowReader:
    """Endless windows of one reader out of `readers`: every clip of an epoch goes to exactly one of them.

    Yields int64 [17, P + W]. Withdrawn clips are skipped from the next block on, which moves no other window, and
    at once where they are gone. Raises DatasetError where this reader has nothing to read.
    """

    def __init__(self, windows: Windows, reader: int = 0, readers: int = 1) -> None:
        self.windows = windows
        self.reader, self.readers = reader, readers
        self._state = ReaderState()
        if len(windows.index) < readers:
            raise DatasetError(
                f"{windows.dataset.root}: {counted(len(windows.index), 'clip')} cannot feed {readers} readers; "
                "use fewer workers or another split"
            )

    def state_dict(self) -> dict[str, int]:
        """Place of the next window, as plain integers."""
        return asdict(self._state)

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go to the place that `state_dict` gave."""
        self._state = ReaderState(**state)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        while True:
            started_at = (self._state.block, self._state.window)
            any_window = False
            for window in self._epoch():
                any_window = True
                yield window
            if not any_window and started_at == (0, 0):
                raise DatasetError(f"{self.windows.dataset.root}: every clip of this reader was withdrawn")
            state = self._state
            state.epoch, state.block, state.window = state.epoch + 1, 0, 0

    def _epoch(self) -> Iterator[NDArray[np.int64]]:
        """What is left of the current epoch."""
        state, windows = self._state, self.windows
        shuffle = np.random.default_rng([windows.seed, state.epoch])
        clips = shuffle.permutation(len(windows.index))[self.reader :: self.readers]
        while state.block * BLOCK_CLIPS < len(clips):
            block = clips[state.block * BLOCK_CLIPS : (state.block + 1) * BLOCK_CLIPS]
            yield from self._block(block)
            state.block, state.window = state.block + 1, 0

    def _block(self, clips: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        state, windows = self._state, self.windows
        withdrawn = windows.dataset.withdrawn()
        places = [(int(clip), number) for clip in clips for number in range(windows.count(clip))]
        shuffle = np.random.default_rng([windows.seed, state.epoch, self.reader, state.block])
        order = shuffle.permutation(len(places))
        loaded: dict[int, ClipItems] = {}
        while state.window < len(order):
            clip, number = places[order[state.window]]
            state.window += 1
            if windows.index.clip_id(clip) in withdrawn:
                continue
            offset, own = windows.draw(clip, state.epoch)
            if clip not in loaded:
                try:
                    loaded[clip] = windows.items(clip)
                except WithdrawnClipError:
                    withdrawn = windows.dataset.withdrawn()
                    continue
            state.text_tokens_lost += loaded[clip].text_tokens_lost if number == 0 else 0
            window = windows.prompted(loaded[clip], own, number, offset, withdrawn)
            if windows.prompt_frames:
                state.count(window)
            yield window.codes


def held_out_windows(windows: Windows, limit: int, rank: int = 0, world: int = 1) -> Iterator[NDArray[np.int64]]:
    """The first `limit` windows of a split in a fixed shuffled order, each in both orientations, dealt to the ranks.

    Yields int64 [17, P + W]; a window's two orientations count as two.
    """
    withdrawn = windows.dataset.withdrawn()
    place = 0
    for clip in np.random.default_rng(windows.seed).permutation(len(windows.index)):
        if windows.index.clip_id(clip) in withdrawn:
            continue
        loaded: ClipItems | None = None
        gone = False
        for number in range(windows.count(clip)):
            for own in (0, 1):
                if place >= limit:
                    return
                if place % world == rank and not gone:
                    try:
                        loaded = loaded or windows.items(clip)
                    except WithdrawnClipError:
                        withdrawn, gone = windows.dataset.withdrawn(), True
                    else:
                        yield windows.prompted(loaded, own, number, 0, withdrawn).codes
                place += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """codes: int64 [B, 17, P + W]; worker: which reader of this rank made it; state: that reader's place after it.

    An array, no tensor: a loader process that is told to stop while a tensor is on its way to shared memory is
    aborted by the C++ library under it.
    """

    codes: NDArray[np.int64]
    worker: int
    state: dict[str, int]


class _WorkerBatches(IterableDataset[Batch]):
    """Batches made in one process: a loader process, or this one when there is none."""

    def __init__(self, readers: list[WindowReader], batch_size: int, first: int) -> None:
        self.readers, self.batch_size, self.first = readers, batch_size, first

    def __iter__(self) -> Iterator[Batch]:
        process = get_worker_info()
        worker = (self.first + (process.id if process else 0)) % len(self.readers)
        reader = self.readers[worker]
        windows = iter(reader)
        while True:
            codes = np.stack([next(windows) for _ in range(self.batch_size)])
            yield Batch(codes=codes, worker=worker, state=reader.state_dict())


class LoaderState(TypedDict):
    """Places of one rank's readers, and which of them gives the next batch."""

    next: int
    readers: list[dict[str, int]]


class WindowBatches:
    """Endless batches [B, 17, P + W] of one rank, from `workers` loader processes in turn (0: read in this process).

    `state_dict` is the place after the last batch taken, whatever the processes have read ahead.
    """

    def __init__(self, windows: Windows, batch_size: int, *, workers: int = 0, rank: int = 0, world: int = 1) -> None:
        self._windows, self._batch_size, self._workers = windows, batch_size, workers
        self._rank, self._world = rank, world
        self._state = LoaderState(next=0, readers=[reader.state_dict() for reader in self._readers()])

    def _readers(self) -> list[WindowReader]:
        per_rank = max(self._workers, 1)
        first, readers = self._rank * per_rank, self._world * per_rank
        return [WindowReader(self._windows, first + worker, readers) for worker in range(per_rank)]

    def state_dict(self) -> LoaderState:
        """The place after the last batch taken, as JSON values."""
        return LoaderState(next=self._state["next"], readers=list(self._state["readers"]))

    def load_state_dict(self, state: LoaderState) -> None:
        """Go to the place that `state_dict` gave, before iterating. The number of workers must be the same."""
        if len(state["readers"]) != max(self._workers, 1):
            raise ValueError(f"state of {len(state['readers'])} readers for {self._workers} workers")
        self._state = LoaderState(next=state["next"], readers=list(state["readers"]))

    def __iter__(self) -> Iterator[torch.Tensor]:
        readers = self._readers()
        for reader, place in zip(readers, self._state["readers"], strict=True):
            reader.load_state_dict(place)
        batches = DataLoader(
            _WorkerBatches(readers, self._batch_size, self._state["next"]),
            batch_size=None,
            num_workers=self._workers,
            multiprocessing_context="spawn" if self._workers else None,
            worker_init_fn=leave_interrupts_to_the_trainer,
            generator=torch.Generator(),
        )
        for batch in batches:
            self._state["readers"][batch.worker] = batch.state
            self._state["next"] = (batch.worker + 1) % len(readers)
            yield torch.from_numpy(batch.codes)
