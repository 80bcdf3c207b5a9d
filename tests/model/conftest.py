"""A small dataset folder in the documented layout, written with the standard library and pyarrow alone."""

import hashlib
import io
import json
import tarfile
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from model.diarization.networks import Networks
from model.separator.net import SeparatorNet
from model.speaker.net import SpeakerNet


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


def _buzz(pitch_hz: float, seconds: float, seed: int) -> np.ndarray:
    """int16 [S] at 24 kHz: pulses of a gliding pitch through a resonance, 0.5 to 1.2 s at a time."""
    random = np.random.default_rng(seed)
    time_s = np.arange(int(seconds * 24_000)) / 24_000
    phase = np.cumsum(pitch_hz * (1 + 0.05 * np.sin(4 * time_s))) / 24_000
    centre_hz = random.uniform(400, 1_200)
    sound = sum(np.sin(2 * np.pi * k * phase) / (1 + abs(k * pitch_hz - centre_hz) / 300) for k in range(1, 12))
    gate, at = np.zeros(time_s.size), 2_400
    while at < time_s.size:
        length = int(random.uniform(0.5, 1.2) * 24_000)
        gate[at : at + length] = 1.0
        at += length + 8_000
    gate = np.convolve(gate, np.hanning(480) / np.hanning(480).sum(), mode="same")
    return (32_767 * (0.1 * sound * gate + 1e-5 * random.standard_normal(time_s.size))).astype("<i2")


@pytest.fixture(scope="module")
def untrained() -> Networks:
    """The networks of the mixture path with random weights."""
    torch.manual_seed(0)
    made = Networks(SpeakerNet(), SeparatorNet())
    for net in (made.speaker, made.separator):
        net.eval().requires_grad_(False)
    return made


@pytest.fixture(scope="session")
def voice_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of nine speakers of 10 s: three in each half of those trained on and three held out, high and low.

    An index states the licence CC0-1.0 of all.
    """
    folder = tmp_path_factory.mktemp("voices")
    wanted = {"0": 3, "1": 3, "held": 3}
    rows, number = ["path\tspeaker\tlicence\trepo"], 0
    while any(wanted.values()):
        name, number = f"voice{number}", number + 1
        held = int.from_bytes(hashlib.sha256(f"held-out/{name}".encode()).digest(), "big") % 7 == 0
        kind = "held" if held else str(int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2)
        if not wanted[kind]:
            continue
        wanted[kind] -= 1
        (folder / "read").mkdir(exist_ok=True)
        with wave.open(str(folder / "read" / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 24_000, 0, "NONE", ""))
            file.writeframes(
                _buzz(110.0 + 5 * number if wanted[kind] % 2 else 200.0 + 5 * number, 10.0, number).tobytes()
            )
        rows.append(f"read/{name}.wav\t{name}\tCC0-1.0 (LICENSE)\tsomeone/voices")
    (folder / "INDEX.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def lone_voice(voice_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of the speakers who are trained on."""
    folder = tmp_path_factory.mktemp("lone")
    for path in sorted((voice_folder / "read").iterdir()):
        if int.from_bytes(hashlib.sha256(f"held-out/{path.stem}".encode()).digest(), "big") % 7:
            (folder / path.stem).mkdir()
            (folder / path.stem / path.name).write_bytes(path.read_bytes())
            return folder
    raise AssertionError("all are held out")
