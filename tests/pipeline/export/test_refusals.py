"""What is not exported, in one line each; and audio that is made from the tokens."""

import fcntl
import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from model.codec import decode, load_codec
from pipeline.export.errors import ExportError
from pipeline.export.plan import ExportConfig
from pipeline.export.run import export
from schemas.errors import UserError


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(
    ("first", "second", "line"),
    [
        ({"to": "lhotse"}, {"to": "huggingface"}, "to 'lhotse', not 'huggingface'"),
        (
            {"to": "lhotse", "splits": ("train",)},
            {"to": "lhotse"},
            r"split \['train'\], not \['train', 'validation', 'test'\]",
        ),
        ({"to": "lhotse"}, {"to": "lhotse", "decode": True}, "decode False, not True"),
        (
            {"to": "moshi-finetune", "model_channel": "0"},
            {"to": "moshi-finetune"},
            "model_channel '0', not 'both'",
        ),
    ],
    ids=str,
)
def test_another_export_into_the_same_folder_is_refused(
    make_world: Any, first: dict[str, Any], second: dict[str, Any], line: str
) -> None:
    world = make_world("ab")
    folder, _ = world.export(**first)
    before = files_of(folder)
    with pytest.raises(ExportError, match=f"holds an export with {line}: give another folder"):
        world.export(**second)
    assert files_of(folder) == before


def test_the_default_orientation_is_both(make_world: Any) -> None:
    world = make_world("ab")
    world.export("moshi-finetune")
    assert world.export("moshi-finetune", model_channel="both")[1].written == 0


def test_an_export_of_another_build_is_refused(make_world: Any) -> None:
    world = make_world("ab")
    world.export("lhotse")
    path = world.out / "dataset.json"
    path.write_text(path.read_text().replace("f" * 64, "e" * 64))
    with pytest.raises(ExportError, match=r"fingerprint 'f+', not 'e+'"):
        world.export("lhotse")


def test_a_folder_with_other_files_is_refused_and_left_as_it_is(make_world: Any) -> None:
    world = make_world("ab")
    (world.tmp / "export").mkdir()
    (world.tmp / "export" / "thesis.doc").write_text("x")
    with pytest.raises(ExportError, match=r"holds other files \(thesis\.doc"):
        world.export("lhotse")
    assert set(files_of(world.tmp / "export")) == {"thesis.doc"}


@pytest.mark.parametrize("inside", [".", "export", "shards/../new/export"])
def test_a_folder_in_the_dataset_is_refused(make_world: Any, inside: str) -> None:
    world = make_world("ab")
    before = files_of(world.out)
    config = ExportConfig(to="lhotse")
    with pytest.raises(ExportError, match=r"lies in the dataset .*: give a folder outside of it"):
        export(config, world.out, world.out / inside, lambda line: None)
    assert files_of(world.out) == before


def test_two_exports_at_once_are_refused(make_world: Any) -> None:
    world = make_world("ab")
    (world.tmp / "export").mkdir()
    with (world.tmp / "export" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ExportError, match="another export is writing"):
            world.export("lhotse")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"to": "kaldi"}, "--to 'kaldi' is not known: give one of moshi-finetune"),
        ({"to": "lhotse", "splits": ("dev",)}, "--split 'dev' is not known: give one of train"),
        ({"to": "moshi-finetune", "model_channel": "2"}, "--model-channel '2' is not known"),
        ({"to": "lhotse", "model_channel": "0"}, "--model-channel is for --to moshi-finetune"),
        ({"to": "nu-dialogue", "decode": True}, "--decode makes audio, and --to nu-dialogue has none"),
        ({"to": "lhotse", "text": "x.model"}, "--text is for --to nu-dialogue"),
        ({"to": "nu-dialogue", "text_rule": "drop"}, "--text-rule is for a row of text tokens"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_for(options: dict[str, Any], line: str) -> None:
    with pytest.raises(ExportError, match=line):
        ExportConfig(**options)


def _no_shard(out: Path) -> None:
    for path in (out / "shards").iterdir():
        path.unlink()


def _damaged(out: Path) -> None:
    for path in (out / "shards").iterdir():
        data = bytearray(path.read_bytes())
        data[700] ^= 1
        path.write_bytes(data)


def _other_columns(out: Path) -> None:
    path = out / "index" / "clips.parquet"
    pq.write_table(pq.read_table(path).drop(["duration_s"]), path)


def _write(name: str, data: bytes) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        (out / name).write_bytes(data)

    return change


@pytest.mark.parametrize("to", ["moshi-finetune", "huggingface"])
@pytest.mark.parametrize(
    ("change", "line"),
    [
        (_no_shard, r"train-00000\.tar: no such shard; check the dataset"),
        (_damaged, r"train-00000\.tar: clip [0-9a-f]{32} is damaged \(its bytes changed\); check the dataset"),
        (_other_columns, "has other columns than this version reads"),
        (_write("index/clips.parquet", b"PAR1"), "unreadable index"),
        (_write("dataset.json", b"{"), r"dataset\.json cannot be read"),
        (_write("withdrawn.jsonl", b"x\n"), r"withdrawn\.jsonl:1: not a line like"),
        (lambda out: (out / "dataset.json").unlink(), r"has no dataset\.json"),
        (lambda out: (out / "index" / "clips.parquet").unlink(), r"has no index/clips\.parquet"),
    ],
)
def test_a_broken_dataset_is_one_line(make_world: Any, change: Callable[[Path], None], line: str, to: str) -> None:
    world = make_world("a")
    change(world.out)
    with pytest.raises(UserError, match=line) as raised:
        world.export(to)
    assert "\n" not in str(raised.value)


def test_without_flac_the_way_out_is_said(make_world: Any) -> None:
    world = make_world("ab", flac=False)
    line = "was built without audio, which lhotse needs: build it again with --flac, or give --decode"
    with pytest.raises(ExportError, match=line):
        world.export("lhotse")
    assert not (world.tmp / "export").exists()


def test_decoded_audio_is_that_of_the_codec(make_world: Any) -> None:
    world = make_world("a", flac=False)
    folder, _ = world.export("moshi-finetune", model_channel="1", decode=True)
    clip_id = next(iter(world.clips))
    codec = load_codec("builtin")
    expected = np.stack([decode(codec, channel) for channel in world.codes(clip_id)[::-1]])[:, :199_920]
    with wave.open(str(next(folder.glob(f"*/{clip_id}-1.wav")))) as file:
        audio = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).T
    assert audio.shape == expected.shape
    assert np.abs(audio / 32_768 - np.clip(expected, -1, 1)).max() <= 1 / 32_768
    folder, _ = world.export("lhotse", "lhotse", decode=True)
    with av.open(str(next(folder.glob(f"audio/*/{clip_id}.flac")))) as container:
        flac = np.concatenate([f.to_ndarray().reshape(-1, 2).T for f in container.decode(audio=0)], axis=1)
    assert np.array_equal(flac[::-1], audio)


def test_other_weights_than_those_of_the_tokens_are_refused(make_world: Any) -> None:
    world = make_world("a", flac=False)
    path = world.out / "dataset.json"
    description = json.loads(path.read_text())
    description["duplexset"]["weights"] = {"builtin": "0" * 64}
    path.write_text(json.dumps(description))
    with pytest.raises(ExportError, match="the weights of the codec builtin are not those"):
        world.export("lhotse", decode=True)
