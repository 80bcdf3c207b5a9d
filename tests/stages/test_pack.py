"""Shards: the same bytes every time, readable by plain tools, whole or not there."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from schemas.arrow import from_dict, to_dict
from schemas.clip import ClipInfo
from schemas.prepared import PreparedFile
from schemas.shard import Member, ShardPlan, Split, VoiceRef
from stages import pack as module
from stages.pack import index_part, pack, packed_before, tar_entry

MakePrepared = Callable[..., PreparedFile]


@pytest.fixture
def plan(prepared: MakePrepared) -> ShardPlan:
    members = [
        Member(clip_id=info.clip_id, prepared=str(file.path), row_group=group, licence=file.licence)
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
        files = ("codes.npy", "words.json", "turns.npy", "vap.npy", "voices.npy", "json")
        assert names == [f"{member.clip_id}.{s}" for s in files]


def test_a_sample_holds_the_clip(plan: ShardPlan, tmp_path: Path) -> None:
    pack(plan, tmp_path)
    clip = PreparedFile(Path(plan.members[0].prepared)).clip(plan.members[0].row_group)
    with tarfile.open(tmp_path / "shards" / plan.name) as tar:
        read = {m.name.partition(".")[2]: tar.extractfile(m).read() for m in tar.getmembers()[:6]}  # type: ignore[union-attr]
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
    voices = np.load(io.BytesIO(read["voices.npy"]), allow_pickle=False)
    assert (voices.dtype, voices.shape, voices.tobytes()) == (np.int16, (8, 35), clip.voices)
    assert [v["channel"] for v in facts["voices"]] == [0, 1]


def test_a_corrected_licence_is_in_the_sample_and_the_index_and_makes_another_shard(
    plan: ShardPlan, tmp_path: Path
) -> None:
    packed = pack(plan, tmp_path)
    assert packed_before(plan, tmp_path) == packed
    first, *others = plan.members
    corrected = replace(first.licence, holder="Example Lab", jurisdiction=("DE",))
    changed = replace(plan, members=(replace(first, licence=corrected), *others))
    assert packed_before(changed, tmp_path) is None
    pack(changed, tmp_path)
    rows = index_rows(tmp_path, changed)
    assert [row["info"]["licence"]["holder"] for row in rows] == ["Example Lab", None, None]  # type: ignore[index]
    with tarfile.open(tmp_path / "shards" / plan.name) as tar:
        facts = json.loads(tar.extractfile(f"{first.clip_id}.json").read())  # type: ignore[union-attr]
    assert facts["licence"] == json.loads(json.dumps(to_dict(corrected)))


@pytest.fixture
def sharing(prepared: MakePrepared) -> ShardPlan:
    """Three clips of a recording; the first takes a voice of the second, on channel 1, and both of the third."""
    file = prepared("c.wav", clips=3)
    refs = (VoiceRef(row_group=2, number=1, channel=1), VoiceRef(row_group=1, number=0, channel=1))
    refs = (*refs, VoiceRef(row_group=2, number=0, channel=0))
    members = [
        Member(clip_id=info.clip_id, prepared=str(file.path), row_group=group, voices=() if group else refs)
        for group, info, _ in file.infos()
    ]
    return ShardPlan(name="train-00000.tar", split=Split.TRAIN, members=tuple(members))


def test_voices_of_other_clips_come_along_best_first(sharing: ShardPlan, tmp_path: Path) -> None:
    pack(sharing, tmp_path)
    file = PreparedFile(Path(sharing.members[0].prepared))
    clips = [file.clip(group) for group in range(3)]
    arrays = [np.frombuffer(clip.voices, np.int16).reshape(8, 35) for clip in clips]
    with tarfile.open(tmp_path / "shards" / sharing.name) as tar:
        read = {m.name.partition(".")[2]: tar.extractfile(m).read() for m in tar.getmembers()[:6]}  # type: ignore[union-attr]
    voices = np.load(io.BytesIO(read["voices.npy"]), allow_pickle=False)
    listed = json.loads(read["json"])["voices"]
    cut = [voices[:, v["first_frame"] : v["end_frame"]] for v in listed]
    # qualities of clips 0, 1, 2: 0.9, 0.8, 0.7 on channel 0 and 0.5, 0.6, 0.7 on channel 1
    expected = [(0, 0, 0, 20), (0, 2, 0, 20), (1, 1, 0, 20), (1, 2, 20, 35), (1, 0, 20, 35)]  # channel, clip, frames
    assert [(v["channel"], v["clip_id"]) for v in listed] == [(c, clips[n].info.clip_id) for c, n, _, _ in expected]
    assert all(np.array_equal(a, arrays[n][:, i:j]) for a, (_, n, i, j) in zip(cut, expected, strict=True))
    assert sum(a.shape[1] for a in cut) == voices.shape[1]
    assert [v["start_s"] for v in listed[:2]] == [0.5, 20.5]
    stored = from_dict(ClipInfo, index_rows(tmp_path, sharing)[0]["info"])  # type: ignore[arg-type]
    assert json.loads(json.dumps(to_dict(stored)["voices"])) == listed


def test_other_voices_make_another_shard(sharing: ShardPlan, tmp_path: Path) -> None:
    pack(sharing, tmp_path)
    first = replace(sharing.members[0], voices=sharing.members[0].voices[1:])
    fewer = replace(sharing, members=(first, *sharing.members[1:]))
    assert packed_before(sharing, tmp_path) is not None
    assert packed_before(fewer, tmp_path) is None


def test_plain_webdataset_reads_a_shard_in_a_process_without_our_code(plan: ShardPlan, tmp_path: Path) -> None:
    pack(plan, tmp_path)
    program = """
import io, json, sys
import numpy as np, webdataset as wds
assert not any(name.split(".")[0] in {"schemas", "stages", "model", "pipeline"} for name in sys.modules)
samples = list(wds.WebDataset(sys.argv[1], shardshuffle=False))
codes = [np.load(io.BytesIO(s["codes.npy"])) for s in samples]
lengths = [json.loads(s["json"])["n_frames"] for s in samples]
voices = [np.load(io.BytesIO(s["voices.npy"])) for s in samples]
ends = [json.loads(s["json"])["voices"][-1]["end_frame"] for s in samples]
found = [[s["__key__"] for s in samples], [c.shape for c in codes], lengths, [v.shape for v in voices], ends]
print(json.dumps(found))
"""
    shard = tmp_path / "shards" / plan.name
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", program, str(shard)], capture_output=True, text=True, check=True
    )
    keys, shapes, lengths, voices, ends = json.loads(done.stdout)
    assert keys == [m.clip_id for m in plan.members]
    assert shapes == [[2, 8, 100]] * 3
    assert lengths == [100] * 3
    assert voices == [[8, 35]] * 3
    assert ends == [35] * 3


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
