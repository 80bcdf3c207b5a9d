"""The `duplexset` command: its subcommands, and how errors reach a person."""

import errno
import importlib.metadata
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli_audit import audit
from pipeline.cli_browse import browse
from pipeline.cli_build import build
from pipeline.cli_export import export
from pipeline.cli_fit import fit
from pipeline.cli_policy import policy
from pipeline.cli_report import report
from pipeline.cli_score import score
from pipeline.cli_simulate import simulate
from pipeline.cli_stats import stats
from pipeline.cli_train import train
from pipeline.cli_withdraw import withdraw
from pipeline.say import say
from pipeline.visible import printable
from schemas.errors import UserError
from schemas.plain_text import counted

app = typer.Typer(
    name="duplexset",
    help="Two clean channels on one clock: training data for full-duplex speech models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(build)
app.command()(train)
app.command()(score)
app.command()(stats)
app.command()(report)
app.command()(browse)
app.command()(export)
app.command()(simulate)
app.command()(withdraw)
app.add_typer(fit, name="fit")
app.add_typer(policy, name="policy")
app.add_typer(audit, name="audit")

OutFolder = Annotated[Path, typer.Argument(help="The OUT folder of a build.", show_default=False)]


def _version(wanted: bool) -> None:
    if wanted:
        say(f"duplexset {importlib.metadata.version('duplexset')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Two clean channels on one clock: training data for full-duplex speech models."""


@app.command()
def verify(out: OutFolder) -> None:
    """Read a dataset again, whole, and report every difference.

    Checks digests, offsets, the members of every tar, the indexes against each other, splits and totals. Exits with 1
    if anything differs.
    """
    from pipeline.verify import verify as differences

    count = 0
    for line in differences(out):
        say(line)
        count += 1
    if count:
        say(f"{counted(count, 'difference')} in {out}", err=True)
        raise typer.Exit(1)
    say(f"{out} is whole: shards, indexes and description agree")


@app.command()
def decode(
    out: OutFolder,
    wav: Annotated[Path, typer.Argument(help="The wav file to write: 24 kHz, a channel per speaker.")],
    clip: Annotated[
        str | None, typer.Option(help="The clip's id or how it begins. Default: the first clip.", show_default=False)
    ] = None,
) -> None:
    """Turn a clip's codec tokens back into audio."""
    from pipeline.decode import decode_clip
    from pipeline.outputs import check_output

    check_output(wav, "WAV")
    clip_id, length_s = decode_clip(out, clip, wav)
    say(f"{wav}: clip {clip_id}, {length_s:.1f} s")


def os_error_line(error: OSError) -> str:
    """What happened to which file, and what to do."""
    name = error.filename2 or error.filename  # of a rename the second, which is the file that was asked for
    where = f" ({name})" if name else ""
    if error.errno == errno.ENOSPC:
        return f"no space left on the disk{where}: free some and run the same command again; what is done is kept"
    return f"{error.strerror or error}{where}: correct it and run the same command again; what is done is kept"


def _say(error: str) -> None:
    sys.stderr.write(f"duplexset: {printable(error)}\n")


def main() -> None:
    """Run the command line. An error a user can cause is one line on stderr; a bug keeps its traceback."""
    logging.basicConfig(level=logging.WARNING)
    try:
        app()
    except OSError as error:
        _say(os_error_line(error))
        sys.exit(1)
    except UserError as error:
        _say(str(error))
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
