"""A withdrawal killed at 50 random moments: fully done or fully not done, and said so; finished, the same bytes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.slow
def test_killed_at_fifty_moments_it_is_done_or_not_and_says_so(world: Any, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    driver = Path(__file__).with_name("kill_driver.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(driver), str(world.out), str(tmp_path / "runs"), world.anna],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    found = json.loads((tmp_path / "runs" / "found.json").read_text())
    moments = found["found"]
    assert len(moments) == 50
    assert all(one["killed"] for one in moments)
    seen = set()
    for one in moments:
        if not one["states"]:  # not done at all
            assert one["untouched"], one
            assert not one["clips"]
            seen.add("not begun")
        elif one["states"] == ["done"]:
            assert not one["lines"], one
            seen.add("done")
        else:  # begun: it says so, and the loader knows already
            assert one["open"]
            assert any("run `duplexset withdraw" in line for line in one["lines"]), one
            assert len(one["clips"]) == 4
            seen.add(one["states"][0])
        assert one["ended"] == 0, one
        assert one["same"], one
    assert {"not begun", "removing"} <= seen
