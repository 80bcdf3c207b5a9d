"""A small dataset folder in the documented layout, written with the standard library and pyarrow alone."""

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@dataclass
class ClipData:
    """One clip to be written; codes int16 [2, 8, T]."""

    codes: np.ndarray
    split: str = "train"
    kept: bool = True
    words: list = field(default_factory=lambda: [[], []])


DatasetWriter = Callable[..., Path]


def _sample(clip_id: str, clip: ClipData) -> list[tuple[str, bytes]]:
    codes, turns = io.BytesIO(), io.BytesIO()
    np.save(codes, clip.codes)
    np.save(turns, np.zeros((2, clip.codes.shape[2]), dtype=np.int8))
    return [
        (f"{clip_id}.codes.npy", codes.getvalue()),
        (f"{clip_id}.words.json", json.dumps(clip.words).encode()),
        (f"{clip_id}.turns.npy", turns.getvalue()),
        (f"{clip_id}.json", json.dumps({"clip_id": clip_id}).encode()),
    ]


@pytest.fixture
def write_dataset(tmp_path: Path) -> DatasetWriter:
    """Write clips (id by place: clip-000, ...) into OUT, `per_shard` a tar; returns OUT."""

    def write(clips: list[ClipData], name: str = "dataset", per_shard: int = 3) -> Path:
        out = tmp_path / name
        (out / "shards").mkdir(parents=True)
        (out / "index").mkdir()
        rows = []
        for split in ("train", "validation", "test"):
            members = [(f"clip-{i:03d}", clip) for i, clip in enumerate(clips) if clip.split == split]
            for number in range(0, len(members), per_shard):
                shard = f"{split}-{number // per_shard:05d}.tar"
                with tarfile.open(out / "shards" / shard, "w") as tar:
                    for clip_id, clip in members[number : number + per_shard]:
                        start = tar.offset
                        for member, content in _sample(clip_id, clip):
                            info = tarfile.TarInfo(member)
                            info.size = len(content)
                            tar.addfile(info, io.BytesIO(content))
                        rows.append(
                            {
                                "clip_id": clip_id,
                                "split": split,
                                "shard": shard,
                                "offset": start,
                                "length": tar.offset - start,
                                "n_frames": clip.codes.shape[2],
                                "kept": clip.kept,
                                "something_else": 1.0,
                            }
                        )
        pq.write_table(pa.Table.from_pylist(rows), out / "index" / "clips.parquet")
        return out

    return write


def markov_codes(rng: np.random.Generator, n_frames: int, states: int = 32) -> np.ndarray:
    """int16 [2, 8, T]: each speaker goes through states; a state has one code in each codebook.

    A state is followed by a fixed other one nine times in ten, else by any: all are equally frequent, so that a
    unigram pays log(states) nats for every code.
    """
    names = np.random.default_rng(7).permuted(np.tile(np.arange(states), (9, 1)), axis=1)
    state = np.empty((2, n_frames), dtype=np.int64)
    state[:, 0] = rng.integers(states, size=2)
    for t in range(1, n_frames):
        state[:, t] = np.where(rng.random(2) < 0.9, names[8][state[:, t - 1]], rng.integers(states, size=2))
    return names[:8][:, state].transpose(1, 0, 2).astype(np.int16)


@pytest.fixture
def markov_dataset(write_dataset: DatasetWriter) -> Path:
    """Twelve training and three validation clips of structured codes, 60 to 200 frames each."""
    rng = np.random.default_rng(1)
    splits = ["train"] * 12 + ["validation"] * 3
    return write_dataset([ClipData(markov_codes(rng, int(rng.integers(60, 200))), split) for split in splits])


@pytest.fixture
def clip_data() -> type[ClipData]:
    """The record that `write_dataset` takes."""
    return ClipData
