"""The samples of a dataset as an export sees them, one at a time."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import av
import numpy as np
from numpy.typing import NDArray

from model.codec import Codec
from model.resample import to_int16
from model.streams import Word
from pipeline.decode import decode_channels
from pipeline.export.errors import ExportError
from schemas.recording import SAMPLE_RATE_HZ
from schemas.shard import ClipRow
from stages.tokenize import flac_of

SHORTEST_WORD_S: Final = 0.02
IN_SAMPLES: Final = ("voices", "prompt_codes")  # facts that mean nothing without the samples' voices.npy

Words = tuple[list[Word], list[Word]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A clip with the files of its sample by suffix. `codec`: makes its audio, None where the FLAC is taken."""

    row: ClipRow
    files: Mapping[str, bytes]
    codec: Codec | None = None

    @property
    def codes(self) -> NDArray[np.int16]:
        """The codec tokens, int16 [2, 8, frames]."""
        return _array(self.files["codes.npy"])

    @property
    def words(self) -> Words:
        """The words of either channel: see `spoken`."""
        first, second = json.loads(self.files["words.json"])
        length_s = n_samples(self.row) / SAMPLE_RATE_HZ
        return spoken(first, length_s), spoken(second, length_s)

    @property
    def turns(self) -> NDArray[np.int8]:
        """The turn states, int8 [2, frames]."""
        return _array(self.files["turns.npy"])

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
    with _at(out, row) as file:
        data = file.read(row.length or 0)
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise _damaged(out, row)
    return Sample(row=row, files=dict(_members(io.BytesIO(data), row, lambda _: True)), codec=codec)


def read_words(out: Path, row: ClipRow) -> Words:
    """The words of a clip, without reading its codes and its audio. Raises ExportError."""
    with _at(out, row) as file:
        files = dict(_members(file, row, lambda suffix: suffix == "words.json"))
    try:
        return Sample(row=row, files=files).words
    except (KeyError, ValueError) as error:
        raise _damaged(out, row) from error


@contextmanager
def _at(out: Path, row: ClipRow) -> Iterator[BinaryIO]:
    """The shard, at the clip's first byte."""
    path = out / "shards" / str(row.shard)
    try:
        with path.open("rb") as file:
            file.seek(row.offset or 0)
            yield file
    except FileNotFoundError as error:
        raise ExportError(f"{path}: no such shard; check the dataset with `duplexset verify`") from error
    except tarfile.TarError as error:
        raise _damaged(out, row) from error


def _damaged(out: Path, row: ClipRow) -> ExportError:
    where = out / "shards" / str(row.shard)
    return ExportError(f"{where}: clip {row.clip_id} is damaged; check the dataset with `duplexset verify`")


def _members(file: BinaryIO, row: ClipRow, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """(suffix, content) of those files of a sample that are wanted. Raises tarfile.TarError."""
    left = row.length or 0
    while left > 0:
        header = tarfile.TarInfo.frombuf(file.read(tarfile.BLOCKSIZE), "utf-8", "strict")
        suffix, size = header.name.removeprefix(f"{row.clip_id}."), -(-header.size // tarfile.BLOCKSIZE)
        if wanted(suffix):
            yield suffix, file.read(size * tarfile.BLOCKSIZE)[: header.size]
        else:
            file.seek(size * tarfile.BLOCKSIZE, io.SEEK_CUR)
        left -= (1 + size) * tarfile.BLOCKSIZE


def _array(npy: bytes) -> NDArray[Any]:
    array: NDArray[Any] = np.load(io.BytesIO(npy), allow_pickle=False)
    return array


def _pcm_of(flac: bytes, clip_id: str) -> NDArray[np.int16]:
    """int16 [channels, samples] of a FLAC file."""
    planar = av.AudioResampler(format="s16p")
    try:
        with av.open(io.BytesIO(flac), mode="r", format="flac") as container:
            blocks = [b.to_ndarray() for frame in container.decode(audio=0) for b in planar.resample(frame)]
        pcm: NDArray[np.int16] = np.concatenate(blocks, axis=1)
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise ExportError(f"clip {clip_id}: its FLAC cannot be decoded ({error}); run `duplexset verify`") from error
    return pcm
