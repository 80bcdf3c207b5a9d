"""decode: the audio of a clip from its codes."""

import wave
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.codec import SAMPLE_RATE_HZ, Codec, decode, load_codec
from model.resample import to_int16
from model.sample_files import SampleError, codes_of, read_files
from pipeline.dataset_json import described
from pipeline.index import clip_columns
from schemas.atomic import whole_file
from schemas.errors import UserError

_COLUMNS: Final = ("clip_id", "kept", "shard", "offset", "length", "n_frames")


class DecodeError(UserError):
    """The clip cannot be found; the message says what is there."""


def find_clip(out: Path, clip_id: str | None) -> dict[str, Any]:
    """What the index has of a clip: an unambiguous beginning of its id will do, None is the first."""
    rows = [row for row in clip_columns(out, _COLUMNS) if row["kept"] and row["clip_id"].startswith(clip_id or "")]
    if not rows:
        raise DecodeError(f"{out} has no clip {clip_id}" if clip_id else f"{out} has no clips")
    if clip_id and len(rows) > 1:
        raise DecodeError(f"{len(rows)} clips begin with {clip_id}: give more digits, such as {rows[0]['clip_id']}")
    return rows[0]


def decode_clip(out: Path, clip_id: str | None, target: Path) -> tuple[str, float]:
    """Write a clip's two channels as a stereo wav, 24 kHz int16; give its id and length in seconds."""
    row = find_clip(out, clip_id)
    codes = _codes(out / "shards" / row["shard"], row)
    codec = load_codec(described(out)["configuration"]["codec"])
    audio = decode_channels(codec, codes)
    write_wav(target, audio)
    return str(row["clip_id"]), audio.shape[1] / SAMPLE_RATE_HZ


def _codes(shard: Path, row: dict[str, Any]) -> npt.NDArray[np.int16]:
    place = row["clip_id"], row["offset"] or 0, row["length"] or 0
    try:
        with shard.open("rb") as file:
            files = read_files(file, *place, lambda suffix: suffix == "codes.npy")
        return codes_of(files.get("codes.npy", b""), row["n_frames"])
    except FileNotFoundError as error:
        raise DecodeError(f"{shard}: no such shard; check the dataset with `duplexset verify`") from error
    except SampleError as error:
        raise DecodeError(f"{shard}: clip {row['clip_id']} is damaged ({error}); run `duplexset verify`") from error


def decode_channels(codec: Codec, codes: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """Audio float32 [channels, frames * 1920] at 24 kHz of codes [channels, 8, frames], each channel alone."""
    return np.stack([decode(codec, channel) for channel in codes])


def write_wav(path: Path, audio: npt.NDArray[np.float32]) -> None:
    """audio: float32 [channels, samples] at 24 kHz, clipped to full scale."""
    write_pcm(path, to_int16(audio))


def write_pcm(path: Path, pcm: npt.NDArray[np.int16]) -> None:
    """pcm: int16 [channels, samples] at 24 kHz."""
    with whole_file(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(pcm.shape[0])
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(pcm.T.astype("<i2").tobytes())
