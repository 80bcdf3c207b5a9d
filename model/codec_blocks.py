"""Streaming in blocks of one size: however a stream is cut, the network sees the same blocks on one thread."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from model.codec_types import FRAME_SAMPLES, N_CODEBOOKS, CodeArray, FloatArray, check_audio

BLOCK_FRAMES = 25
BLOCK_SAMPLES = BLOCK_FRAMES * FRAME_SAMPLES


@contextmanager
def one_thread() -> Iterator[None]:
    """Run on one thread without gradients: sums are then added up in one order everywhere."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


class BlockEncoder(ABC):
    """Encoder of one channel; a codec says how it starts and what it makes of a block."""

    def __init__(self) -> None:
        self._waiting: FloatArray = np.zeros(0, np.float32)
        self._start()

    @abstractmethod
    def _start(self) -> None:
        """Set the state that is carried from block to block to that of a new stream."""

    @abstractmethod
    def _block(self, block: FloatArray) -> CodeArray:
        """float32 [BLOCK_SAMPLES] to int16 [8, BLOCK_FRAMES]."""

    def push(self, audio: FloatArray) -> CodeArray:
        """Codes int16 [8, frames] of the blocks that audio, float32 [samples], completes."""
        check_audio(audio)
        self._waiting = np.concatenate([self._waiting, audio.astype(np.float32, copy=False)])
        whole = self._waiting.size // BLOCK_SAMPLES * BLOCK_SAMPLES
        codes = [self._block(block) for block in self._waiting[:whole].reshape(-1, BLOCK_SAMPLES)]
        self._waiting = self._waiting[whole:].copy()
        return np.concatenate([np.zeros((N_CODEBOOKS, 0), np.int16), *codes], axis=1)

    def flush(self) -> CodeArray:
        """Codes of the rest, its last frame filled up with silence; the next push starts anew."""
        frames = -(-self._waiting.size // FRAME_SAMPLES)
        codes = np.zeros((N_CODEBOOKS, 0), np.int16)
        if frames:
            block = np.zeros(BLOCK_SAMPLES, np.float32)
            block[: self._waiting.size] = self._waiting
            codes = self._block(block)[:, :frames]
        self._waiting = np.zeros(0, np.float32)
        self._start()
        return codes
