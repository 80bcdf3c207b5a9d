"""Shards: the same bytes every time, readable by plain tools, whole or not there."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from schemas.prepared import PreparedFile
from schemas.shard import Member, ShardPlan, Split
from stages import pack as module
from stages.pack import index_part, pack, packed_before, tar_entry

MakePrepared = Callable[..., PreparedFile]


@pytest.fixture
def plan(prepared: MakePrepared) -> ShardPlan:
    members = [
        Member(clip_id=info.clip_id, prepared=str(file.path), row_group=group)
        for file in (prepared("a.wav"), prepared("b.wav", clips=1))
        for group, info, _ in file.infos()
    ]
    return ShardPlan(name="train-00000.tar", split=Split.TRAIN, members=tuple(members))


def index_rows(out: Path, plan: ShardPlan) -> list[dict[str, object]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, object]] = pq.read_table(index_part(out, plan.name)).to_pylist()
    return rows


def test_the_same_plan_gives_the_same_bytes(plan: ShardPlan, tmp_path: Path) -> None:
    first, second = pack(plan, tmp_path / "one"), pack(plan, tmp_path / "two")
    assert first == second
    for name in ("shards/train-00000.tar", "work/packed/train-00000.tar.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_index_says_where_each_sample_lies(plan: ShardPlan, tmp_path: Path) -> None:
    packed = pack(plan, tmp_path)
    data = (tmp_path / "shards" / plan.name).read_bytes()
    assert packed.size_bytes == len(data)
    assert packed.sha256 == hashlib.sha256(data).hexdigest()
    for row, member in zip(index_rows(tmp_path, plan), plan.members, strict=True):
        sample = data[row["offset"] : row["offset"] + row["length"]]  # type: ignore[operator, misc]
        assert hashlib.sha256(sample).hexdigest() == row["sha256"]
        with tarfile.open(fileobj=io.BytesIO(sample), mode="r:") as tar:
            names = tar.getnames()
        assert names == [f"{member.clip_id}.{s}" for s in ("codes.npy", "words.json", "turns.npy", "vap.npy", "json")]


def test_a_sample_holds_the_clip(plan: ShardPlan, tmp_path: Path) -> None:
    pack(plan, tmp_path)
    clip = PreparedFile(Path(plan.members[0].prepared)).clip(plan.members[0].row_group)
    with tarfile.open(tmp_path / "shards" / plan.name) as tar:
        read = {m.name.partition(".")[2]: tar.extractfile(m).read() for m in tar.getmembers()[:5]}  # type: ignore[union-attr]
    codes = np.load(io.BytesIO(read["codes.npy"]), allow_pickle=False)
    assert (codes.dtype, codes.shape) == (np.int16, (2, 8, 100))
    assert codes.tobytes() == clip.codes
    future = np.load(io.BytesIO(read["vap.npy"]), allow_pickle=False)
    assert (future.dtype, future.tobytes()) == (np.int16, clip.future)
    assert json.loads(read["words.json"]) == [[], [["naïve", 2.9, 3.3, 1.0]]]
    facts = json.loads(read["json"])
    assert facts["licence"]["spdx"] == "CC0-1.0"
    assert facts["provenance"]["fingerprint"] == "f" * 64
    assert facts["speakers"] == list(clip.info.speakers)


def test_plain_webdataset_reads_a_shard_in_a_process_without_our_code(plan: ShardPlan, tmp_path: Path) -> None:
    pack(plan, tmp_path)
    program = """
import io, json, sys
import numpy as np, webdataset as wds
assert not any(name.split(".")[0] in {"schemas", "stages", "model", "pipeline"} for name in sys.modules)
samples = list(wds.WebDataset(sys.argv[1], shardshuffle=False))
codes = [np.load(io.BytesIO(s["codes.npy"])) for s in samples]
lengths = [json.loads(s["json"])["n_frames"] for s in samples]
print(json.dumps([[s["__key__"] for s in samples], [c.shape for c in codes], lengths]))
"""
    shard = tmp_path / "shards" / plan.name
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", program, str(shard)], capture_output=True, text=True, check=True
    )
    keys, shapes, lengths = json.loads(done.stdout)
    assert keys == [m.clip_id for m in plan.members]
    assert shapes == [[2, 8, 100]] * 3
    assert lengths == [100] * 3


def test_a_packed_shard_is_known_again_until_its_plan_or_tar_changes(plan: ShardPlan, tmp_path: Path) -> None:
    packed = pack(plan, tmp_path)
    assert packed_before(plan, tmp_path) == packed
    shorter = ShardPlan(name=plan.name, split=plan.split, members=plan.members[1:])
    assert packed_before(shorter, tmp_path) is None
    tar = tmp_path / "shards" / plan.name
    tar.write_bytes(tar.read_bytes()[:-512])
    assert packed_before(plan, tmp_path) is None


def test_an_error_in_the_middle_leaves_no_file(
    plan: ShardPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = module.tar_entry

    def full(name: str, data: bytes) -> bytes:
        if name.startswith(plan.members[2].clip_id):
            raise OSError(28, "No space left on device")
        return real(name, data)

    monkeypatch.setattr(module, "tar_entry", full)
    with pytest.raises(OSError, match="No space"):
        pack(plan, tmp_path)
    assert list((tmp_path / "shards").iterdir()) == []
    assert packed_before(plan, tmp_path) is None


def test_an_entry_is_what_tarfile_reads_back() -> None:
    archive = tar_entry("x.json", b"{}" * 300) + b"\0" * 1024
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        (member,) = tar.getmembers()
        assert (member.name, member.size, member.mtime, member.uid, member.uname) == ("x.json", 600, 0, 0, "")
