"""From a recording that is longer than a span to prompts: voices go round its clips, roles go along, and training."""

import hashlib
import io
import json
import tarfile
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from cluster.engine import open_engine
from pipeline.build import BuildResult, build, made_by_of
from pipeline.cli import app
from pipeline.config import BuildConfig
from pipeline.sources import read_sources
from pipeline.summary import result_table
from pipeline.verify import verify
from pipeline.view import View
from schemas.recording import Source
from schemas.shard import NearDuplicates
from stages.decode import decode

DEMO = Path(__file__).parents[2] / "demo" / "recordings"
CONFIG = BuildConfig(split_percent=(100, 0, 0), max_span_s=40.0, near_duplicates=NearDuplicates.KEEP)
ROLE = 'You run the meeting: "budget", A|B; be brief, please.'


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one conversation of the demo, twice in a row: 143 s, and its manifest."""
    folder = tmp_path_factory.mktemp("long")
    source = Source(uri=str(DEMO / "videocall-budget.ogg"), origin="test")
    audio = np.tile(np.concatenate(list(decode(source)), axis=1), 2)
    with wave.open(str(folder / "long.wav"), "wb") as file:
        file.setparams((2, 2, 48_000, 0, "NONE", ""))
        file.writeframes((audio.T * 32_767).astype("<i2").tobytes())
    row = {"path": "long.wav", "licence": "CC0-1.0", "speakers": "nell|karl", "role_a": ROLE}
    (folder / "manifest.jsonl").write_text(json.dumps(row) + "\n")
    return folder


def run(
    out: Path,
    recordings: Path,
    config: BuildConfig = CONFIG,
    engine: str = "inline",
    said: io.StringIO | None = None,
) -> BuildResult:
    opened = open_engine(engine, 2 if engine == "ray" else None)
    try:
        with View(Console(file=said or io.StringIO()), interactive=False) as view:
            sources = read_sources([str(recordings / "manifest.jsonl")], {})
            return build(sources, out, config, engine=opened, view=view)
    finally:
        opened.close()


def digests(out: Path) -> dict[str, str]:
    files = [p for p in sorted(out.rglob("*")) if p.is_file() and "work" not in p.relative_to(out).parts]
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def samples(out: Path) -> dict[str, dict[str, Any]]:
    """The JSON of each sample, with its voices' codes beside each of them."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((out / "shards").iterdir()):
        with tarfile.open(path) as tar:
            files = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}  # type: ignore[union-attr]
        for name, data in files.items():
            clip_id, _, suffix = name.partition(".")
            if suffix == "json":
                facts = json.loads(data)
                codes = np.load(io.BytesIO(files[f"{clip_id}.voices.npy"]), allow_pickle=False)
                for voice in facts["voices"]:
                    voice["codes"] = codes[:, voice["first_frame"] : voice["end_frame"]].tolist()
                found[clip_id] = facts
    return found


