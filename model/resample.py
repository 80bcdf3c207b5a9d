"""Streaming sample-rate conversion: torchaudio's windowed sinc, block by block, and int16 PCM."""

import math
from typing import Final

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]

# A Kaiser window of 24 zero crossings: flat (0.05 dB) to 0.86 of the lower Nyquist frequency, aliases 65 dB down from
# 1.04 of it.
SINC_ZEROS: Final = 24
SINC_ROLLOFF: Final = 0.945
KAISER_BETA: Final = 8.0
MAX_KERNEL_TAPS: Final = 1 << 24  # 64 MB; rates that share no useful factor ask for more
LOWEST_HZ, HIGHEST_HZ = 1_000, 1_000_000
_MIN_PRODUCT_WIDTH: Final = 16  # outputs per matrix row: a wide product is several times faster than a narrow one


def output_length(n_in: int, source_hz: int, target_hz: int) -> int:
    """Samples at `target_hz` that cover `n_in` samples at `source_hz`: ceil(n_in * target_hz / source_hz)."""
    return -(-n_in * target_hz // source_hz)


def can_resample(source_hz: int, target_hz: int) -> bool:
    """False for rates that no sound has (a second of it would be hours, or gigabytes), or whose ratio needs a filter
    bank too large to hold."""
    if not LOWEST_HZ <= source_hz <= HIGHEST_HZ:
        return False
    common = math.gcd(source_hz, target_hz)
    source, target = source_hz // common, target_hz // common
    return target * (source + 2 * _width(source, target)) <= MAX_KERNEL_TAPS


def to_int16(audio: Float32) -> Int16:
    """float32 in [-1, 1) to int16, rounded to nearest; louder samples saturate."""
    pcm: Int16 = np.clip(np.rint(audio * 32768.0), -32768, 32767).astype(np.int16)
    return pcm


def _width(source: int, target: int) -> int:
    """Input samples on either side of an output sample that torchaudio's kernel reaches."""
    return math.ceil(SINC_ZEROS * source / (min(source, target) * SINC_ROLLOFF))


def _filter_bank(source: int, target: int, periods: int) -> torch.Tensor:
    """torchaudio's kernel for `periods` periods at once, float32 [taps, target * periods]: one matrix product."""
    transform = torchaudio.transforms.Resample(
        source,
        target,
        resampling_method="sinc_interp_kaiser",
        lowpass_filter_width=SINC_ZEROS,
        rolloff=SINC_ROLLOFF,
        beta=KAISER_BETA,
    )
    kernel = transform.kernel[:, 0, :]  # [target, source + 2 * width]
    bank = torch.zeros(periods, target, source * (periods - 1) + kernel.shape[1])
    for i in range(periods):
        bank[i, :, i * source : i * source + kernel.shape[1]] = kernel
    return bank.reshape(periods * target, -1).T.contiguous()


class Resampler:
    """Resamples a stream of float32 [channels, n] blocks from `source_hz` to `target_hz`.

    What `push` and `flush` give, joined, is torchaudio's one-shot result within float rounding and of exactly
    `output_length` samples. The work is done in steps of a fixed size, so the bits do not depend on how the stream
    was cut into blocks. Raises ValueError for rates that `can_resample` refuses.
    """

    def __init__(self, source_hz: int, target_hz: int, channels: int) -> None:
        if not can_resample(source_hz, target_hz):
            raise ValueError(f"cannot resample from {source_hz} Hz to {target_hz} Hz")
        common = math.gcd(source_hz, target_hz)
        self._source, self._target = source_hz // common, target_hz // common
        self._same = source_hz == target_hz
        self._width = _width(self._source, self._target)
        self._pending = np.zeros((channels, self._width), np.float32)  # begins `width` before the next step
        self._blocks: list[Float32] = []
        self._n_in = self._n_out = self._held = 0
        if self._same:
            return
        periods = -(-_MIN_PRODUCT_WIDTH // self._target)
        self._bank = _filter_bank(self._source, self._target, periods)
        self._stride = periods * self._source
        rows = -(-source_hz // self._stride)  # a step is about a second
        self._step_in, self._step_out = rows * self._stride, rows * periods * self._target
        self._window = self._step_in - self._stride + self._bank.shape[0]

    def push(self, block: Float32) -> Float32:
        """Take a block [channels, n]; give what can be computed by now, possibly [channels, 0]."""
        if self._same:
            return block
        self._blocks.append(block)
        self._n_in += block.shape[1]
        self._held += block.shape[1]
        if self._pending.shape[1] + self._held < self._window:
            return block[:, :0]
        return self._run()

    def flush(self) -> Float32:
        """The rest of the output after the last block; the stream ends here."""
        missing = output_length(self._n_in, self._source, self._target) - self._n_out
        if missing <= 0:
            return self._pending[:, :0]
        steps = -(-missing // self._step_out)
        padding = self._window + (steps - 1) * self._step_in - self._pending.shape[1] - self._held
        self._blocks.append(np.zeros((self._pending.shape[0], max(0, padding)), np.float32))
        return self._run()[:, :missing]

    def _run(self) -> Float32:
        audio = torch.from_numpy(np.concatenate([self._pending, *self._blocks], axis=1))
        steps = (audio.shape[1] - self._window) // self._step_in + 1
        taps = self._bank.shape[0]
        out = []
        for start in range(0, steps * self._step_in, self._step_in):
            windows = audio[:, start : start + self._window].unfold(1, taps, self._stride)
            out.append((windows @ self._bank).reshape(audio.shape[0], self._step_out))
        self._pending = audio[:, steps * self._step_in :].numpy().copy()
        self._blocks, self._held = [], 0
        self._n_out += steps * self._step_out
        return torch.cat(out, dim=1).numpy()
