"""verify: silent on a whole dataset, and one line for every kind of damage."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cluster.engine import open_engine
from pipeline.build import select_and_pack
from pipeline.config import BuildConfig
from pipeline.dataset_json import DescriptionError
from pipeline.describe import MadeBy
from pipeline.prepare import Prepared
from pipeline.verify import verify
from pipeline.view import View
from schemas.prepared import PreparedFile
from stages.pack import tar_entry

NAMES = "abcdefghijkl"


@pytest.fixture
def out(prepared: Callable[..., PreparedFile], tmp_path: Path) -> Iterator[Path]:
    files = [prepared(f"{name}.wav", speakers=(name, name + "'")) for name in NAMES]
    folder = tmp_path / "out"
    made_by = MadeBy(
        config=BuildConfig(split_percent=(50, 25, 25)), weights={"builtin": "0" * 64}, fingerprint="f" * 64
    )
    with View(interactive=False) as view:
        select_and_pack(Prepared(files=files), folder, made_by, engine=open_engine("inline", None), view=view)
    yield folder


def differences(out: Path) -> list[str]:
    return list(verify(out))


def rewrite(path: Path, change: Callable[[list[dict[str, object]]], None]) -> None:
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def test_a_whole_dataset_has_no_difference(out: Path) -> None:
    assert differences(out) == []
    totals = json.loads((out / "dataset.json").read_text())["duplexset"]["totals"]
    assert sum(split["clips"] for split in totals["splits"].values()) == 2 * len(NAMES)
    assert totals["recordings"]["count"] == totals["recordings"]["kept"] == len(NAMES)
    assert totals["recordings"]["lost"] == {"split: silence": {"count": len(NAMES), "seconds": 12.0 * len(NAMES)}}
    assert len(totals["splits"]) == 3  # else the test would not see what it is for


def test_one_changed_byte_is_found(out: Path) -> None:
    shard = sorted((out / "shards").iterdir())[0]
    data = bytearray(shard.read_bytes())
    data[700] ^= 1
    shard.write_bytes(data)
    lines = differences(out)
    assert any(f"shards/{shard.name}: its bytes changed" in line for line in lines)
    assert any("is not at its offset, or changed" in line for line in lines)


def test_a_missing_and_a_foreign_file_are_found(out: Path) -> None:
    first, *_ = sorted((out / "shards").iterdir())
    first.rename(out / "shards" / "train-00099.tar")
    lines = differences(out)
    assert f"shards/{first.name}: missing" in lines
    assert "shards/train-00099.tar: not part of the dataset" in lines


def test_a_truncated_tar_is_found(out: Path) -> None:
    shard = sorted((out / "shards").iterdir())[0]
    shard.write_bytes(shard.read_bytes()[:1_000])
    lines = differences(out)
    assert any("not a whole sample" in line or "lacks" in line for line in lines)
    assert f"shards/{shard.name}: 1000 bytes" in "\n".join(lines)


def test_clips_that_share_sound_in_two_splits_are_found(out: Path) -> None:
    def link(rows: list[dict[str, object]]) -> None:
        one, other = (next(row for row in rows if row["split"] == split) for split in ("train", "test"))
        for row, partner in ((one, other), (other, one)):
            row["duplicates"] = [{"clip_id": partner["clip_id"], "likeness": 0.4, "offset_s": 0.0}]

    rewrite(out / "index" / "clips.parquet", link)
    assert any("which share sound: in test and train" in line for line in differences(out))


def test_a_speaker_in_two_splits_is_found(out: Path) -> None:
    def change(rows: list[dict[str, object]]) -> None:
        kept = [row for row in rows if row["split"] == "train"]
        other = next(row for row in rows if row["split"] == "test")
        kept[0]["info"]["speakers"] = other["info"]["speakers"]  # type: ignore[index]

    rewrite(out / "index" / "clips.parquet", change)
    assert any(line.startswith("speaker ") and "test and train" in line for line in differences(out))


def test_a_lost_second_is_found(out: Path) -> None:
    def change(rows: list[dict[str, object]]) -> None:
        rows[0]["duration_s"] = float(rows[0]["duration_s"]) + 1.0  # type: ignore[arg-type]

    rewrite(out / "index" / "recordings.parquet", change)
    lines = differences(out)
    assert any("s in clips + " in line for line in lines)
    assert any("totals" in line for line in lines)


def test_codes_that_cannot_be_are_found(out: Path) -> None:
    shard = sorted((out / "shards").iterdir())[0]
    data = shard.read_bytes()
    codes = np.full((2, 8, 100), 2_048, dtype=np.int16)
    name = data[:100].rstrip(b"\0").decode()
    import io

    sink = io.BytesIO()
    np.save(sink, codes)
    entry = tar_entry(name, sink.getvalue())
    shard.write_bytes(entry + data[len(entry) :])
    assert any("codes outside 0..2047" in line for line in differences(out))


def test_voices_that_do_not_fit_the_index_are_found(out: Path) -> None:
    def change(rows: list[dict[str, object]]) -> None:
        first, second, third, *_ = (row["info"]["voices"] for row in rows)  # type: ignore[index]
        first[-1]["end_frame"] += 1
        second[0]["clip_id"] = "0" * 32
        third[1]["first_frame"] -= 1

    rewrite(out / "index" / "clips.parquet", change)
    lines = differences(out)
    assert any("voices: int16 [8, 70], not int16 [8, 71]" in line for line in lines)
    assert f"clip {'0' * 32}: not kept, but others hold samples of its voices" in lines
    assert sum("voice samples that do not follow one another" in line for line in lines) == 1


def test_a_sample_that_the_index_does_not_name_is_found(out: Path) -> None:
    shard = sorted((out / "shards").iterdir())[0]
    data = shard.read_bytes()
    shard.write_bytes(data[:-1_024] + tar_entry("stranger.json", b"{}") + data[-1_024:])
    assert any(f"{len(data) + 1_024} bytes, {len(data)} by the index" in line for line in differences(out))


def test_a_folder_without_description_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match=r"has no dataset\.json"):
        differences(tmp_path)


def test_a_description_that_is_no_json_is_named(out: Path) -> None:
    (out / "dataset.json").write_text("{")
    with pytest.raises(DescriptionError, match=r"dataset\.json cannot be read"):
        differences(out)
