"""`duplexset fit`: train the built-in networks."""

from pathlib import Path
from typing import Annotated

import typer

fit = typer.Typer(help="Train a built-in network from your own audio.", no_args_is_help=True)


@fit.callback()
def networks() -> None:
    """Train a built-in network from your own audio."""


@fit.command()
def codec(
    audio: Annotated[Path, typer.Argument(help="Folder of speech, any format.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="Folder for checkpoint, weights and card.", show_default=False)],
    minutes: Annotated[float, typer.Option(help="Training time; an interrupted run goes on counting.")] = 80.0,
    steps: Annotated[int, typer.Option(help="Train this many steps instead: the same on every machine.")] = 0,
    noise: Annotated[Path | None, typer.Option(help="Folder of noises to mix in.", show_default=False)] = None,
    rooms: Annotated[Path | None, typer.Option(help="Folder of room responses.", show_default=False)] = None,
    seed: Annotated[int, typer.Option(help="Of weights and order.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Train the codec; use it with --codec OUT/codec.safetensors.

    A tenth or so of the speakers, chosen by a hash of their names, is held out and measured at the end. Speakers are
    read from AUDIO/INDEX.tsv (columns path, speaker) where there is one, else each folder is a speaker.
    """
    from model.fit_codec import FitConfig, fit_codec

    config = FitConfig(minutes=minutes, steps=steps, seed=seed)
    weights = fit_codec(audio, out, config=config, noise=noise, rooms=rooms, device=device, report=typer.echo)
    typer.echo(f"weights: {weights}")
