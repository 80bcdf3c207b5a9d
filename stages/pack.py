"""pack: write one shard, a plain tar, and the index rows of its clips."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from schemas.arrow import schema_of, to_dict, to_table
from schemas.atomic import whole_file
from schemas.clip import Clip, ClipInfo
from schemas.conversation import Word
from schemas.persona import VoiceSample
from schemas.prepared import PreparedFile, voices_array
from schemas.recording import CODEBOOKS, FRAME_SAMPLES, SAMPLE_RATE_HZ
from schemas.shard import ClipRow, Member, PackedShard, ShardPlan
from stages.contract import Needs

Codes = NDArray[np.int16]

_KEY = b"duplexset.shard"
END_OF_TAR = 2 * tarfile.BLOCKSIZE  # two empty blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """`out`: the dataset folder. Writes `shards/<name>` and `work/packed/<name>.parquet`, its part of the index."""

    out: str
    name: ClassVar[str] = "pack"
    reads: ClassVar[type] = ShardPlan
    writes: ClassVar[type] = PackedShard
    needs: ClassVar[Needs] = Needs()
    version: ClassVar[int] = 4

    def load(self, device: str) -> Callable[[ShardPlan], PackedShard]:
        """No model."""
        return lambda plan: pack(plan, Path(self.out))


def plan_digest(plan: ShardPlan) -> str:
    """SHA-256 over what shapes the shard: the version; its clips in order, with files, licences and voices."""
    members = [
        [m.clip_id, Path(m.prepared).name, [[v.row_group, v.number, v.channel] for v in m.voices], to_dict(m.licence)]
        for m in plan.members
    ]
    text = json.dumps([Pack.version, plan.name, members])
    return hashlib.sha256(text.encode()).hexdigest()


def index_part(out: Path, name: str) -> Path:
    """Where a shard's part of the index lies."""
    return out / "work" / "packed" / f"{name}.parquet"


def packed_before(plan: ShardPlan, out: Path) -> PackedShard | None:
    """The shard if exactly this plan was packed before and its tar is still there in its size, else None."""
    part, tar = index_part(out, plan.name), out / "shards" / plan.name
    if not part.exists() or not tar.exists():
        return None
    values = json.loads(pq.read_metadata(part).metadata[_KEY])
    packed = PackedShard(**{**values, "split": plan.split})
    same = packed.plan_sha256 == plan_digest(plan) and packed.size_bytes == tar.stat().st_size
    return packed if same else None


def pack(plan: ShardPlan, out: Path) -> PackedShard:
    """Write the shard, then its part of the index: the part is there only if the tar is whole."""
    part = index_part(out, plan.name)
    part.unlink(missing_ok=True)
    with whole_file(out / "shards" / plan.name) as temporary, temporary.open("wb") as file:
        sink = Digesting(file)
        rows = list(_write_members(plan, sink))
        sink.write(b"\0" * END_OF_TAR)
    packed = PackedShard(
        name=plan.name,
        split=plan.split,
        n_clips=len(rows),
        size_bytes=sink.size,
        sha256=sink.total.hexdigest(),
        plan_sha256=plan_digest(plan),
    )
    with whole_file(part) as temporary, pq.ParquetWriter(temporary, schema_of(ClipRow), compression="zstd") as writer:
        writer.write_table(to_table(ClipRow, rows))
        writer.add_key_value_metadata({_KEY: json.dumps(to_dict(packed)).encode()})
    return packed


