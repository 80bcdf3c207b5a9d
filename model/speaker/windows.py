"""Embeddings all along a recording: of short windows, of known voices, and how alike the two are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.speaker.net import BANDS, CHANNELS, FRAME_RATE_HZ, HOP, MelPower, SpeakerNet

Bool = NDArray[np.bool_]
Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]

FRAME: Final = 2 * HOP  # samples of a pooled frame, 20 ms
WINDOW_FRAMES: Final = 75  # 1.5 s
STEP_FRAMES: Final = 5  # 0.1 s
MIN_SPEECH: Final = 0.5  # of a window
_BLOCK_FRAMES: Final = 1_500  # computed at a time, at places that do not depend on the recording's length
_RECENT: Final = 8
"""Blocks whose sums are kept, 4 MiB each: four minutes. The same voices are asked for again and again."""
_CONTEXT: Final = 25  # frames that the network sees on either side of one
_FLOOR: Final = 3e-6  # of the mean power of a band in speech


@dataclass(frozen=True, slots=True)
class Windows:
    """Embeddings float32 [W, 128] of unit length and the frame (20 ms) each is centred on, ascending, int64 [W]."""

    embeddings: Float32
    centres: NDArray[np.int64]


def frame_flags(flags: NDArray[np.generic], rate_hz: float, frames: int) -> NDArray[np.generic]:
    """Values at `rate_hz` [..., n] as values per 20-ms frame [..., frames]: what holds at the frame's middle."""
    at = ((np.arange(frames) + 0.5) / FRAME_RATE_HZ * rate_hz).astype(np.int64)
    return flags[..., np.minimum(at, flags.shape[-1] - 1)]


class Embedder:
    """The speaker network over one recording, in blocks.

    audio: int16 [samples] at 24 kHz (a memory map will do). speech: bool [samples // 480], per frame of 20 ms.
    relative_to: floor [1] and mean log-mel [68] of the speech of the whole recording, where this is a part of one.
    """

    def __init__(
        self, net: SpeakerNet, audio: Int16, speech: Bool, relative_to: tuple[Tensor, Tensor] | None = None
    ) -> None:
        self._net, self._audio, self._speech = net, audio, speech
        self._mel = MelPower()
        self._recent: dict[int, Tensor] = {}
        self.floor, self.mean = relative_to or self._recording_mean()

    def windows(self) -> Windows:
        """Every window in which at least half is speech, embedded from the speech in it."""
        embeddings = [np.zeros((0, self._net.embed.out_features), np.float32)]
        centres = [np.zeros(0, np.int64)]
        for start in range(0, self._speech.size, _BLOCK_FRAMES):
            end = min(start + _BLOCK_FRAMES + WINDOW_FRAMES - STEP_FRAMES, self._speech.size)
            use = self._use(start, end)
            if use.numel() < WINDOW_FRAMES:
                continue
            use_WN = use.unfold(0, WINDOW_FRAMES, STEP_FRAMES)
            keep = torch.nonzero(use_WN.mean(1) >= MIN_SPEECH)[:, 0]
            if keep.numel():
                with torch.inference_mode():
                    cut = self._frames(start, end).unfold(1, WINDOW_FRAMES, STEP_FRAMES)[:, keep].transpose(0, 1)
                    embeddings.append(self._net.pool(cut, use_WN[keep]).numpy())
                centres.append(start + STEP_FRAMES * keep.numpy() + WINDOW_FRAMES // 2)
        return Windows(np.concatenate(embeddings), np.concatenate(centres))

    def voices(self, solo: Bool) -> Tensor:
        """Embeddings [n, E] of speakers from the frames [n, T] in which each speaks alone."""
        sums = torch.zeros(len(solo), 4 * CHANNELS + 1)
        with torch.inference_mode():
            for start in range(0, self._speech.size, _BLOCK_FRAMES):
                own = torch.from_numpy(solo[:, start : start + _BLOCK_FRAMES].astype(np.float32))
                if own.any():
                    sums = sums + own @ self._weighted(start, start + own.shape[1]).T
            return self._net.finish(torch.as_tensor(sums))

    def _weighted(self, start: int, end: int) -> Tensor:
        """See SpeakerNet.weighted; of a block, or as it is remembered."""
        made = self._recent.pop(start, None)
        if made is None:
            made = self._net.weighted(self._frames(start, end)[None], self._use(start, end)[None])[0]
        self._recent[start] = made
        if len(self._recent) > _RECENT:
            del self._recent[next(iter(self._recent))]
        return made

    def likeness(self, start: int, end: int, voices: Tensor, spans: tuple[int, ...]) -> Tensor:
        """Cosines of what is around each frame to two voices: [end - start, 2 len(spans)], first voice first."""
        first, last = max(0, start - max(spans) // 2), min(self._speech.size, end + max(spans) // 2)
        frames, use = self._frames(first, last)[None], self._use(first, last)[None]
        around = [self._net.follow(frames, use, s)[0, start - first : end - first] @ voices.T for s in spans]
        return torch.stack([a[:, v] for v in (0, 1) for a in around], 1)

    def _use(self, start: int, end: int) -> Tensor:
        return torch.from_numpy(self._speech[start:end].astype(np.float32))

    def _frames(self, start: int, end: int) -> Tensor:
        """What the network pools, [2 C + 1, end - start], for frames `start` to `end`."""
        first, last = max(0, start - _CONTEXT), min(self._audio.size // FRAME, end + _CONTEXT)
        log_mel = (self._power(first, last) + self.floor).log() - self.mean
        return self._net.frames(log_mel[None])[0, :, start - first : end - first]

    def _power(self, first: int, last: int) -> Tensor:
        samples = self._audio[first * FRAME : last * FRAME].astype(np.float32) / np.float32(32768.0)
        power: Tensor = self._mel(torch.from_numpy(samples))
        return power

    def _speech_power(self) -> Iterator[Tensor]:
        """Mel power of the frames of speech, [n, 68], block by block."""
        for start in range(0, self._speech.size, _BLOCK_FRAMES):
            inside = self._speech[start : start + _BLOCK_FRAMES]
            if inside.any():
                yield self._power(start, start + inside.size)[torch.from_numpy(np.repeat(inside, 2))]

    def _recording_mean(self) -> tuple[Tensor, Tensor]:
        """The floor added to the power of a band, and the mean log-mel [68] of the speech."""
        count = max(2 * int(self._speech.sum()), 1)
        power = sum(float(mel.sum(dtype=torch.float64)) for mel in self._speech_power()) / count
        floor = torch.tensor([_FLOOR * power / BANDS + 1e-15])
        total = torch.zeros(BANDS, dtype=torch.float64)
        for mel in self._speech_power():
            total += (mel + floor).log().sum(0, dtype=torch.float64)
        return floor, (total / count).float()
