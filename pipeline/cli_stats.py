"""`duplexset stats`: how people take turns in a dataset."""

from pathlib import Path
from typing import Annotated

import typer


def stats(
    source: Annotated[
        str,
        typer.Argument(
            help="The OUT folder of a build, a table of turns (.tsv: conversation, speaker, start_s, end_s), or what "
            "--json wrote.",
            show_default=False,
        ),
    ],
    reference: Annotated[
        str, typer.Option(help="What to compare with: one of the same, or primock57, which comes with the project.")
    ] = "primock57",
    split: Annotated[
        str | None, typer.Option(help="Only this part of the dataset: train, validation or test.", show_default=False)
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write every figure to this file.", show_default=False)] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the figures: a .png, .svg or .pdf file.", show_default=False)
    ] = None,
) -> None:
    """Count turns, pauses, gaps, overlaps and backchannels, and put them beside how people talk.

    Only the index is read. Times run from the first to the last speech of each clip.
    """
    from rich.console import Console

    from pipeline.outputs import check_output
    from pipeline.plot_style import check_kind
    from pipeline.statistics import as_json, read
    from pipeline.statistics_table import statistics_tables
    from schemas.atomic import write_text

    check_kind(plot)
    check_output(json, "--json")
    check_output(plot, "--plot")
    made, other = read(source, split), read(reference)
    name = Path(reference).stem
    Console(highlight=False).print(statistics_tables(made, other, name))
    if json is not None:
        write_text(json, as_json(made))
    if plot is not None:
        from pipeline.statistics_plot import draw

        draw(made, other, name, plot)
