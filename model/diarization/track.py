"""One track of a recording, listened to block by block: what is known of two speakers, and what they make of it.

All times are in 20-ms frames of 480 samples at 24 kHz. Blocks lie at fixed places, so that nothing depends on how the
recording was read, and memory does not grow with it.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.diarization.networks import Networks
from model.separator.exemplars import choose, explain
from model.separator.known import EXAMPLES, Known
from model.separator.net import SPANS, TURNED_LIKENESS, TURNED_SCORES
from model.separator.spectrum import WINDOW, WINDOW_SHAPE, looked_at, spectrum
from model.speaker.windows import FRAME, Embedder

Bool = NDArray[np.bool_]
Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]

BLOCK: Final = 1_000  # frames
CONTEXT: Final = 100  # frames heard on either side of a block
UPDATES: Final = 10
NO_SPEECH: Final = -12.0  # scores where nobody can be heard
_LEVEL_FRAMES: Final = 500


class Track:
    """audio: int16 [samples] at 24 kHz, a memory map for long ones. speech: bool [samples // 480], generous.

    known: where the track is a part of a recording, what is known from the whole.
    """

    def __init__(self, audio: Int16, speech: Bool, networks: Networks, known: Known | None = None) -> None:
        self.audio, self.speech, self.networks = audio, speech, networks
        relative_to = (known.floor, known.mean) if known else None
        self.embedder = Embedder(networks.speaker, audio, speech, relative_to)

    def know(self, solo: Bool) -> Known:
        """The two speakers from the frames [2, T] in which each speaks alone, none of them empty."""
        random = np.random.default_rng(0)
        first, second = (choose(self.audio, np.flatnonzero(mask), EXAMPLES, random) for mask in solo)
        voices, level = self.embedder.voices(solo), self._level()
        return Known(first, second, voices, level, self.embedder.mean, self.embedder.floor)

    def _level(self) -> Tensor:
        """Mean magnitude of a bin in speech, [1], from frames all along the recording."""
        frames = np.flatnonzero(self.speech)
        frames = frames[(frames >= 1) & (frames < self.speech.size - 1)]
        frames = frames[np.linspace(0, frames.size - 1, min(frames.size, _LEVEL_FRAMES)).astype(np.int64)]
        pieces = _float(np.stack([self.audio[f * FRAME - FRAME : f * FRAME + FRAME] for f in frames]))
        level: Tensor = looked_at(torch.fft.rfft(pieces * WINDOW_SHAPE, WINDOW)).abs().mean()[None] + 1e-9
        return level

    def scores(self, known: Known, start: int, end: int, layer: nn.Linear | None = None) -> Float32:
        """Scores of speech in the frames start to end, [end - start, 3]; layer: instead of the trained one."""
        layer = layer or self.networks.separator.speech
        out = np.tile(np.array([NO_SPEECH, NO_SPEECH, 0.0], np.float32), (end - start, 1))
        some = known.some()
        for first in range(start, end, BLOCK):
            last = min(first + BLOCK, end)
            if self.speech[first:last].any():
                with torch.no_grad():
                    speech = layer(self._listen(some, first, last, UPDATES)[0])
                    out[first - start : last - start] = (speech[0] + speech[1][:, TURNED_SCORES]) / 2
        return out

    def hidden(self, known: Known, start: int, end: int) -> Tensor:
        """What the scores are made of, [2, end - start, 400]: with the two speakers in either order."""
        some = known.some()
        blocks = [(a, min(a + BLOCK, end)) for a in range(start, end, BLOCK)]
        with torch.no_grad():
            return torch.cat([self._listen(some, a, b, UPDATES)[0] for a, b in blocks], 1)

    def shares(self, known: Known, start: int, end: int, updates: int) -> Tensor:
        """Share of the first speaker in each bin of the frames start to end, [end - start, 320]."""
        with torch.no_grad():
            hidden, ratio = self._listen(known, start, end, updates)
            mask = ratio + self.networks.separator.mask(hidden)
            return torch.sigmoid((mask[0] - mask[1]) / 2)

    def _listen(self, known: Known, start: int, end: int, updates: int) -> tuple[Tensor, Tensor]:
        """See SeparatorNet.listen; a batch of two, the speakers in either order."""
        first, last = max(0, start - CONTEXT), min(self.speech.size, end + CONTEXT)
        inside = slice(start - first, end - first)
        audio = _float(self.audio[first * FRAME : last * FRAME])
        magnitude = looked_at(spectrum(audio[None]))[:, : last - first].abs()
        one, other = explain(magnitude, known.first, known.second, updates)
        like = self.embedder.likeness(first, last, known.voices, SPANS)[None]
        hidden, ratio = self.networks.separator.listen(
            magnitude.expand(2, -1, -1),
            torch.cat([one, other]),
            torch.cat([other, one]),
            torch.cat([like, like[..., TURNED_LIKENESS]]),
            known.level.expand(2),
        )
        return hidden[:, inside], ratio[:, inside]

    def power(self, frames: NDArray[np.int64]) -> Tensor:
        """Power of each bin in these frames, [n, 320]."""
        padded = np.concatenate([np.zeros(FRAME, np.int16), self.audio, np.zeros(FRAME, np.int16)])
        pieces = _float(np.stack([padded[f * FRAME : f * FRAME + WINDOW] for f in frames]))
        power: Tensor = looked_at(torch.fft.rfft(pieces * WINDOW_SHAPE)).abs().square()
        return power


def _float(audio: Int16) -> Tensor:
    return torch.from_numpy(audio.astype(np.float32) / np.float32(32768.0))
