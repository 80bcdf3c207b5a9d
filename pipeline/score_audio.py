"""Audio for the scorer: any number of channels, in blocks of ten seconds on the 24-kHz clock."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray
from scipy.signal import correlate

from model.measures.separation import FrameSums, frame_sums, joined
from model.resample import Resampler, can_resample
from schemas.errors import UserError
from schemas.recording import SAMPLE_RATE_HZ
from stages.probe import AudioError, Track, open_track, probe

Float32 = NDArray[np.float32]

BLOCK_SAMPLES: Final = 10 * SAMPLE_RATE_HZ
LENGTH_TOLERANCE_S: Final = 1.0
_ALIKE: Final = 0.3


class ScoreError(UserError):
    """A recording, or all of them, cannot be scored; the message says which, why and what to do."""


def file_blocks(path: Path, what: str) -> Iterator[Float32]:
    """A file's audio as float32 [channels, n] at 24 kHz. `what`: what it is, for messages. Raises ScoreError."""
    try:
        with open_track(str(path)) as (container, stream, _):
            yield from _resampled(container, stream, f"{what} {path}")
    except AudioError as error:
        raise ScoreError(f"{what}: {error.detail}") from error


def flac_blocks(flac: bytes, where: str) -> Iterator[Float32]:
    """The same of the FLAC of a clip."""
    try:
        with av.open(io.BytesIO(flac), mode="r", format="flac", metadata_errors="replace") as container:
            yield from _resampled(container, container.streams.audio[0], where)
    except av.error.FFmpegError as error:
        raise ScoreError(f"{where} cannot be decoded ({error.strerror}): run `duplexset verify`") from error


def _resampled(container: InputContainer, stream: AudioStream, where: str) -> Iterator[Float32]:
    resampler: Resampler | None = None
    for rate_hz, block in _seconds(container, stream, where):
        if resampler is None:
            if not can_resample(rate_hz, SAMPLE_RATE_HZ):
                raise ScoreError(f"{where} has {rate_hz} Hz: convert it to 24000 Hz")
            resampler = Resampler(rate_hz, SAMPLE_RATE_HZ, block.shape[0])
        if not np.isfinite(block).all():
            raise ScoreError(f"{where} has NaN or infinite samples: export it anew")
        yield resampler.push(block)
    if resampler is None:
        raise ScoreError(f"{where} holds no sound: export it anew")
    yield resampler.flush()


def _seconds(container: InputContainer, stream: AudioStream, where: str) -> Iterator[tuple[int, Float32]]:
    """The rate and the audio [channels, n] in blocks of about a second."""
    planar = av.AudioResampler(format="fltp")
    shape: tuple[int, int] | None = None
    held: list[Float32] = []
    try:
        for frame in container.decode(stream):
            now = (frame.sample_rate, len(frame.layout.channels))
            shape = shape or now
            if now != shape:
                raise ScoreError(f"{where} changes its rate or channels on the way: export it anew")
            held += [part.to_ndarray().astype(np.float32, copy=False) for part in planar.resample(frame)]
            if sum(part.shape[1] for part in held) >= shape[0]:
                yield shape[0], np.concatenate(held, axis=1)
                held = []
    except av.error.FFmpegError as error:
        raise ScoreError(f"{where} cannot be read to its end: {error.strerror}; copy it again") from error
    if shape is not None and held:
        yield shape[0], np.concatenate(held, axis=1)


def track_of(path: Path, what: str) -> Track:
    """What a file says of its sound. Raises ScoreError."""
    try:
        return probe(str(path))
    except AudioError as error:
        raise ScoreError(f"{what}: {error.detail}") from error


class Cut:
    """A stream in blocks of a length that the reader asks for, zeros after its end; counts its samples."""

    def __init__(self, blocks: Iterator[Float32]) -> None:
        self._blocks = blocks
        self._held: Float32 = next(blocks)
        self.samples: int = self._held.shape[1]
        self.ended = False

    def take(self, n: int) -> Float32:
        """The next n samples, [channels, n]."""
        parts, held = [self._held], self._held.shape[1]
        while held < n and not self.ended:
            block = next(self._blocks, None)
            if block is None:
                self.ended = True
            else:
                parts.append(block)
                held += block.shape[1]
                self.samples += block.shape[1]
        audio = np.concatenate(parts, axis=1)
        self._held = audio[:, n:]
        return np.pad(audio[:, :n], ((0, 0), (0, max(0, n - held))))

    @property
    def n_channels(self) -> int:
        """How many channels the stream has."""
        return int(self._held.shape[0])

    @property
    def over(self) -> bool:
        """Whether everything was taken."""
        return self.ended and not self._held.shape[1]

    @property
    def length_s(self) -> float:
        """Of what was read, without the zeros."""
        return self.samples / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The frame sums of an output and its truth, and by how much the output is late (early below zero)."""

    sums: FrameSums
    late_ms: float


def compare(
    found: Iterator[Float32], truth: Iterator[Float32], mixture: Iterator[Float32] | None, length_s: float
) -> Compared:
    """Read three streams of one recording side by side; without a mixture, it is the sum of the true channels.

    Raises ScoreError where one is more than LENGTH_TOLERANCE_S longer or shorter than `length_s`.
    """
    streams = {"the output": Cut(found), "the true channels": Cut(truth)}
    if mixture is not None:
        streams["the mixture"] = Cut(mixture)
    sums = []
    loudest, late_ms = 0.0, 0.0
    while not all(stream.over for stream in streams.values()):
        made, true, *mixed = (stream.take(BLOCK_SAMPLES) for stream in streams.values())
        both = mixed[0].mean(axis=0) if mixed else true.sum(axis=0)
        sums.append(frame_sums(made, true, both))
        energy = float(sums[-1].found.sum()) * float(sums[-1].truth.sum())
        if energy > loudest:
            loudest, late_ms = energy, _late_ms(made.sum(axis=0), true.sum(axis=0))
    for what, stream in streams.items():
        require_length(what, stream.length_s, length_s)
    return Compared(sums=joined(sums), late_ms=late_ms)


def _late_ms(made: Float32, true: Float32) -> float:
    """By how much one signal is late, from the peak of their correlation; 0 where they are not alike."""
    products = np.abs(correlate(made, true, method="fft"))
    peak = int(products.argmax())
    alike = float(products[peak]) / float(np.linalg.norm(made) * np.linalg.norm(true) + 1e-12)
    return 1000.0 * (peak - (true.size - 1)) / SAMPLE_RATE_HZ if alike > _ALIKE else 0.0


def require_length(what: str, length_s: float, true_s: float) -> None:
    """Raise ScoreError where a length is not the truth's, by more than LENGTH_TOLERANCE_S."""
    if abs(length_s - true_s) > LENGTH_TOLERANCE_S:
        detail = f"{what} last{'' if what.endswith('s') else 's'} {length_s:.2f} s, by the truth it is {true_s:.2f} s"
        raise ScoreError(f"{detail}: bring them to one start and length")
