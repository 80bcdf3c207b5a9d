"""The command line as a person meets it."""

import errno
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from pipeline import cli

NETWORKS = ["fit codec", "fit text", "fit speaker", "fit separator", "fit enhancer", "fit segmentation"]
COMMANDS = ["build", "simulate", "score", "stats", "report", "export", "verify", "decode", "train", "fit", *NETWORKS]
COMMANDS += ["browse", "withdraw", "policy", "policy check", "policy show"]
COMMANDS += ["audit", *(f"audit {name}" for name in ("summary", "show", "query", "notice", "diff", "check"))]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pipeline.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
    )


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_in_80_columns(command: str) -> None:
    result = CliRunner().invoke(cli.app, [*command.split(), "--help"], env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert result.exit_code == 0
    assert max(len(line.rstrip()) for line in result.output.splitlines()) <= 80
    assert "…" not in result.output  # nothing is cut off


def walk(command: typer.core.TyperGroup | click.Command, name: str = "") -> list[tuple[str, object]]:
    found = [(f"{name} {p.name}", p) for p in command.params if p.name != "help"]
    for child_name, child in getattr(command, "commands", {}).items():
        found += walk(child, f"{name} {child_name}")
    return found


@pytest.mark.parametrize(("name", "parameter"), walk(typer.main.get_command(cli.app)), ids=lambda v: str(v)[:40])
def test_every_option_is_documented(name: str, parameter: object) -> None:
    assert getattr(parameter, "help", None), f"{name} has no help"


def test_every_command_is_in_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for command in COMMANDS:
        if command != "fit":
            assert f"duplexset {command}" in readme


def test_the_readme_names_no_option_that_is_not_there() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    known = {option for _, p in walk(typer.main.get_command(cli.app)) for option in getattr(p, "opts", [])}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", readme)) - {"--help"} <= known


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"duplexset \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("build", "nowhere.wav", "out"), "nowhere.wav: no such file or folder"),
        (("build", ".", "out", "--split", "90/20/5"), "percentages that sum to 100"),
        (("build", ".", "out", "--min-clip", "700"), "shorter than the longest span"),
        (("build", ".", "out", "--pairs", "x"), "give two patterns"),
        (("build", ".", "out", "--licence", "mine"), "'mine' is not known"),
        (("build", ".", "out", "--licence", "CC-BY"), "say which of CC-BY-1.0"),
        (("build", ".", "out", "--licence", "MIT", "--evidence", "gone.pdf"), "gone.pdf cannot be read"),
        (("build", ".", "out", "--licence", "MIT", "--evidence", "file:///etc/passwd"), "no address"),
        (("build", ".", "out", "--licence", "MIT", "--retain-until", "soon"), "'soon' is no date"),
        (("build", ".", "out", "--licence", "MIT", "--policy", "nowhere"), "the ready ones are commercial"),
        (("build", ".", "out", "--licence", "MIT", "--allow", "free"), "'free' is not known"),
        (("policy", "check", "nowhere.wav"), "nowhere.wav: no such file or folder"),
        (("policy", "check", ".", "--policy", "nowhere"), "the ready ones are commercial"),
        (("policy", "show", "nowhere"), "the ready ones are commercial"),
        (("build", ".", "out", "--codec", "mimi:nowhere", "--licence", "MIT"), "nowhere"),
        (("verify", "nowhere"), "nowhere has no dataset.json"),
        (("decode", "nowhere", "x.wav"), "nowhere has no index/clips.parquet"),
        (("train", "nowhere", "run"), "nowhere"),
        (("stats", "nowhere"), "nowhere: give the OUT folder of a build"),
        (("report", "nowhere"), "nowhere has no dataset.json"),
        (("browse", "nowhere", "--port", "0"), "nowhere has no index/clips.parquet"),
        (("browse", "nowhere", "--static", "out"), "nowhere has no index/clips.parquet"),
        (("export", "nowhere", "out", "--to", "lhotse"), "nowhere has no dataset.json"),
        (("audit", "summary", "nowhere"), "nowhere has no index/clips.parquet"),
        (("audit", "summary", ".", "--by", "colour"), "'colour' is not told apart; give some of licence"),
        (("audit", "show", "nowhere", "0"), "nowhere has no index/clips.parquet"),
        (("audit", "query", "nowhere", "SELECT 1"), "nowhere has no index/clips.parquet"),
        (("audit", "query", "nowhere"), "or --columns"),
        (("audit", "notice", "nowhere"), "nowhere has no index/clips.parquet"),
        (("audit", "notice", ".", "--split", "all"), "--split all: give train, validation or test"),
        (("audit", "notice", ".", "--to", "."), "is a folder"),
        (("audit", "diff", "nowhere", "."), "nowhere has no index/clips.parquet"),
        (("audit", "check", "nowhere"), "nowhere has no dataset.json"),
        (("audit", "check", ".", "--policy", "nowhere"), "the ready ones are commercial"),
        (("withdraw", "nowhere"), "nowhere has no dataset.json"),
        (("fit", "codec", "nowhere", "out"), "nowhere"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_wrong_usage_is_one_line_and_exit_code_2(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    arguments = tuple(str(tmp_path) if a == "." else str(tmp_path / a) if a == "out" else a for a in arguments)
    done = run(*arguments, HF_HUB_OFFLINE="1")
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"duplexset: .*\n", done.stderr), done.stderr
    assert words in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_error_is_one_line_whatever_the_name(tmp_path: Path) -> None:
    name = "a\x1b[2J\nb\u202e" + "x" * 200
    for arguments in (("verify", name), ("policy", "check", name)):
        done = run(*(f"{tmp_path}/{a}" if a == name else a for a in arguments))
        assert done.returncode == 2
        assert re.fullmatch(r"duplexset: .*\n", done.stderr), done.stderr
        assert "a\\u001b[2J b\\u202e" + "x" * 200 in done.stderr


def test_a_full_disk_is_said_plainly() -> None:
    line = cli.os_error_line(OSError(errno.ENOSPC, "No space left on device", "out/x.tar"))
    assert line == (
        "no space left on the disk (out/x.tar): free some and run the same command again; what is done is kept"
    )
    renamed = cli.os_error_line(OSError(errno.EISDIR, "Is a directory", "/.x.1.tmp", None, "/x"))
    assert renamed.startswith("Is a directory (/x): ")
