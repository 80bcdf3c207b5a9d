"""The codec: audio of one channel to discrete codes and back.

24 kHz, 12.5 frames/s, 8 codebooks of 2,048. Frame t holds the samples from t * 1,920 and depends on nothing after
(t + 1) * 1,920. Two codecs have this interface: the built-in one, and Mimi through transformers.
"""

from pathlib import Path

import numpy as np

from model.codec_builtin import BUILTIN_WEIGHTS, BuiltinCodec
from model.codec_types import (
    CARDINALITY,
    FRAME_SAMPLES,
    N_CODEBOOKS,
    SAMPLE_RATE_HZ,
    CodeArray,
    Codec,
    CodecError,
    Decoder,
    Encoder,
    FloatArray,
)

__all__ = [
    "CARDINALITY",
    "FRAME_SAMPLES",
    "N_CODEBOOKS",
    "SAMPLE_RATE_HZ",
    "CodeArray",
    "Codec",
    "CodecError",
    "Decoder",
    "Encoder",
    "FloatArray",
    "decode",
    "encode",
    "load_codec",
]


def load_codec(name_or_path: str = "builtin", device: str = "cpu") -> Codec:
    """Load a codec: "builtin", "mimi:FOLDER", "mimi:HUB_ID", either with "@SHA256", or a .safetensors file.

    Raises CodecError where the weights are missing, do not fit, or do not have the digest asked for.
    """
    if name_or_path == "builtin":
        return BuiltinCodec(BUILTIN_WEIGHTS, name="builtin", device=device)
    if name_or_path.startswith("mimi:"):
        from model.mimi import load_mimi  # transformers takes seconds to import

        return load_mimi(name_or_path, device)
    if name_or_path.endswith(".safetensors"):
        return BuiltinCodec(Path(name_or_path), name=name_or_path, device=device)
    raise CodecError(f'no codec "{name_or_path}": use builtin, mimi:FOLDER_OR_HUB_ID[@SHA256] or a .safetensors file')


def encode(codec: Codec, audio: FloatArray) -> CodeArray:
    """Codes int16 [8, ceil(samples / 1920)] of one channel, float32 [samples] at 24 kHz."""
    encoder = codec.encoder()
    return np.concatenate([encoder.push(audio), encoder.flush()], axis=1)


def decode(codec: Codec, codes: CodeArray) -> FloatArray:
    """Audio float32 [frames * 1920] of one channel's codes, int16 [8, frames]."""
    decoder = codec.decoder()
    return np.concatenate([decoder.push(codes), decoder.flush()])
