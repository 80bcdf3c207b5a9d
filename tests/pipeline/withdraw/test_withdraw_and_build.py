"""From recordings to a dataset, a person withdrawn, and builds that do not bring her back."""

import hashlib
import io
import shutil
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from cluster.engine import open_engine
from pipeline.build import BuildResult, build
from pipeline.config import BuildConfig
from pipeline.sources import read_sources
from pipeline.verify import verify
from pipeline.view import View
from pipeline.withdraw.choose import Selection
from pipeline.withdraw.finish import finish
from pipeline.withdraw.lines import append
from pipeline.withdraw.proof import remains
from pipeline.withdraw.run import Request, mark, taken_by
from schemas.withdrawn import NAME, State, read_withdrawn

DEMO = Path(__file__).parents[3] / "demo" / "recordings"
CONFIG = BuildConfig(split_percent=(60, 20, 20), max_span_s=40.0)
FILES = ("telephone-parcel.wav", "videocall-budget.ogg")
HEAD = "path,licence,speakers\n"


def run(out: Path, folder: Path) -> BuildResult:
    with View(Console(file=io.StringIO()), interactive=False) as view:
        sources = read_sources([str(folder / "manifest.csv")], {})
        return build(sources, out, CONFIG, engine=open_engine("inline", None), view=view)


def digests(out: Path) -> dict[str, str]:
    files = [*(out / "shards").iterdir(), *(out / "index").iterdir(), out / "dataset.json", out / "DATA_CARD.md"]
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(files)}


def recordings(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(out / "index" / "recordings.parquet").to_pylist()
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two recordings and a copy of the first, and their dataset."""
    folder = tmp_path_factory.mktemp("recordings")
    for name in FILES:
        shutil.copy(DEMO / name, folder)
    shutil.copy(DEMO / FILES[0], folder / "xenia-again.wav")
    rows = [f"{FILES[0]},CC0-1.0,xenia|ben", "xenia-again.wav,CC0-1.0,xenia|ben", f"{FILES[1]},CC0-1.0,nell|karl"]
    (folder / "manifest.csv").write_text(HEAD + "\n".join(rows) + "\n")
    out = tmp_path_factory.mktemp("dataset") / "out"
    run(out, folder)
    return out, folder


def withdraw(out: Path, name: str) -> str:
    request = Request(selections=(Selection("speaker", name),), reason="asked")
    one = mark(out, request, taken_by(out, request))
    finish(out, "2026-02-01", lambda line: None)
    return one.id


@pytest.mark.slow
def test_no_build_brings_back_who_was_withdrawn(built: tuple[Path, Path], tmp_path: Path) -> None:
    out, folder = tmp_path / "out", tmp_path / "recordings"
    shutil.copytree(built[0], out)
    shutil.copytree(built[1], folder)
    withdraw(out, "xenia")
    after = digests(out)
    assert list(verify(out)) == []
    assert list(remains(out)) == []
    assert sorted(row["uri"][:10] for row in recordings(out)) == ["videocall-", "withdrawn/", "withdrawn/"]

    assert run(out, folder).packed_now <= 1
    assert digests(out) == after, "the same recordings, and nothing is different"
    assert list(remains(out)) == []

    shutil.rmtree(out / "work")
    run(out, folder)
    assert digests(out) == after, "all is made anew, and nothing is different"
    assert {p.name[:64] for p in (out / "work" / "prepared").iterdir()} == {
        row["recording_id"] for row in recordings(out) if row["n_clips"]
    }

    with wave.open(str(folder / "new-with-xenia.wav"), "wb") as file:
        file.setparams((2, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.zeros(2 * 16_000 * 8, "<i2").tobytes())
    with (folder / "manifest.csv").open("a") as manifest:
        manifest.write("new-with-xenia.wav,CC0-1.0,zoe|xenia\n")
    run(out, folder)
    why = [("ingest", "withdrawn")]
    (new,) = [row for row in recordings(out) if [(loss["stage"], loss["reason"]) for loss in row["lost"]] == why]
    assert (new["uri"][:10], new["stated"]) == ("withdrawn/", None)
    assert "xenia" not in str(recordings(out))
    assert list(verify(out)) == []
    assert list(remains(out)) == []


@pytest.mark.slow
def test_a_build_ends_a_withdrawal_that_was_begun(built: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(built[0], out)
    request = Request(selections=(Selection("speaker", "xenia"),), reason="asked", today="2026-01-31")
    one = mark(out, request, taken_by(out, request))
    append(out, [{"withdrawal": one.id, "state": "removing", "date": "2026-01-31"}])  # and killed there
    assert any("begun and not done" in line for line in remains(out))
    run(out, built[1])
    assert read_withdrawn(out / NAME).withdrawals[one.id].state is State.DONE
    assert list(verify(out)) == []
    assert list(remains(out)) == []
