"""`duplexset export` as a person meets it."""

from typing import Any

from typer.testing import CliRunner

from pipeline import cli


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(cli.app, ["export", *arguments], env={"COLUMNS": "80", "NO_COLOR": "1"})


def test_it_says_what_it_wrote_and_took_away(make_world: Any) -> None:
    world = make_world("ab")
    arguments = (str(world.out), str(world.tmp / "x"), "--to", "moshi-finetune")
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output
    assert done.output.replace("\n", "").endswith("x: 4 clips, 4 written now")
    world.withdraw(next(iter(world.clips)))
    done = invoke(*arguments)
    assert "3 clips, 0 written now" in done.output
    assert "4 files taken away: their clips are withdrawn" in done.output


def test_splits_may_be_named_in_any_order(make_world: Any) -> None:
    world = make_world()
    first = (str(world.out), str(world.tmp / "x"), "--to", "nu-dialogue", "--split", "test", "--split", "train")
    assert "4 clips, 4 written now" in invoke(*first).output
    second = (*first[:4], "--split", "train", "--split", "test")
    assert "4 clips, 0 written now" in invoke(*second).output


def test_an_empty_split_is_said_and_exit_code_1(make_world: Any) -> None:
    world = make_world("ae")
    done = invoke(str(world.out), str(world.tmp / "x"), "--to", "lhotse", "--split", "test")
    assert done.exit_code == 1
    assert "has no clips in test" in done.output


def test_the_help_fits_and_names_every_format() -> None:
    done = invoke("--help")
    assert done.exit_code == 0
    assert max(len(line.rstrip()) for line in done.output.splitlines()) <= 80
    assert "…" not in done.output
    for name in (
        "moshi-finetune",
        "nu-dialogue",
        "lhotse",
        "huggingface",
        "--split",
        "--model-channel",
        "--decode",
        "--text",
        "--text-rule",
    ):
        assert name in done.output
