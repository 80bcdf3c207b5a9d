"""`duplexset withdraw` as a person meets it."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pipeline import cli, cli_withdraw
from pipeline.lock import LockError, held
from pipeline.withdraw import finish
from schemas.errors import UserError
from schemas.withdrawn import NAME


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["withdraw", *map(str, arguments)])


def test_what_goes_is_shown_and_nothing_is_done_without_a_yes(world: Any) -> None:
    before = world.digests()
    done = call(world.out, "--speaker", world.anna, "--dry-run")
    assert done.exit_code == 0
    (like,) = world.ids("copy")[:1]
    assert f"speaker: {world.anna}\n4 clips in the shards, 32 s" in done.output
    assert "2 other clips stay, without samples of these voices\n" in done.output
    assert re.search(rf"1 near duplicate of them.*:\n    {like}  copy-copy\.wav, 0\.0-8\.0 s  100% like", done.output)
    assert done.output.endswith("nothing was changed\n")
    asked = call(world.out, "--speaker", world.anna, "--reason", "asked")
    assert isinstance(asked.exception, UserError)
    assert "there is no terminal to ask on: give --yes" in str(asked.exception)
    assert world.digests() == before


def test_it_is_done_told_and_listed(world: Any) -> None:
    done = call(world.out, "--speaker", world.anna, "--reason", "she asked", "--yes")
    assert done.exit_code == 0, done.output
    assert f"nothing of it is left in {world.out}" in done.output
    assert "models trained on it keep what they learned" in done.output
    (listed,) = call(world.out, "--list").output.splitlines()
    assert re.fullmatch(
        r"[0-9a-f]{16}  \d{4}-\d\d-\d\d  speaker: 4 clips, 32 s, 1 recording  \[done.*\]  she asked", listed
    )
    assert call(world.out).output == "nothing to do\n"
    refused = call(world.out, "--undo", listed[:16])
    assert isinstance(refused.exception, UserError)


def test_marked_undone_marked_and_carried_out(world: Any) -> None:
    done = call(world.out, "--clip", world.ids("eve")[0][:9], "--reason", "asked", "--yes", "--only-mark")
    name = json.loads((world.out / NAME).read_text().splitlines()[0])["withdrawal"]
    assert (
        f"no byte is removed yet: `duplexset withdraw {world.out}` does it, --undo {name} takes it back"
        in done.output
    )
    assert f"withdrawal {name} is undone" in call(world.out, "--undo", name).output
    call(world.out, "--clip", world.ids("eve")[0], "--reason", "asked", "--yes", "--only-mark")
    assert "marked: the bytes are still there" in call(world.out, "--list").output
    assert call(world.out, "--yes").exit_code == 0
    states = [line.split("[")[1].split("]")[0] for line in call(world.out, "--list").output.splitlines()]
    assert [state.partition(",")[0] for state in states] == ["undone", "done"]


def test_what_is_left_is_told_and_ends_with_1(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finish.scrub, "prepared", lambda out, gone: 0)
    done = call(world.out, "--speaker", "eve", "--reason", "asked", "--yes")
    assert done.exit_code == cli_withdraw.LEFT
    assert f"work/prepared/{world.recording('eve')}.parquet: its recording is withdrawn" in done.output


def test_it_waits_for_nobody_who_changes_the_dataset(world: Any) -> None:
    with held(world.out):
        done = call(world.out, "--speaker", "eve", "--reason", "asked", "--yes")
    assert isinstance(done.exception, LockError)
    assert not (world.out / NAME).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "nowhere has no dataset.json"),
        ((".", "--speaker", "eve"), "--reason is missing: say why, and name nobody in it"),
        ((".", "--speaker", "no\x1b[2Jbody\n", "--reason", "x", "--yes"), "nothing in the dataset is so"),
        ((".", "--undo", "x"), "no withdrawal has this id"),
    ],
)
def test_wrong_usage_is_one_line(world: Any, arguments: tuple[str, ...], words: str) -> None:
    given = [str(world.out) if one == "." else one for one in arguments]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pipeline.cli", "withdraw", *given],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert done.returncode == 2
    assert re.fullmatch(r"duplexset: [^\x1b]*\n", done.stderr), done.stderr
    assert words in done.stderr
