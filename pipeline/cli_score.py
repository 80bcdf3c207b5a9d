"""`duplexset score`: an output against the truth."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.say import say


def score(
    out: Annotated[
        Path,
        typer.Argument(help="A dataset, or a folder of two-channel audio, RTTM files or both.", show_default=False),
    ],
    truth: Annotated[
        Path,
        typer.Option(help="Folder with truth/<name>.rttm, .json, .flac and recordings/<name>.*.", show_default=False),
    ],
    collar: Annotated[
        float, typer.Option(help="Seconds left out on each side of a true edge in the second DER.")
    ] = 0.25,
    by: Annotated[
        str | None, typer.Option(help="Also pool by this field of the truth's JSON, as scene.name or pair.")
    ] = None,
    images: Annotated[
        bool, typer.Option("--images", help="Compare the sound with the voices in their room (DIR/images), not dry.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Write every figure to this file.", show_default=False)] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the figures: a .png, .svg or .pdf file.", show_default=False)
    ] = None,
) -> None:
    """Measure an output against the truth: who spoke when, how clean each channel is, what was lost.

    Recordings are matched by file name. Activity comes from a dataset's segments or from RTTM files, else from a
    voice activity detector on each channel. Figures are per recording and pooled, with 95 % bootstrap intervals.
    """
    from rich.console import Console

    from pipeline.outputs import check_output
    from pipeline.plot_style import check_kind
    from pipeline.score import score as run_score
    from pipeline.score_json import as_json
    from pipeline.score_tables import score_tables
    from schemas.atomic import write_text

    check_kind(plot)
    check_output(json, "--json")
    check_output(plot, "--plot")
    scoring = run_score(out, truth, collar_s=collar, by=by, images=images, say=lambda line: say(line, err=True))
    Console(highlight=False).print(score_tables(scoring))
    if json is not None:
        write_text(json, as_json(scoring))
    if plot is not None:
        from pipeline.score_plot import draw

        draw(scoring, plot)
