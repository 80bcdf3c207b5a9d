"""`duplexset report`: the page about a dataset."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.say import say


def report(
    out: Annotated[Path, typer.Argument(help="The OUT folder of a build.", show_default=False)],
) -> None:
    """Write OUT/report.html anew: what went in, what was lost and why, quality, and ten clips to look at and hear.

    Every build writes it. The page is one file, needs no network and opens in any browser.
    """
    from pipeline.report.write import write_report

    say(f"{write_report(out)}: open it in a browser")
