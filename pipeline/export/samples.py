"""The samples of a dataset as an export sees them, one at a time."""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import av
import numpy as np
from numpy.typing import NDArray

from model.codec import Codec
from model.resample import to_int16
from model.sample_files import SampleError, Word, array_of, codes_of, read_files, words_of
from pipeline.decode import decode_channels
from pipeline.export.errors import ExportError
from schemas.recording import SAMPLE_RATE_HZ
from schemas.shard import ClipRow
from stages.tokenize import flac_of

SHORTEST_WORD_S: Final = 0.02
IN_SAMPLES: Final = ("voices", "prompt_codes")  # facts that mean nothing without the samples' voices.npy

Words = tuple[list[Word], list[Word]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A clip with the files of its sample by suffix. `codec`: makes its audio, None where the FLAC is taken."""

    row: ClipRow
    files: Mapping[str, bytes]
    codec: Codec | None = None

    @property
    def codes(self) -> NDArray[np.int16]:
        """The codec tokens, int16 [2, 8, frames]. Raises ExportError."""
        return self._read("codes.npy", lambda npy: codes_of(npy, self.row.n_frames))

    @property
    def words(self) -> Words:
        """The words of either channel: see `spoken`. Raises ExportError."""
        first, second = self._read("words.json", words_of)
        length_s = n_samples(self.row) / SAMPLE_RATE_HZ
        return spoken(first, length_s), spoken(second, length_s)

    @property
    def turns(self) -> NDArray[np.int8]:
        """The turn states, int8 [2, frames]. Raises ExportError."""
        return self._read("turns.npy", lambda npy: array_of(npy, np.int8, (2, self.row.n_frames)))

    def _read(self, suffix: str, read: Callable[[bytes], T]) -> T:
        try:
            return read(self.files.get(suffix, b""))
        except SampleError as error:
            raise ExportError(f"clip {self.row.clip_id}: {suffix}: {error}; run `duplexset verify`") from error

    def pcm(self) -> NDArray[np.int16]:
        """The sound of both channels, int16 [2, samples] at 24 kHz. Raises ExportError."""
        if self.codec is not None:
            return to_int16(decode_channels(self.codec, self.codes)[:, : n_samples(self.row)])
        pcm = _pcm_of(self.flac(), self.row.clip_id)
        if pcm.shape != (2, n_samples(self.row)):
            raise ExportError(
                f"clip {self.row.clip_id}: its FLAC has {pcm.shape[1]} samples on {pcm.shape[0]} channels, "
                f"not {n_samples(self.row)} on 2; run `duplexset verify`"
            )
        return pcm

    def flac(self) -> bytes:
        """The same sound as a FLAC file. Raises ExportError."""
        if self.codec is not None:
            return flac_of(self.pcm())
        if "flac" not in self.files:
            raise ExportError(f"clip {self.row.clip_id} has no audio though others have; build the dataset again")
        return self.files["flac"]


def n_samples(row: ClipRow) -> int:
    """Length of a clip at 24 kHz."""
    return round(row.duration_s * SAMPLE_RATE_HZ)


def spoken(words: list[Word], length_s: float) -> list[Word]:
    """Words by start, inside the clip, each at least 20 ms long; blank ones are left out.

    Readers drop words that do not end after they start, that start before 0 or at the clip's end.
    """
    kept = []
    for text, stated_start_s, stated_end_s, confidence in words:
        if text.strip():
            start_s = min(max(stated_start_s, 0.0), length_s - SHORTEST_WORD_S)
            end_s = min(max(stated_end_s, start_s + SHORTEST_WORD_S), length_s)
            kept.append((text.strip(), start_s, end_s, confidence))
    return sorted(kept, key=lambda word: word[1:3])


def read_sample(out: Path, row: ClipRow, codec: Codec | None = None) -> Sample:
    """All files of a sample, checked against the digest in the index. Raises ExportError."""
    with _shard(out, row) as file:
        file.seek(row.offset or 0)
        data = file.read(row.length or 0)
        if hashlib.sha256(data).hexdigest() != row.sha256:
            raise SampleError("its bytes changed")
        files = read_files(io.BytesIO(data), row.clip_id, 0, len(data))
    return Sample(row=row, files=files, codec=codec)


def read_words(out: Path, row: ClipRow) -> Words:
    """The words of a clip, without reading its codes and its audio. Raises ExportError."""
    with _shard(out, row) as file:
        files = read_files(file, row.clip_id, row.offset or 0, row.length or 0, lambda suffix: suffix == "words.json")
    return Sample(row=row, files=files).words


@contextmanager
def _shard(out: Path, row: ClipRow) -> Iterator[BinaryIO]:
    path = out / "shards" / str(row.shard)
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as error:
        raise ExportError(f"{path}: no such shard; check the dataset with `duplexset verify`") from error
    except SampleError as error:
        raise ExportError(
            f"{path}: clip {row.clip_id} is damaged ({error}); check the dataset with `duplexset verify`"
        ) from error


def _pcm_of(flac: bytes, clip_id: str) -> NDArray[np.int16]:
    """int16 [channels, samples] of a FLAC file."""
    planar = av.AudioResampler(format="s16p")
    try:
        with av.open(io.BytesIO(flac), mode="r", format="flac", metadata_errors="replace") as container:
            blocks = [b.to_ndarray() for frame in container.decode(audio=0) for b in planar.resample(frame)]
        pcm: NDArray[np.int16] = np.concatenate(blocks, axis=1)
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise ExportError(f"clip {clip_id}: its FLAC cannot be decoded ({error}); run `duplexset verify`") from error
    return pcm
