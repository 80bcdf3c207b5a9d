"""The Hugging Face folder, read with pyarrow and YAML by the published layout, and by `datasets` itself."""

import io
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from schemas.arrow import to_dict
from schemas.licence import NO_LICENCE, Licence

N_FRAMES = 105
LENGTH_S = 199_920 / 24_000


def card(folder: Path) -> dict[str, object]:
    _, header, _ = (folder / "README.md").read_text(encoding="utf-8").split("---\n", maxsplit=2)
    found: dict[str, object] = yaml.safe_load(header)
    return found


def sound_of(flac: bytes) -> np.ndarray:
    with av.open(io.BytesIO(flac)) as container:
        return np.concatenate([f.to_ndarray().reshape(-1, 2).T for f in container.decode(audio=0)], axis=1)


def test_parquet_holds_everything_of_a_clip(world: Any) -> None:
    folder, result = world.export("huggingface")
    seen = set()
    for path in sorted((folder / "data").iterdir()):
        with pq.ParquetFile(path) as file:
            features = json.loads(file.schema_arrow.metadata[b"huggingface"])["info"]["features"]
            assert features["audio"]["_type"] == "Audio"
            assert file.num_row_groups == file.metadata.num_rows  # one clip in memory at a time
        for row in pq.read_table(path).to_pylist():
            clip_id, info = row["clip_id"], world.info(row["clip_id"])
            assert row["audio"]["path"] == f"{clip_id}.flac"
            assert np.array_equal(sound_of(row["audio"]["bytes"]), world.sound[clip_id])
            assert np.array_equal(row["codes"], world.codes(clip_id))
            assert np.shape(row["turns"]) == (2, N_FRAMES)
            assert [[w["word"] for w in words] for words in row["words"]] == [
                ["naïve", "hello", "there"],
                ["yes", "bye"],
            ]
            assert row["licence"] == json.loads(json.dumps(to_dict(info.licence)))
            assert row["duration_s"] == pytest.approx(LENGTH_S)
            seen.add(clip_id)
    assert seen == world.clips.keys()
    assert result.written == len(seen)


def test_the_card_names_files_and_licences(world: Any) -> None:
    folder, _ = world.export("huggingface")
    found = card(folder)
    assert found["license"] == ["cc-by-4.0", "cc0-1.0"]
    assert found["language"] == ["en"]
    (config,) = found["configs"]  # type: ignore[misc]
    for entry in config["data_files"]:
        assert list(folder.glob(entry["path"]))
    assert [entry["split"] for entry in config["data_files"]] == ["train", "validation", "test"]
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "| CC-BY-4.0 | 4 | 0.01 |" in text
    assert (folder / "LICENSES.tsv").is_file()


@pytest.mark.parametrize(
    ("spdx", "name"), [("LicenseRef-acme", "other"), (NO_LICENCE, "other"), ("ODC-By-1.0", "odc-by")]
)
def test_licences_have_the_names_of_the_hub(make_world: Any, spdx: str, name: str) -> None:
    folder, _ = make_world("a", licence=Licence(spdx=spdx)).export("huggingface")
    assert card(folder)["license"] == [name]
    assert ("license_name" in card(folder)) == (name == "other")
    assert f"| {spdx} | 2 |" in (folder / "README.md").read_text(encoding="utf-8")


def test_datasets_itself_loads_the_folder(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    folder, _ = world.export("huggingface")
    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(folder), cache_dir=str(world.tmp / "cache"))
    assert set(loaded) == {"train", "validation", "test"}
    assert loaded["train"].features["audio"] == datasets.Audio(sampling_rate=24_000)
    rows = loaded["train"].cast_column("audio", datasets.Audio(decode=False))
    for row in rows:
        assert np.array_equal(sound_of(row["audio"]["bytes"]), world.sound[row["clip_id"]])
        assert np.array_equal(row["codes"], world.codes(row["clip_id"]))
        assert row["licence"]["spdx"] in {"CC-BY-4.0", "CC0-1.0"}
    assert sum(split.num_rows for split in loaded.values()) == len(world.clips)
