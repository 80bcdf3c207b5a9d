"""decode: the audio of a clip from its codes."""

import io
import tarfile
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from model.codec import SAMPLE_RATE_HZ, Codec, decode, load_codec
from model.resample import to_int16
from pipeline.describe import read_description
from schemas.atomic import whole_file
from schemas.errors import UserError


class DecodeError(UserError):
    """The clip cannot be found; the message says what is there."""


def find_clip(out: Path, clip_id: str | None) -> dict[str, str | int]:
    """clip_id, shard, offset and length of a clip; an unambiguous beginning of the id will do, None is the first."""
    path = out / "index" / "clips.parquet"
    if not path.is_file():
        raise DecodeError(f"{out} has no index/clips.parquet: give the OUT folder of a finished build")
    table = pq.read_table(path, columns=["clip_id", "kept", "shard", "offset", "length"])
    rows = [row for row in table.to_pylist() if row["kept"] and row["clip_id"].startswith(clip_id or "")]
    if not rows:
        raise DecodeError(f"{out} has no clip {clip_id}" if clip_id else f"{out} has no clips")
    if clip_id and len(rows) > 1:
        raise DecodeError(f"{len(rows)} clips begin with {clip_id}: give more digits, such as {rows[0]['clip_id']}")
    first: dict[str, str | int] = rows[0]
    return first


def decode_clip(out: Path, clip_id: str | None, target: Path) -> tuple[str, float]:
    """Write a clip's two channels as a stereo wav, 24 kHz int16; give its id and length in seconds."""
    row = find_clip(out, clip_id)
    with (out / "shards" / str(row["shard"])).open("rb") as shard:
        shard.seek(int(row["offset"]))
        sample = io.BytesIO(shard.read(int(row["length"])))
    with tarfile.open(fileobj=sample, mode="r:") as tar:
        member = tar.extractfile(f"{row['clip_id']}.codes.npy")
        codes = np.load(io.BytesIO(member.read() if member else b""), allow_pickle=False)
    description = read_description(out) or {"configuration": {"codec": "builtin"}}
    codec = load_codec(description["configuration"]["codec"])
    audio = decode_channels(codec, codes)
    write_wav(target, audio)
    return str(row["clip_id"]), audio.shape[1] / SAMPLE_RATE_HZ


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
