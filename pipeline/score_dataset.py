"""A dataset made by `duplexset build`, as the scorer sees it: the clips of a recording and their audio."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from model.measures.activity import joined_stretches, merged
from model.measures.recording import Activity
from model.sample_files import SampleError, read_files
from pipeline.index import kept_clips, recording_rows
from pipeline.score_audio import BLOCK_SAMPLES, ScoreError, flac_blocks
from pipeline.score_found import Found
from schemas.conversation import Segment
from schemas.prepared import PreparedFile
from schemas.recording import SAMPLE_RATE_HZ
from schemas.shard import ClipRow, RecordingRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A clip on its recording's clock. `flac`: reads its audio, None where it has none."""

    clip_id: str
    start_s: float
    end_s: float
    segments: tuple[Segment, ...]
    flac: Callable[[], bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A recording of the dataset and its clips; `lost` says, by reason, what is in none."""

    uri: str
    duration_s: float
    lost: tuple[str, ...]
    clips: list[Clip] = field(default_factory=list)


class DatasetOutput:
    """The kept clips of a dataset folder, from its index or, before it is packed, from its prepared files."""

    kind = "dataset"

    def __init__(self, built: dict[str, list[Built]]) -> None:
        self._built = built

    @classmethod
    def of_index(cls, out: Path) -> Self:
        """Reads index/clips.parquet and index/recordings.parquet. Raises DatasetError."""
        by_recording: defaultdict[str, list[Clip]] = defaultdict(list)
        for row in kept_clips(out):
            by_recording[row.info.recording_id].append(_packed_clip(out, row))
        return cls(_by_name(recording_rows(out), by_recording))

    @classmethod
    def of_prepared(cls, folder: Path) -> Self:
        """Reads every prepared file; of two of one recording, the newer one. Raises ScoreError."""
        rows: dict[str, RecordingRow] = {}
        clips: dict[str, list[Clip]] = {}
        for path in sorted(folder.glob("*.parquet"), key=lambda p: (p.stat().st_mtime_ns, p.name)):
            try:
                row = PreparedFile(path).recording()
            except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
                raise ScoreError(
                    f"{path} is no prepared file of this version: run `duplexset build` again"
                ) from error
            rows[row.recording_id or ""] = row
            clips[row.recording_id or ""] = list(_prepared_clips(PreparedFile(path)))
        return cls(_by_name(rows.values(), clips))

    def names(self) -> list[str]:
        """The recordings of which there are clips."""
        return sorted(name for name, built in self._built.items() if any(b.clips for b in built))

    def why_not(self, name: str) -> str:
        """Why a recording has no clips."""
        if name not in self._built:
            return "not in the dataset"
        reasons = [reason for built in self._built[name] for reason in built.lost]
        return f"no clip of it was kept ({', '.join(dict.fromkeys(reasons)) or 'clips dropped'})"

    def read(self, name: str) -> Found:
        """A recording's clips as one output; raises ScoreError where two recordings have the name."""
        built = [b for b in self._built[name] if b.clips]
        if len(built) > 1:
            files = ", ".join(b.uri for b in built[:3])
            raise ScoreError(f"{len(built)} recordings of the dataset are called so ({files}): name them apart")
        clips = sorted(built[0].clips, key=lambda c: c.start_s)
        segments = merged(
            replace(s, start_s=s.start_s + c.start_s, end_s=min(s.end_s + c.start_s, c.end_s))
            for c in clips
            for s in c.segments
        )
        heard = clips[0].flac() is not None
        return Found(
            activity=Activity(
                speakers=("channel 0", "channel 1"),
                segments=segments,
                covered=joined_stretches((c.start_s, c.end_s) for c in clips),
            ),
            whole=False,
            ordered=True,
            blocks=(lambda length_s: _placed(clips, length_s)) if heard else None,
            how={"activity": "the clips' segments", "audio": "the clips' FLAC" if heard else "none: no --flac"},
            length_s=built[0].duration_s,
        )


def _by_name(rows: Iterable[RecordingRow], clips: dict[str, list[Clip]]) -> dict[str, list[Built]]:
    built: defaultdict[str, list[Built]] = defaultdict(list)
    for row in rows:
        lost = tuple(f"{loss.stage}: {loss.reason}" for loss in row.lost if loss.reason != "silence")
        one = Built(uri=row.uri, duration_s=row.duration_s, lost=lost, clips=clips.get(row.recording_id or "", []))
        built[_name(row.uri, row.uri_b)].append(one)
    return dict(built)


def _name(uri: str, uri_b: str | None) -> str:
    """The stem of a recording's file; of a pair, what both have at their beginning."""
    stem = Path(uri).stem
    if uri_b is None:
        return stem
    other = Path(uri_b).stem
    same = next((i for i, (a, b) in enumerate(zip(stem, other, strict=False)) if a != b), min(len(stem), len(other)))
    return stem[:same].rstrip("._- ") or stem


def _packed_clip(out: Path, row: ClipRow) -> Clip:
    shard, clip_id, info = out / "shards" / str(row.shard), row.clip_id, row.info
    place = row.offset or 0, row.length or 0

    def flac() -> bytes | None:
        try:
            with shard.open("rb") as file:
                files = read_files(file, clip_id, *place, lambda suffix: suffix == "flac")
                return files.get("flac")
        except (FileNotFoundError, SampleError) as error:
            raise ScoreError(f"{shard}: clip {clip_id} cannot be read ({error}); run `duplexset verify`") from error

    return Clip(clip_id=clip_id, start_s=info.start_s, end_s=info.end_s, segments=info.segments, flac=flac)


def _prepared_clips(file: PreparedFile) -> Iterator[Clip]:
    for group, info, _ in file.infos():

        def flac(group: int = group) -> bytes | None:
            return file.clip(group).flac

        yield Clip(clip_id=info.clip_id, start_s=info.start_s, end_s=info.end_s, segments=info.segments, flac=flac)


def _placed(clips: list[Clip], length_s: float) -> Iterator[NDArray[np.float32]]:
    """The clips' audio at their places in the recording, float32 [2, n] blocks at 24 kHz, zeros between them."""
    at = 0
    for clip in clips:
        yield from _zeros(round(clip.start_s * SAMPLE_RATE_HZ) - at)
        at = max(at, round(clip.start_s * SAMPLE_RATE_HZ))
        data = clip.flac()
        if data is None:
            raise ScoreError(f"clip {clip.clip_id} has no audio though others have: build the dataset again")
        for block in flac_blocks(data, f"clip {clip.clip_id}"):
            at += block.shape[1]
            yield block
    yield from _zeros(round(length_s * SAMPLE_RATE_HZ) - at)


def _zeros(n: int) -> Iterator[NDArray[np.float32]]:
    for start in range(0, n, BLOCK_SAMPLES):
        yield np.zeros((2, min(BLOCK_SAMPLES, n - start)), np.float32)
