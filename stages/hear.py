"""The track of a mixture as it is heard: streamed, or kept beside the memory while a stage works on all of it."""

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.resample import Resampler, to_int16
from model.vad import SileroNetwork, StreamingVad
from schemas.recording import SAMPLE_RATE_HZ, Mixture
from stages.decode import decode

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]

LET_GO_SAMPLES: Final = 100_000


def mono_blocks(row: Mixture) -> Iterator[Float32]:
    """The mixture in blocks, float32 [n] at 24 kHz, `row.n_samples` in all. Raises AudioError."""
    tracks = list(row.tracks)
    offset = np.float32(row.offset)
    resampler = Resampler(row.recording.sample_rate_hz, SAMPLE_RATE_HZ, 1)
    for block in decode(row.recording.source):
        yield resampler.push(block[tracks].mean(axis=0, keepdims=True) - offset)[0]
    yield resampler.flush()[0]


@dataclass(frozen=True, slots=True)
class Heard:
    """A track, int16 [samples], and its probability of speech, float16 [ceil(samples / 768)]."""

    audio: Int16
    speech: NDArray[np.float16]


class Spooled(np.memmap[Any, np.dtype[np.int16]]):
    """A mapped file. What was read of it is let go of whenever a longer piece is read, so that it is no memory."""

    def __getitem__(self, key: Any) -> Any:
        """What an array gives."""
        pages: mmap.mmap | None = self._mmap  # type: ignore[attr-defined]  # None for a copy
        if pages is not None and isinstance(key, slice) and len(range(*key.indices(self.size))) >= LET_GO_SAMPLES:
            pages.madvise(mmap.MADV_DONTNEED)
        return super().__getitem__(key)


@contextmanager
def heard(blocks: Iterable[Float32 | Int16], network: SileroNetwork) -> Iterator[Heard]:
    """Put a mono stream at 24 kHz into a file without a name, which is gone afterwards, and listen for speech.

    Memory does not grow with the recording; the file takes 173 MB an hour where Python's `tempfile` puts it (TMPDIR).
    """
    vad = StreamingVad(network, 1)
    speech: list[NDArray[np.float16]] = []
    with tempfile.TemporaryFile() as file:
        for block in blocks:
            pcm = block if block.dtype == np.int16 else to_int16(block.astype(np.float32, copy=False))
            file.write(pcm.tobytes())
            speech.append(vad.push(pcm.astype(np.int16, copy=False)[None])[0])
        speech.append(vad.flush()[0])
        file.flush()
        audio = Spooled(file, np.int16, mode="r", shape=(file.tell() // 2,))
        yield Heard(audio=audio, speech=np.concatenate(speech))
