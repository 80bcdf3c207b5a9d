"""build on the same call as a two-channel file and as an MP3 of its mixdown, beside another call."""

import hashlib
import io
import json
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from cluster.engine import open_engine
from pipeline.build import build
from pipeline.config import BuildConfig
from pipeline.sources import read_sources
from pipeline.verify import verify
from pipeline.view import View
from schemas.shard import NearDuplicates
from stages.decode import decode

RECORDINGS = Path(__file__).parents[2] / "demo" / "recordings"


def write_mp3(path: Path, audio: np.ndarray, rate_hz: int) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libmp3lame", rate=rate_hz, layout="mono")
        stream.bit_rate = 64_000
        stream.codec_context.open(strict=False)
        whole = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(audio[None], np.float32), format="fltp", layout="mono"
        )
        whole.sample_rate, whole.time_base, whole.pts = rate_hz, Fraction(1, rate_hz), 0
        converter = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate_hz)
        fifo = av.AudioFifo()
        for frame in [*converter.resample(whole), *converter.resample(None)]:
            fifo.write(frame)
        for frame in fifo.read_many(stream.codec_context.frame_size or 1_152, partial=True):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calls")
    shutil.copy(RECORDINGS / "telephone-parcel.wav", folder / "call.wav")
    shutil.copy(RECORDINGS / "clinic-knee.mp3", folder / "other.mp3")
    (source,) = read_sources([str(folder / "call.wav")], {}).usable
    audio = np.concatenate(list(decode(source)), axis=1)
    write_mp3(folder / "again.mp3", 0.6 * audio.mean(axis=0)[2_345:], 8_000)
    return folder


def run_build(calls: Path, out: Path, names: list[str], **fields: object) -> str:
    said = io.StringIO()
    opened = open_engine("inline", None)
    sources = read_sources([str(calls / name) for name in names], {"licence": "CC0-1.0", "consent": "synthetic"})
    config = BuildConfig(split_percent=(34, 33, 33), **fields)
    with View(Console(file=said, width=200), interactive=False) as view:
        build(sources, out, config, engine=opened, view=view)
    opened.close()
    return said.getvalue()


def digests(out: Path) -> dict[str, str]:
    files = [p for p in sorted(out.rglob("*")) if p.is_file() and "work" not in p.relative_to(out).parts]
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def clips(out: Path) -> dict[str, dict[str, object]]:
    return {
        row["info"]["provenance"]["uri"]: row for row in pq.read_table(out / "index" / "clips.parquet").to_pylist()
    }


def test_one_of_the_two_is_kept_and_everything_says_so(calls: Path, tmp_path: Path) -> None:
    said = run_build(calls, tmp_path / "one", ["call.wav", "again.mp3", "other.mp3"])
    found = clips(tmp_path / "one")
    call, again, other = (found[name] for name in ("call.wav", "again.mp3", "other.mp3"))
    assert [row["kept"] for row in (call, again, other)] == [True, False, True]
    assert again["reason"] == "near_duplicate"
    assert f"is in clip {call['clip_id']} (call.wav" in str(again["detail"])
    assert "not kept (near_duplicate) again.mp3" in said
    (mine,), (theirs,) = call["duplicates"], again["duplicates"]
    assert (mine["clip_id"], theirs["clip_id"]) == (again["clip_id"], call["clip_id"])
    assert mine["likeness"] > 0.9
    assert theirs["likeness"] > 0.9
    assert mine["offset_s"] == pytest.approx(2_345 / 8_000, abs=0.05)  # LAME and the mixture's cut add a little
    assert other["duplicates"] == []
    assert list(verify(tmp_path / "one")) == []
    rows = pq.read_table(tmp_path / "one" / "index" / "recordings.parquet").to_pylist()
    assert {row["uri"]: [x["reason"] for x in row["lost"]] for row in rows}["again.mp3"] == ["near_duplicate"]
    run_build(calls, tmp_path / "two", ["other.mp3", "again.mp3", "call.wav"])
    assert digests(tmp_path / "two") == digests(tmp_path / "one")


def test_a_copy_that_comes_later_changes_no_shard(calls: Path, tmp_path: Path) -> None:
    run_build(calls, tmp_path / "out", ["call.wav", "other.mp3"])
    before = {path.name: path.stat().st_ino for path in (tmp_path / "out" / "shards").iterdir()}
    run_build(calls, tmp_path / "out", ["call.wav", "again.mp3", "other.mp3"])
    assert {path.name: path.stat().st_ino for path in (tmp_path / "out" / "shards").iterdir()} == before
    assert len(clips(tmp_path / "out")["call.wav"]["duplicates"]) == 1


def test_both_are_kept_if_they_are_to_and_lie_in_one_split(calls: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_build(calls, out, ["call.wav", "again.mp3", "other.mp3"], near_duplicates=NearDuplicates.KEEP)
    found = clips(out)
    assert all(row["kept"] for row in found.values())
    assert found["call.wav"]["split"] == found["again.mp3"]["split"]
    assert json.loads((out / "dataset.json").read_text())["duplexset"]["configuration"]["near_duplicates"] == "keep"
