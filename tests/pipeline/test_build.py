"""build on the demo recordings: what is kept, what is not and why, and the same bytes in every circumstance."""

import hashlib
import io
import json
import shutil
import signal
import subprocess
import sys
import time
import wave
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from cluster.engine import open_engine
from pipeline.build import BuildError, BuildResult, build, claim
from pipeline.config import BuildConfig
from pipeline.decode import decode_clip
from pipeline.describe import MadeBy
from pipeline.lock import LockError
from pipeline.sources import read_sources
from pipeline.verify import verify
from pipeline.view import View
from stages.decode import decode as decode_source

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "demo" / "recordings"
CONFIG = BuildConfig(split_percent=(60, 20, 20), shard_mb=1)
TOOLS = "rai:machineAnnotationTools"


def run_build(
    out: Path,
    *,
    engine: str = "inline",
    workers: int | None = None,
    config: BuildConfig = CONFIG,
    sources: Path = RECORDINGS / "manifest.csv",
) -> tuple[BuildResult, str]:
    """The result and what a person saw."""
    said = io.StringIO()
    opened = open_engine(engine, workers)
    try:
        with View(Console(file=said, width=200), interactive=False) as view:
            return build(read_sources([str(sources)], {}), out, config, engine=opened, view=view), said.getvalue()
    finally:
        opened.close()


def digests(out: Path) -> dict[str, str]:
    """What a dataset consists of: everything but work/."""
    files = [p for p in sorted(out.rglob("*")) if p.is_file() and "work" not in p.relative_to(out).parts]
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BuildResult, str]:
    out = tmp_path_factory.mktemp("built") / "out"
    result, said = run_build(out)
    return out, result, said


def test_what_is_kept_and_what_is_not(built: tuple[Path, BuildResult, str]) -> None:
    _, result, said = built
    reasons = {row.uri: [loss.reason for loss in row.lost if loss.reason != "silence"] for row in result.recordings}
    kept = {row.uri for row in result.recordings if row.n_clips}
    assert kept == {
        "telephone-parcel.wav",
        "studio-kitchen.left.flac",
        "videocall-budget.ogg",
        "interview-lighthouse.m4a",
        "clinic-knee.mp3",
        "mixture-directions.ogg",
        "mixture-radio.mp3",
    }
    assert reasons["refused-rehearsal.ogg"] == ["licence_refused"]
    assert reasons["broken-interrupted.m4a"] in (["not_audio"], ["corrupt"])
    for uri, why in reasons.items():
        lines = [line for line in said.splitlines() if line.startswith("rejected (") and f"/{uri}" in line]
        assert len([line for line in lines if "(silence)" not in line]) == len(why), f"{uri}: each reason once"
    assert not result.quarantined


def test_the_dataset_is_whole_and_has_every_split(built: tuple[Path, BuildResult, str]) -> None:
    out, _, _ = built
    assert list(verify(out)) == []
    rows = pq.read_table(out / "index" / "clips.parquet", columns=["split"]).to_pylist()
    assert {row["split"] for row in rows} == {"train", "validation", "test"}


def test_it_is_described_for_programs_and_for_people(built: tuple[Path, BuildResult, str]) -> None:
    out, result, _ = built
    description = json.loads((out / "dataset.json").read_text("utf-8"))
    seconds = sum(row.kept_s for row in result.recordings)
    assert f"7 clips, {seconds / 60:.1f} min (en {seconds / 60:.1f} min)" in description["description"]
    assert "No natural person speaks" in description["rai:personalSensitiveInformation"][0]
    assert description["duplexset"]["software"].startswith("duplexset ")
    assert any(f"SHA-256 {description['duplexset']['weights']['separator']}" in t for t in description[TOOLS])
    card = (out / "DATA_CARD.md").read_text("utf-8")
    assert "| clips | 7 |" in card
    assert "| licence of the whole | CC0-1.0 |" in card


def test_speakers_keep_their_names_and_channels(built: tuple[Path, BuildResult, str]) -> None:
    out, _, _ = built
    rows = pq.read_table(out / "index" / "clips.parquet", columns=["info"]).to_pylist()
    speakers = {row["info"]["provenance"]["uri"]: row["info"]["speakers"] for row in rows}
    assert speakers["telephone-parcel.wav"] == ["anna", "ben"]
    assert speakers["studio-kitchen.left.flac"] == ["tom", "iris"]


