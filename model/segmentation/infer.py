"""Local activity: the segmentation network over a recording of any length, window by window, in bounded memory."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from model.resample import Float32, Int16, Resampler
from model.segmentation.net import (
    FRAME_CENTRE,
    FRAME_SAMPLES,
    MAX_SPEAKERS,
    SEGMENTATION_RATE_HZ,
    WINDOW_FRAMES,
    WINDOW_SAMPLES,
    normalised,
    powerset,
)

SOURCE_RATE_HZ: Final = 24_000
STEP_FRAMES: Final = 148  # about 2.5 s
_BATCH: Final = 8  # always this many at once: the bits do not depend on how the stream was cut


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalActivity:
    """What the network says of a recording.

    starts: int64 [windows], the frame of the recording that each window begins with. activity: float16 [windows,
    589, 3], how likely each local speaker is active; the order of the three means nothing from window to window.
    count: float32 [frames, 2], how likely at least one and at least two speak, averaged over the windows that see
    the frame; a frame in the middle of a window counts more than one at its edge.
    """

    starts: NDArray[np.int64]
    activity: NDArray[np.float16]
    count: NDArray[np.float32]

    @staticmethod
    def frame_s(frame: int) -> float:
        """The time in the middle of what a frame of the recording sees; frames are 270/16000 s apart."""
        return (FRAME_CENTRE + FRAME_SAMPLES * frame) / SEGMENTATION_RATE_HZ


class StreamingSegmenter:
    """Takes a recording as int16 blocks [n] at 24 kHz; `flush` gives its LocalActivity.

    Windows of 10 s begin every `step_frames` frames; the last one ends with the recording. A recording shorter than a
    window is filled up with silence. overlap_bias is added to the log-probability of the classes in which two speak:
    the training had more overlap than there is in most recordings. Holds half a minute of audio beside a
    block, and 4 kB of results per second.
    """

    def __init__(self, net: nn.Module, step_frames: int = STEP_FRAMES, overlap_bias: float = 0.0) -> None:
        if not 1 <= step_frames <= WINDOW_FRAMES:
            raise ValueError(f"a step of {step_frames} frames leaves gaps: give 1 to {WINDOW_FRAMES}")
        self._net = net.eval()
        self._conversion = powerset()
        self._bias = torch.zeros(len(self._conversion.mapping))
        self._bias[1 + MAX_SPEAKERS :] = overlap_bias
        self._step = step_frames
        self._resampler = Resampler(SOURCE_RATE_HZ, SEGMENTATION_RATE_HZ, 1)
        self._blocks: list[Float32] = []
        self._held = self._first = 0  # samples held, and the recording's sample that they begin with
        self._next = 0  # frame that the next window begins with
        self._starts: list[int] = []
        self._activity: list[NDArray[np.float16]] = []
        self._sums = np.zeros((0, 3), np.float64)  # weighted probabilities of one and of two, and the weights
        self._weights = np.hamming(WINDOW_FRAMES)

    @property
    def held_s(self) -> float:
        """Seconds of audio held."""
        return self._held / SEGMENTATION_RATE_HZ

    def push(self, block: Int16) -> None:
        """Take the next block."""
        self._add(self._resampler.push(block[None].astype(np.float32) / np.float32(32_768)))
        if self._ready() >= _BATCH:
            audio = self._join()
            while self._ready() >= _BATCH:
                self._run(audio, [self._next + i * self._step for i in range(_BATCH)])
                self._next += _BATCH * self._step
            self._keep(audio)

    def flush(self) -> LocalActivity:
        """The result; the stream ends here."""
        self._add(self._resampler.flush())
        audio = self._join()
        length = self._first + audio.size
        last = max(0, -(-(length - WINDOW_SAMPLES) // FRAME_SAMPLES))  # the window that reaches the end
        starts = [*range(self._next, last, self._step), last] if length else []
        if self._starts and self._starts[-1] == last:
            starts = []
        for i in range(0, len(starts), _BATCH):
            self._run(audio, starts[i : i + _BATCH])
        frames = max(0, -(-(length - FRAME_CENTRE) // FRAME_SAMPLES))  # whose middle lies in the recording
        return LocalActivity(
            starts=np.array(self._starts, np.int64),
            activity=np.concatenate(self._activity)
            if self._activity
            else np.zeros((0, WINDOW_FRAMES, MAX_SPEAKERS), np.float16),
            count=self._count(frames),
        )

    def _add(self, audio: Float32) -> None:
        self._blocks.append(audio[0])
        self._held += audio.shape[1]

    def _join(self) -> Float32:
        return np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.float32)

    def _keep(self, audio: Float32) -> None:
        """Let go of what no window to come begins before, the last one included, which may begin earlier."""
        start = max(0, min(self._next * FRAME_SAMPLES, self._first + audio.size - WINDOW_SAMPLES - FRAME_SAMPLES))
        kept = audio[max(0, start - self._first) :].copy()
        self._first += audio.size - kept.size
        self._blocks, self._held = [kept], kept.size

    def _ready(self) -> int:
        """Windows of the regular step that are wholly there."""
        spare = self._first + self._held - self._next * FRAME_SAMPLES - WINDOW_SAMPLES
        return spare // (self._step * FRAME_SAMPLES) + 1 if spare >= 0 else 0

    def _run(self, audio: Float32, starts: list[int]) -> None:
        windows = np.zeros((_BATCH, WINDOW_SAMPLES), np.float32)
        for window, start in zip(windows, starts, strict=False):
            at = start * FRAME_SAMPLES - self._first
            piece = audio[at : at + WINDOW_SAMPLES]
            window[: piece.size] = piece
        with torch.inference_mode():
            scores = self._net(normalised(torch.from_numpy(windows)).unsqueeze(1))
            scores = (scores + self._bias).log_softmax(dim=2)
            active = self._conversion.to_multilabel(scores, soft=True)
        probabilities = scores[: len(starts)].double().exp().numpy()
        one = 1.0 - probabilities[:, :, 0]
        two = probabilities[:, :, 1 + MAX_SPEAKERS :].sum(axis=2)
        self._starts += starts
        self._activity.append(active[: len(starts)].numpy().astype(np.float16))
        self._average(starts, one, two)

    def _average(self, starts: list[int], one: NDArray[np.float64], two: NDArray[np.float64]) -> None:
        end = starts[-1] + WINDOW_FRAMES
        if end > len(self._sums):
            grown = np.zeros((max(end, 2 * len(self._sums)), 3))
            grown[: len(self._sums)] = self._sums
            self._sums = grown
        for start, p_one, p_two in zip(starts, one, two, strict=True):
            part = self._sums[start : start + WINDOW_FRAMES]
            part += np.stack([p_one, p_two, np.ones(WINDOW_FRAMES)], axis=1) * self._weights[:, None]

    def _count(self, frames: int) -> NDArray[np.float32]:
        """float32 [frames, 2]; the last frames, which no window sees whole, are like the one before them."""
        seen = int(np.flatnonzero(self._sums[:, 2]).max(initial=-1)) + 1
        out = np.zeros((frames, 2), np.float32)
        whole = min(seen, frames)
        if whole:
            out[:whole] = self._sums[:whole, :2] / self._sums[:whole, 2:]
            out[whole:] = out[whole - 1]
        return out


def local_activity(
    net: nn.Module, audio: Int16, step_frames: int = STEP_FRAMES, overlap_bias: float = 0.0
) -> LocalActivity:
    """A whole recording at once: int16 [S] at 24 kHz. See StreamingSegmenter."""
    segmenter = StreamingSegmenter(net, step_frames, overlap_bias)
    segmenter.push(audio)
    return segmenter.flush()
