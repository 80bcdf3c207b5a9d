"""What every codec of the project looks like; import it from `model.codec`."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.errors import UserError

SAMPLE_RATE_HZ = 24_000
FRAME_SAMPLES = 1_920
N_CODEBOOKS = 8
CARDINALITY = 2_048

FloatArray = NDArray[np.float32]
CodeArray = NDArray[np.int16]


class CodecError(UserError):
    """A codec cannot be loaded, or audio or codes do not fit it: what, where, what to do."""


class Encoder(Protocol):
    """Codes of one channel, as it comes in. Any cutting of the audio gives the same codes."""

    def push(self, audio: FloatArray) -> CodeArray:
        """Take the next samples, float32 [samples]; returns the codes that are ready, int16 [8, frames]."""
        ...

    def flush(self) -> CodeArray:
        """End the channel, its last frame filled up with silence; returns the rest. The next push starts anew."""
        ...


class Decoder(Protocol):
    """Audio of one channel from its codes, as they come in. Any cutting of the codes gives the same audio."""

    def push(self, codes: CodeArray) -> FloatArray:
        """Take the next codes, int16 [8, frames]; returns the samples that are ready, float32 [samples]."""
        ...

    def flush(self) -> FloatArray:
        """End the channel; returns the rest: 1,920 samples per frame in all. The next push starts anew."""
        ...


class Codec(Protocol):
    """A codec with its weights: 24 kHz, 12.5 frames/s, 8 codebooks of 2,048, causal."""

    @property
    def name(self) -> str:
        """How it was asked for."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of its weights."""
        ...

    def encoder(self) -> Encoder:
        """A new channel to encode."""
        ...

    def decoder(self) -> Decoder:
        """A new channel to decode."""
        ...


def check_audio(audio: FloatArray) -> None:
    """Raise CodecError unless the audio is one channel of finite samples."""
    if audio.ndim != 1:
        raise CodecError(f"audio of shape {list(audio.shape)}: encode one channel at a time, float32 [samples]")
    if not np.isfinite(audio).all():
        raise CodecError("audio holds NaN or infinite samples: clean it before encoding")


def check_codes(codes: CodeArray) -> None:
    """Raise CodecError unless the codes are [8, frames] within the codebooks."""
    if codes.ndim != 2 or codes.shape[0] != N_CODEBOOKS:
        raise CodecError(f"codes of shape {list(codes.shape)}: decode one channel at a time, int16 [8, frames]")
    if codes.size and not (codes.min() >= 0 and codes.max() < CARDINALITY):
        raise CodecError(f"codes from {codes.min()} to {codes.max()}: they run from 0 to {CARDINALITY - 1}")
