"""What looks at an OUT folder asks for no network: it starts at once, also where PyTorch is not installed."""

import subprocess
import sys
from pathlib import Path

import pytest

MODULES = (
    *(f"pipeline.audit.{name}" for name in ("check", "diff", "notice", "show", "summary", "written")),
    *("pipeline.catalog_query", "pipeline.provenance.write", "pipeline.policy_check", "pipeline.browse.start"),
    *("pipeline.verify", "pipeline.withdraw.run", "pipeline.withdraw.proof", "pipeline.cli"),
)


@pytest.mark.parametrize("module", MODULES)
def test_without_networks(module: str) -> None:
    code = f"import {module}, sys; print([name for name in ('torch', 'ray', 'transformers') if name in sys.modules])"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
