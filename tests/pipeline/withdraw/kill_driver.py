"""Kills a withdrawal at many moments, each in a process of its own, and finishes it; what came out, as JSON.

python kill_driver.py DATASET FOLDER SPEAKER
"""

import hashlib
import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import typer.testing  # noqa: F401 (before the processes part)

import pipeline.audit
import pipeline.report.write
import pipeline.withdraw.finish
import pipeline.withdraw.proof
import pipeline.withdraw.run
from pipeline.cli import app
from pipeline.withdraw import shards
from schemas.withdrawn import NAME, State, read_withdrawn

MOMENTS = 50
SEED = 0


class Day:
    """One day, whenever the test runs."""

    @staticmethod
    def today() -> "Day":
        return Day()

    def isoformat(self) -> str:
        return "2026-01-31"


def command(arguments: list[str]) -> None:
    """The command line, with an id that is always the same."""
    if not hasattr(os.fsync, "__wrapped__"):
        os.fsync = lambda descriptor: None  # whoever is killed loses nothing of what was written
    pipeline.withdraw.run.secrets.token_hex = lambda n: "ab" * n
    pipeline.withdraw.run.date = Day
    app(["withdraw", *arguments], standalone_mode=False)


def kill_at(moment: int, counted: Path | None) -> None:
    """Count what touches the disk, and kill this process before the one of that number; 0: never.

    Of a sync, half of the file is lost as well, so that what was being written is torn.
    """
    done = 0

    def before(work: Callable[..., object], torn: bool) -> Callable[..., object]:
        def watched(*arguments: object, **named: object) -> object:
            nonlocal done
            done += 1
            if done == moment:
                if torn and isinstance(arguments[0], int):
                    path = Path(f"/proc/self/fd/{arguments[0]}").readlink()
                    os.truncate(path, path.stat().st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            if counted is not None:
                counted.write_text(str(done))
            return None if torn else work(*arguments, **named)

        watched.__wrapped__ = work  # type: ignore[attr-defined]
        return watched

    for name in ("replace", "unlink", "rmdir", "fsync"):
        setattr(os, name, before(getattr(os, name), name == "fsync"))
    shards.Digesting.write = before(shards.Digesting.write, False)  # type: ignore[method-assign]
    pq.ParquetWriter.write_table = before(pq.ParquetWriter.write_table, False)


def apart(work: Callable[[], None]) -> int:
    """Do something in a process of its own, silently; how it ended."""
    process = os.fork()
    if not process:
        silent = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(silent, descriptor)
        try:
            work()
        finally:
            error = sys.exc_info()[1]
            if error is not None:
                Path(sys.argv[2], "error.txt").write_text(repr(error))
            os._exit(0 if error is None else 1)
    return os.waitpid(process, 0)[1]


def digests(out: Path) -> dict[str, str]:
    files = [p for p in sorted(out.rglob("*")) if p.is_file() and p.name != "lock"]
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def look(out: Path, into: Path) -> None:
    """What is said of a dataset: the states of its withdrawals, and what is left."""
    withdrawn = read_withdrawn(out / NAME)
    states = [one.state.value for one in withdrawn.withdrawals.values()]
    lines = list(pipeline.withdraw.proof.remains(out))
    into.write_text(json.dumps({"states": states, "lines": lines, "clips": sorted(withdrawn.clips)}))


def main() -> None:
    """Go through the moments."""
    base, folder, speaker = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    given = ["--speaker", speaker, "--reason", "asked", "--yes"]
    whole, counted = folder / "whole", folder / "count"
    shutil.copytree(base, whole)

    def undisturbed() -> None:
        kill_at(0, counted)
        command([str(whole), *given])

    assert apart(undisturbed) == 0, (folder / "error.txt").read_text()
    steps = int(counted.read_text())
    expected, before = digests(whole), digests(base)
    moments = sorted(random.Random(SEED).sample(range(1, steps + 1), min(MOMENTS, steps)))
    found = []
    for moment in moments:
        out, said = folder / f"out-{moment}", folder / "said"
        shutil.copytree(base, out)

        def killed(out: Path = out, moment: int = moment) -> None:
            kill_at(moment, None)
            command([str(out), *given])

        status = apart(killed)
        apart(lambda out=out: look(out, folder / "said"))  # type: ignore[misc]
        told = json.loads(said.read_text())
        marked = State.REMOVING.value in told["states"] or State.MARKED.value in told["states"]
        rest = [str(out), "--yes"] if told["states"] else [str(out), *given]
        untouched = {n: d for n, d in digests(out).items() if not n.endswith(".tmp")} == before
        ended = apart(lambda rest=rest: command(rest))  # type: ignore[misc]
        found.append(
            {
                "moment": moment,
                "killed": os.WIFSIGNALED(status),
                **told,
                "open": marked,
                "untouched": untouched,
                "ended": ended,
                "same": digests(out) == expected,
            }
        )
        shutil.rmtree(out)
    (folder / "found.json").write_text(json.dumps({"steps": steps, "found": found}))


if __name__ == "__main__":
    main()