def test_a_decoded_clip_follows_the_recording(built: tuple[Path, BuildResult, str], tmp_path: Path) -> None:
    out, _, _ = built
    rows = pq.read_table(out / "index" / "clips.parquet", columns=["clip_id", "info"]).to_pylist()
    clip = next(row for row in rows if row["info"]["provenance"]["uri"] == "telephone-parcel.wav")
    clip_id, length_s = decode_clip(out, clip["clip_id"][:12], tmp_path / "clip.wav")
    assert clip_id == clip["clip_id"]
    assert length_s == pytest.approx(clip["info"]["n_frames"] * 0.08)
    (source,) = read_sources([str(RECORDINGS / "telephone-parcel.wav")], {}).usable
    original = np.concatenate(list(decode_source(source)), axis=1)[:, round(clip["info"]["start_s"] * 8_000) :]
    with wave.open(str(tmp_path / "clip.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (24_000, 2)
        decoded = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2).T
    for channel in (0, 1):
        ours, theirs = envelope_db(decoded[channel], 24_000), envelope_db(original[channel] * 32768, 8_000)
        n = min(len(ours), len(theirs))
        assert np.corrcoef(ours[:n], theirs[:n])[0, 1] > 0.8


def envelope_db(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """Level of each 100 ms, floored at the line noise."""
    size = rate_hz // 10
    frames = audio[: len(audio) // size * size].astype(np.float64).reshape(-1, size)
    return np.asarray(10 * np.log10(np.maximum((frames**2).mean(axis=1), 300.0)))


def test_a_second_build_does_nothing_anew(built: tuple[Path, BuildResult, str]) -> None:
    out, _, _ = built
    before, times = digests(out), {p: p.stat().st_mtime_ns for p in (out / "work" / "prepared").iterdir()}
    result, _ = run_build(out)
    assert result.packed_now == 0
    assert digests(out) == before
    assert {p: p.stat().st_mtime_ns for p in (out / "work" / "prepared").iterdir()} == times


@pytest.mark.ray
@pytest.mark.parametrize("workers", [1, 2])
def test_ray_gives_the_same_bytes(built: tuple[Path, BuildResult, str], tmp_path: Path, workers: int) -> None:
    run_build(tmp_path / "out", engine="ray", workers=workers)
    assert digests(tmp_path / "out") == digests(built[0])


def start_build(out: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "pipeline.cli",
        "build",
        str(RECORDINGS / "manifest.csv"),
        str(out),
    ]
    options = ["--engine", "inline", "--split", "60/20/20", "--shard-mb", "1"]
    listen = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # the tests may run where Ctrl-C is ignored
    return subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=listen,  # noqa: PLW1509
    )


def wait_for(condition: object, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None and not condition():  # type: ignore[operator]
        time.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_stopped_in_the_middle_and_started_again(
    built: tuple[Path, BuildResult, str], tmp_path: Path, how: signal.Signals
) -> None:
    out = tmp_path / "out"
    prepared = out / "work" / "prepared"
    process = start_build(out)
    wait_for(lambda: len(list(prepared.glob("[!.]*.parquet"))) >= 2, process)
    process.send_signal(how)
    _, said = process.communicate()
    assert process.returncode == (130 if how is signal.SIGINT else -signal.SIGKILL)
    assert (b"stopped: run the same command again to go on" in said) == (how is signal.SIGINT)
    assert b"Traceback" not in said
    done = {p: p.stat().st_mtime_ns for p in prepared.glob("[!.]*.parquet")}
    assert len(done) >= 2
    assert not (out / "dataset.json").exists()
    run_build(out)
    assert digests(out) == digests(built[0])
    assert {p: p.stat().st_mtime_ns for p in done} == done
    assert not list(out.rglob(".*.tmp"))


def test_a_copy_elsewhere_in_another_order_gives_the_same_bytes(
    built: tuple[Path, BuildResult, str], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in RECORDINGS.iterdir():
        if path.is_file():
            (folder / path.name).symlink_to(path)
    shutil.copytree(RECORDINGS / "truth", folder / "truth")  # transcripts, as evidence, may not be links out of it
    head, *rows = (RECORDINGS / "manifest.csv").read_text().splitlines()
    for name in ("manifest.csv", "LICENSE.txt"):
        (folder / name).unlink()
    (folder / "LICENSE.txt").write_bytes((RECORDINGS / "LICENSE.txt").read_bytes())
    (folder / "manifest.csv").write_text("\n".join([head, *reversed(rows)]) + "\n")
    run_build(tmp_path / "out", sources=folder / "manifest.csv")
    mine, theirs = digests(tmp_path / "out"), digests(built[0])
    same = [name for name in theirs if name.startswith("shards/") or name == "index/clips.parquet"]
    assert same
    assert {name: mine[name] for name in same} == {name: theirs[name] for name in same}


def test_a_withdrawn_clip_is_left_out_and_only_its_shard_changes(
    built: tuple[Path, BuildResult, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(built[0], out)
    before = digests(out)
    row = pq.read_table(out / "index" / "clips.parquet", columns=["clip_id", "shard"]).to_pylist()[0]
    (out / "withdrawn.jsonl").write_text(f'{{"clip_id": "{row["clip_id"]}"}}\n')
    run_build(out)
    after = digests(out)
    changed = {n for n in before.keys() | after.keys() if n.startswith("shards/") and before.get(n) != after.get(n)}
    assert changed == {f"shards/{row['shard']}"}
    assert list(verify(out)) == []
    dropped = [r for r in pq.read_table(out / "index" / "clips.parquet").to_pylist() if not r["kept"]]
    assert [(r["clip_id"], r["reason"]) for r in dropped] == [(row["clip_id"], "withdrawn")]


def test_another_configuration_is_refused_by_name(built: tuple[Path, BuildResult, str]) -> None:
    with pytest.raises(BuildError, match="flac: False there, True now"):
        run_build(built[0], config=BuildConfig(split_percent=(60, 20, 20), shard_mb=1, flac=True))


def test_what_another_version_made_is_refused_by_name(tmp_path: Path) -> None:
    config = BuildConfig(roles="/x/roles.py:describe")
    weights = {"builtin": "a", "separator": "b", "roles describe": "c"}
    (tmp_path / "work").mkdir()
    assert claim(tmp_path, MadeBy(config=config, weights=weights, fingerprint="1")) == ""
    with pytest.raises(BuildError, match=r"others than are here now \(separator\): choose another folder"):
        claim(tmp_path, MadeBy(config=config, weights={**weights, "separator": "z"}, fingerprint="2"))
    both = {**weights, "separator": "z", "roles describe": "y"}
    with pytest.raises(BuildError, match=r"\(roles describe, separator\)"):
        claim(tmp_path, MadeBy(config=config, weights=both, fingerprint="3"))
    with pytest.raises(BuildError, match=r"\(roles: describe there, none now\)"):
        claim(tmp_path, MadeBy(config=BuildConfig(), weights=weights, fingerprint="4"))
    other = MadeBy(config=config, weights={**weights, "roles describe": "y"}, fingerprint="5")
    assert "/x/roles.py:describe was changed: every recording is prepared anew" in claim(tmp_path, other)
    assert claim(tmp_path, other) == ""
    mark = tmp_path / "work" / "build.json"
    mark.write_text(
        mark.read_text().replace('"stage": "label",\n      "version": ', '"stage": "label",\n      "version": 9')
    )
    with pytest.raises(BuildError, match=r"\(stage label: version 9\d there, \d now\)"):
        claim(tmp_path, replace(other, fingerprint="6"))


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("x")
    with pytest.raises(BuildError, match=r"holds other files \(thesis\.doc"):
        run_build(tmp_path)


def test_two_builds_at_once_are_refused(tmp_path: Path) -> None:
    import fcntl

    (tmp_path / "work").mkdir()
    with (tmp_path / "work" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LockError, match="another build or withdrawal is running"):
            run_build(tmp_path)
