"""build --dry-run: it says what the build would do, refuses what the build would refuse, and writes nothing."""

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from cluster.engine import open_engine
from pipeline.build import BuildError, claim, dry_run
from pipeline.config import BuildConfig
from pipeline.describe import MadeBy
from pipeline.sources import read_sources
from pipeline.view import View

RECORDINGS = Path(__file__).parents[2] / "demo" / "recordings"
CONFIG = BuildConfig(split_percent=(60, 20, 20), shard_mb=1)


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(tmp_path: Path) -> None:
    sources = read_sources([str(RECORDINGS / "manifest.csv")], {})
    with View(Console(file=io.StringIO()), interactive=False) as view:
        plan = dry_run(sources, tmp_path / "out", CONFIG, engine=open_engine("inline", None), view=view)
    assert len(plan.missing) + len(plan.refused) == 9
    assert plan.there == 0
    assert {loss.reason for row in plan.refused for loss in row.lost} >= {"licence_refused"}
    assert not os.path.lexists(tmp_path / "out")


def test_a_dry_run_refuses_what_the_build_refuses_and_writes_nothing(tmp_path: Path) -> None:
    sources = read_sources([str(RECORDINGS / "manifest.csv")], {})
    (tmp_path / "thesis.doc").write_text("x")
    made_by = MadeBy(config=replace(CONFIG, flac=True), weights={}, fingerprint="1")
    for folder, words in ((tmp_path, "holds other files"), (tmp_path / "out", "flac: True there, False now")):
        if folder.name == "out":
            (folder / "work").mkdir(parents=True)
            claim(folder, made_by)
        before = {str(p): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        with (
            View(Console(file=io.StringIO()), interactive=False) as view,
            pytest.raises(BuildError, match=words),
        ):
            dry_run(sources, folder, CONFIG, engine=open_engine("inline", None), view=view)
        assert {str(p): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
