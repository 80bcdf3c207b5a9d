"""`duplexset fit` for the networks of mixtures: help, what is passed on, and one clear line for what is wrong."""

import importlib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from model.fitting import FitConfig
from pipeline import cli
from pipeline.say import say

NETWORKS = ("speaker", "separator", "segmentation", "enhancer")


@pytest.mark.parametrize("network", NETWORKS)
def test_help_fits_in_80_columns(network: str) -> None:
    result = CliRunner().invoke(cli.app, ["fit", network, "--help"], env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert result.exit_code == 0
    assert max(len(line.rstrip()) for line in result.output.splitlines()) <= 80
    assert "…" not in result.output


def passed_on(monkeypatch: pytest.MonkeyPatch, network: str, *options: str) -> dict[str, Any]:
    """What the command gives to the recipe."""
    seen: dict[str, Any] = {}

    def fit(audio: Path, out: Path, **given: Any) -> Path:
        seen.update(given, audio=audio, out=out)
        return out / "weights"

    monkeypatch.setattr(importlib.import_module(f"model.{network}.train"), f"fit_{network}", fit)
    result = CliRunner().invoke(cli.app, ["fit", network, "audio", "out", *options])
    assert result.exit_code == 0, result.output
    assert result.output == "weights: out/weights\n"
    assert seen.pop("report") is say
    return seen


@pytest.mark.parametrize("network", NETWORKS)
def test_options_reach_the_recipe(monkeypatch: pytest.MonkeyPatch, network: str) -> None:
    options = ["--steps", "7", "--seed", "3", "--device", "cuda", "--noise", "n", "--music", "m"]
    options += [] if network == "speaker" else ["--rooms", "r"]
    options += ["--speaker", "s"] if network == "separator" else []
    seen = passed_on(monkeypatch, network, *options)
    config = seen.pop("config")
    assert (config.steps, config.seed, config.minutes) == (7, 3, FitConfig().minutes)
    wanted = {"audio": Path("audio"), "out": Path("out"), "device": "cuda", "noise": Path("n"), "music": Path("m")}
    wanted |= {} if network == "speaker" else {"rooms": Path("r")}
    wanted |= {"speaker": Path("s")} if network == "separator" else {}
    assert seen == wanted


@pytest.mark.parametrize("network", NETWORKS)
def test_minutes_do_not_matter_beside_steps(monkeypatch: pytest.MonkeyPatch, network: str) -> None:
    assert passed_on(monkeypatch, network, "--minutes", "2.5")["config"].minutes == 2.5
    first = passed_on(monkeypatch, network, "--steps", "9")["config"]
    assert passed_on(monkeypatch, network, "--steps", "9", "--minutes", "1")["config"] == first


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on stderr of a command that fails with exit code 2."""
    monkeypatch.setattr("sys.argv", ["duplexset", "fit", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    out, error = capsys.readouterr()
    assert (left.value.code, out) == (2, "")
    assert error.startswith("duplexset: ") and error.count("\n") == 1
    return error


@pytest.mark.parametrize("network", NETWORKS)
def test_what_is_wrong_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, network: str
) -> None:
    empty, out = tmp_path / "empty", tmp_path / "out"
    empty.mkdir()
    speaker = [] if network != "separator" else ["--speaker", str(tmp_path)]
    folder = said(monkeypatch, capsys, network, str(empty), str(out), *speaker)
    assert ("no weights at" if speaker else f"no audio file in {empty}") in folder
    device = said(monkeypatch, capsys, network, str(empty), str(out), "--device", "abacus")
    assert "'abacus' is not known: give cpu or cuda" in device
    assert not out.exists()