@pytest.fixture(scope="module")
def built(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "out"
    run(out, recordings)
    return out


def test_clips_take_the_voices_of_other_clips(built: Path) -> None:
    found = samples(built)
    assert len(found) >= 4
    own = {(clip_id, v["start_s"]): v for clip_id, f in found.items() for v in f["voices"] if v["clip_id"] == clip_id}
    for clip_id, facts in found.items():
        others = [v for v in facts["voices"] if v["clip_id"] != clip_id]
        for channel in (0, 1):
            mine = [v for v in facts["voices"] if v["channel"] == channel]
            assert sum(v["clip_id"] != clip_id for v in mine) == 2
            assert [v["quality"] for v in mine] == sorted((v["quality"] for v in mine), reverse=True)
        for voice in others:
            origin = own[voice["clip_id"], voice["start_s"]]
            same = ("channel", "codes", "end_s", "gain_db", "quality")
            assert {k: voice[k] for k in same} == {k: origin[k] for k in same}
            assert voice["end_s"] <= facts["start_s"] or voice["start_s"] >= facts["end_s"]
    assert list(verify(built)) == []


def test_samples_hold_roles_and_the_codes_of_a_prompt(built: Path) -> None:
    for facts in samples(built).values():
        assert facts["roles"] == [ROLE, None]
        assert facts["stated_roles"] is None
        assert {name: len(codes) for name, codes in facts["prompt_codes"].items()} == {"silence": 8, "tone": 8}


def test_a_withdrawn_clips_voice_goes_from_all_others(built: Path, recordings: Path, tmp_path: Path) -> None:
    import shutil

    out = tmp_path / "out"
    shutil.copytree(built, out)
    given = [v["clip_id"] for i, f in samples(built).items() for v in f["voices"] if v["clip_id"] != i]
    gone = max(given, key=given.count)
    (out / "withdrawn.jsonl").write_text(json.dumps({"clip_id": gone}) + "\n")
    assert run(out, recordings).packed_now == 1
    left = samples(out)
    assert gone not in left
    assert gone not in {v["clip_id"] for facts in left.values() for v in facts["voices"]}
    assert all(sum(v["clip_id"] != i for v in f["voices"]) >= 2 for i, f in left.items()), "others step in"
    assert list(verify(out)) == []
    (out / "withdrawn.jsonl").unlink()
    run(out, recordings)
    assert digests(out) == digests(built)


@pytest.mark.ray
def test_ray_gives_the_same_bytes(built: Path, recordings: Path, tmp_path: Path) -> None:
    run(tmp_path / "out", recordings, engine="ray")
    assert digests(tmp_path / "out") == digests(built)


def test_the_summary_counts_clips_with_both_voices(built: Path, recordings: Path) -> None:
    totals = json.loads((built / "dataset.json").read_text())["duplexset"]["totals"]["splits"]["train"]
    assert totals["both_voices"] == totals["clips"] == len(samples(built))
    said = io.StringIO()
    Console(file=said, width=200).print(result_table(run(built, recordings), built))
    assert "voice samples of both speakers" not in said.getvalue()


GENERATOR = """
def describe(facts):
    return f"{facts.speaker} after {facts.role}" if facts.channel == 0 else None
"""


def test_a_generator_shapes_the_data_by_its_bytes_not_its_place(recordings: Path, tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "roles.py").write_text(GENERATOR)
    here, there = (replace(CONFIG, roles=f"{tmp_path / name}/roles.py:describe") for name in ("here", "there"))
    assert made_by_of(here).fingerprint == made_by_of(there).fingerprint != made_by_of(CONFIG).fingerprint
    run(tmp_path / "out", recordings, here)
    roles = [facts["roles"] for facts in samples(tmp_path / "out").values()]
    assert roles == [[f"nell after {ROLE}", None]] * len(roles)
    before = digests(tmp_path / "out")
    run(tmp_path / "out", recordings, there)
    assert digests(tmp_path / "out") == before
    assert str(tmp_path) not in (tmp_path / "out" / "dataset.json").read_text()
    (tmp_path / "there" / "roles.py").write_text(GENERATOR + "# changed\n")
    assert made_by_of(here).fingerprint != made_by_of(there).fingerprint


def test_a_generator_that_fails_puts_the_recording_in_quarantine(recordings: Path, tmp_path: Path) -> None:
    path = tmp_path / "roles.py"
    path.write_text("def describe(facts):\n    return facts.duration_s\n")
    result = run(tmp_path / "out", recordings, replace(CONFIG, roles=f"{path}:describe"))
    assert len(result.quarantined) == 1
    (trace,) = (tmp_path / "out" / "work" / "quarantine").iterdir()
    assert "RoleError: --roles" in trace.read_text()
    assert "it must return text, or None for none" in " ".join(trace.read_text().split())


def test_a_generator_that_is_mended_goes_on_in_the_same_folder(recordings: Path, tmp_path: Path) -> None:
    path, out, said = tmp_path / "roles.py", tmp_path / "out", io.StringIO()
    config = replace(CONFIG, roles=f"{path}:describe")
    path.write_text("import sys\ndef describe(facts):\n    sys.exit(0)\n")
    result = run(out, recordings, config, said=said)
    assert (len(result.quarantined), result.shards) == (1, [])
    (line,) = [line for line in said.getvalue().splitlines() if line.startswith("quarantined")]
    assert f"{path}:describe failed (SystemExit in line 3: 0): correct it" in line
    path.write_text(GENERATOR)
    said = io.StringIO()
    result = run(out, recordings, config, said=said)
    assert not result.quarantined
    assert f"{path}:describe was changed: every recording is prepared anew" in said.getvalue()
    assert {tuple(facts["roles"]) for facts in samples(out).values()} == {(f"nell after {ROLE}", None)}
    assert list(verify(out)) == []


def test_a_generator_that_is_none_is_refused_before_any_work(recordings: Path, tmp_path: Path) -> None:
    asked = ["build", str(recordings / "manifest.jsonl"), str(tmp_path / "out"), "--engine", "inline"]
    done = CliRunner().invoke(app, [*asked, "--roles", str(tmp_path / "nowhere.py:describe")])
    assert done.exit_code != 0
    assert "nowhere.py cannot be read" in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_train_with_personas_and_go_on(built: Path, tmp_path: Path) -> None:
    command = ["train", str(built), str(tmp_path / "run"), "--batch", "2", "--window", "50", "--eval-every", "0"]
    command += ["--persona", "--prompt-frames", "60", "--device", "cpu"]
    first = CliRunner().invoke(app, [*command, "--steps", "3", "--minutes", "0.0001"])
    assert first.exit_code == 0, first.output
    done = CliRunner().invoke(app, [*command, "--steps", "3"])
    assert done.exit_code == 0, done.output
    assert "of 6 prompts, 0 had no voice sample outside their window, 6 no role text" in " ".join(done.output.split())
