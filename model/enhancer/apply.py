"""The enhancer over a stream: overlapping windows of one size, cross-faded, in bounded memory.

Windows lie on a fixed grid from the first sample on and always have the same size, on one thread, so that the bits do
not depend on how the stream was cut into blocks. A recording keeps one gain from start to end.
"""

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from model.codec_blocks import one_thread
from model.enhancer.net import BUILTIN_WEIGHTS, HOP, Enhancer
from model.fitting import load_net
from schemas.errors import UserError

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]

ADVANCE: Final = 250 * HOP  # 4 s
OVERLAP: Final = 60 * HOP  # 0.96 s that two windows share
MARGIN: Final = 20 * HOP  # 0.32 s at either end of it are taken from the one window that sees further
SPAN: Final = ADVANCE + OVERLAP


class EnhancerError(UserError):
    """The enhancer cannot be loaded: what is wrong, where, what to do."""


def load_enhancer(weights: Path = BUILTIN_WEIGHTS, device: str = "cpu") -> Enhancer:
    """The network with its weights, ready to use. Raises EnhancerError, or FitError for another network's weights."""
    if not weights.is_file():
        raise EnhancerError(
            f"no enhancer weights at {weights}: reinstall the package, or train with `duplexset fit enhancer`"
        )
    net = Enhancer()
    load_net(net, weights)
    return net.to(device).eval().requires_grad_(False)


class StreamingEnhancer:
    """The speech of a mono stream at 24 kHz, blocks of float32 [n] in [-1, 1] or int16 [n], as float32.

    What `push` and `flush` give, joined, has as many samples as the stream. `gain` brings the recording to the level
    that the network knows and is taken off again; see `model.enhancer.net.gain_for`.
    """

    def __init__(self, net: Enhancer, gain: float = 1.0) -> None:
        self._net = net
        self._gain = np.float32(gain)
        self._waiting = np.zeros(0, np.float32)  # from the start of the next window on
        self._blocks: list[Float32] = []
        self._held = 0
        self._tail: Float32 | None = None  # of the window before, over what it shares with the next one
        self._owed = 0

    def push(self, block: Float32 | Int16) -> Float32:
        """Take a block; give what is known by now, perhaps nothing."""
        audio = block.astype(np.float32) / np.float32(32_768) if block.dtype == np.int16 else block
        self._blocks.append(audio.astype(np.float32, copy=False))
        self._held += audio.size
        self._owed += audio.size
        return self._run() if self._waiting.size + self._held >= SPAN else np.zeros(0, np.float32)

    def flush(self) -> Float32:
        """The rest; the next push starts a new stream."""
        out = self._run()
        if self._tail is not None and self._owed <= OVERLAP:
            out = np.concatenate([out, self._tail[: self._owed]])
        elif self._owed:
            last = self._window(np.pad(self._waiting, (0, SPAN - self._waiting.size)))
            out = np.concatenate([out, last[: self._owed]])
        self._waiting, self._tail, self._owed = np.zeros(0, np.float32), None, 0
        return out

    def _run(self) -> Float32:
        self._waiting = np.concatenate([self._waiting, *self._blocks])
        self._blocks, self._held = [], 0
        out = [np.zeros(0, np.float32)]
        while self._waiting.size >= SPAN:
            joined = self._window(self._waiting[:SPAN])
            self._tail = joined[ADVANCE:]
            out.append(joined[:ADVANCE])
            self._owed -= ADVANCE
            self._waiting = self._waiting[ADVANCE:]
        self._waiting = self._waiting.copy()
        return np.concatenate(out)

    def _window(self, audio: Float32) -> Float32:
        """The speech in a window, float32 [SPAN], joined to the window before."""
        device = next(self._net.parameters()).device
        with one_thread():
            made = self._net(torch.from_numpy(audio * self._gain)[None].to(device))[0].cpu().numpy() / self._gain
        speech: Float32 = made.astype(np.float32)
        if self._tail is not None:
            speech[:OVERLAP] = self._tail + _RAMP * (speech[:OVERLAP] - self._tail)
        return speech


def _ramp() -> Float32:
    rise = np.linspace(0, 1, OVERLAP - 2 * MARGIN, dtype=np.float32)
    return np.concatenate([np.zeros(MARGIN, np.float32), rise, np.ones(MARGIN, np.float32)])


_RAMP: Final = _ramp()