class Digesting:
    """A file that counts and digests what is written to it: the whole, and the part since `begin`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        self.total = hashlib.sha256()
        self.part = hashlib.sha256()

    def begin(self) -> int:
        """Begin a part; gives where."""
        self.part = hashlib.sha256()
        return self.size

    def write(self, data: bytes) -> None:
        """Write and take note."""
        self._file.write(data)
        self.size += len(data)
        self.total.update(data)
        self.part.update(data)


def _write_members(plan: ShardPlan, sink: Digesting) -> Iterator[ClipRow]:
    for member in plan.members:
        clip = with_voices(PreparedFile(Path(member.prepared), member.licence), member)
        offset = sink.begin()
        for suffix, data in sample_files(clip):
            sink.write(tar_entry(f"{member.clip_id}.{suffix}", data))
        yield ClipRow(
            clip_id=member.clip_id,
            kept=True,
            reason=None,
            split=plan.split,
            shard=plan.name,
            offset=offset,
            length=sink.size - offset,
            sha256=sink.part.hexdigest(),
            n_frames=clip.info.n_frames,
            duration_s=clip.info.end_s - clip.info.start_s,
            unlicensed=clip.info.licence.unlicensed,
            info=clip.info,
        )


def with_voices(file: PreparedFile, member: Member) -> Clip:
    """A clip with the samples of its speakers' voices, its own and those from other clips, best first."""
    clip = file.clip(member.row_group)
    if not member.voices:
        return clip
    own = voices_array(clip.voices)
    found = [(voice, own[:, voice.first_frame : voice.end_frame]) for voice in clip.info.voices]
    for group in sorted({ref.row_group for ref in member.voices}):
        samples, codes = file.voices(group)
        for ref in member.voices:
            if ref.row_group == group:
                voice = samples[ref.number]
                found.append((replace(voice, channel=ref.channel), codes[:, voice.first_frame : voice.end_frame]))
    found.sort(key=lambda pair: (pair[0].channel, -pair[0].quality, pair[0].start_s))
    voices, joined = laid_out(found)
    return replace(clip, info=replace(clip.info, voices=voices), voices=joined.tobytes())


def laid_out(found: Sequence[tuple[VoiceSample, Codes]]) -> tuple[tuple[VoiceSample, ...], Codes]:
    """Voice samples, each with its codes, one after the other: how a sample holds them. int16 [8, frames]."""
    ends = np.cumsum([codes.shape[1] for _, codes in found]).tolist()
    voices = tuple(
        replace(voice, first_frame=end - codes.shape[1], end_frame=end)
        for (voice, codes), end in zip(found, ends, strict=True)
    )
    return voices, np.concatenate([np.zeros((CODEBOOKS, 0), np.int16), *(codes for _, codes in found)], axis=1)


def sample_files(clip: Clip) -> Iterator[tuple[str, bytes]]:
    """(suffix, bytes) of a sample's files, in their order in the tar."""
    n_frames = clip.info.n_frames
    yield "codes.npy", _npy(np.frombuffer(clip.codes, dtype=np.int16).reshape(2, -1, n_frames))
    yield "words.json", json.dumps([_words(clip.words, channel) for channel in (0, 1)], ensure_ascii=False).encode()
    yield "turns.npy", _npy(np.frombuffer(clip.turns, dtype=np.int8).reshape(2, n_frames))
    yield "vap.npy", _npy(np.frombuffer(clip.future, dtype=np.int16))
    yield from facts_files(clip.info, voices_array(clip.voices))
    if clip.flac is not None:
        yield "flac", clip.flac


def facts_files(info: ClipInfo, voices: Codes) -> Iterator[tuple[str, bytes]]:
    """Those of them that hold the voice samples, int16 [8, frames], and what is said of the clip."""
    yield "voices.npy", _npy(voices)
    facts = {**to_dict(info), "sample_rate_hz": SAMPLE_RATE_HZ, "frame_rate_hz": SAMPLE_RATE_HZ / FRAME_SAMPLES}
    yield "json", json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()


def _words(words: tuple[Word, ...], channel: int) -> list[list[str | float]]:
    return [[w.text, w.start_s, w.end_s, w.confidence] for w in words if w.channel == channel]


def _npy(array: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=False)
    return sink.getvalue()


def tar_entry(name: str, data: bytes) -> bytes:
    """Header, data and padding of one file; nothing in it depends on the time, the user or the machine."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    header = info.tobuf(tarfile.USTAR_FORMAT)
    return header + data + b"\0" * (-len(data) % tarfile.BLOCKSIZE)
