"""Two CPU workers on gloo: the same weights in both, every window once, resumable, errors as they are."""

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray
from ray.train import WorkerGroupError
from ray.train.torch import TorchTrainer

from cluster.ray_train import train_on_ray
from model.duplex import DuplexConfig
from model.train_config import TrainConfig, TrainError
from model.train_log import Progress

pytestmark = pytest.mark.ray

CONFIG = TrainConfig(
    model=DuplexConfig(
        dim=16,
        heads=2,
        layers=1,
        ffn_dim=24,
        depth_dim=8,
        depth_heads=2,
        depth_layers=1,
        depth_ffn_dim=12,
        card=32,
        text_card=8,
    ),
    window_frames=20,
    batch_size=2,
    max_steps=6,
    log_every=3,
    eval_every=6,
    eval_windows=6,
    checkpoint_every=3,
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips for training and one to validate, a tar each."""
    out, rng, rows = tmp_path_factory.mktemp("data"), np.random.default_rng(0), []
    (out / "shards").mkdir()
    (out / "index").mkdir()
    for i in range(7):
        content = io.BytesIO()
        np.save(content, rng.integers(32, size=(2, 8, 50), dtype=np.int16))
        info = tarfile.TarInfo(f"clip-{i}.codes.npy")
        info.size = content.tell()
        content.seek(0)
        with tarfile.open(out / f"shards/train-{i:05d}.tar", "w") as tar:
            tar.addfile(info, content)
            length = tar.offset
        rows.append(
            {
                "clip_id": f"clip-{i}",
                "split": "train" if i < 6 else "validation",
                "shard": f"train-{i:05d}.tar",
                "offset": 0,
                "length": length,
                "n_frames": 50,
                "kept": True,
            }
        )
    pq.write_table(pa.Table.from_pylist(rows), out / "index/clips.parquet")
    return out


@pytest.fixture(scope="module", autouse=True)
def stop_ray() -> Iterator[None]:
    yield
    ray.shutdown()


def test_two_workers_train_and_resume(dataset: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    at_once = replace(CONFIG, minutes=0.0)
    stopped = train_on_ray(dataset, tmp_path, at_once, workers=2, gpus=False, on_progress=told.append)
    assert (stopped.steps, stopped.ended) == (0, "minutes")
    result = train_on_ray(dataset, tmp_path, CONFIG, workers=2, gpus=False, on_progress=told.append)
    assert (result.steps, result.ended) == (6, "max_steps")
    assert [progress.step for progress in told] == [3, 6]
    assert result.held_out is not None
    assert result.held_out == told[-1].held_out
    assert result.held_out.frames == 2 * 50  # both orientations of the one clip, dealt to the two workers
    state = json.loads((result.checkpoint / "state.json").read_text())
    # each worker read 12 windows: of its three clips of 50 frames, cut by 20, nine an epoch
    assert [loader["readers"][0]["epoch"] for loader in state["loaders"]] == [1, 1]
    assert [loader["readers"][0]["window"] for loader in state["loaders"]] == [3, 3]


def test_errors_of_a_worker_come_back_as_they_are(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(_: TorchTrainer) -> None:
        raise WorkerGroupError("long story", {1: TrainError("run of another configuration")})

    monkeypatch.setattr(TorchTrainer, "fit", fit)
    with pytest.raises(TrainError, match=r"^run of another configuration$"):
        train_on_ray(dataset, tmp_path, CONFIG, workers=2, gpus=False, on_progress=lambda _: None)
