"""`duplexset fit`: train the built-in networks and text tokenizers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.say import say

if TYPE_CHECKING:
    from model.fitting import FitConfig

Audio = Annotated[Path, typer.Argument(help="Folder of speech, one speaker a file.", show_default=False)]
Out = Annotated[Path, typer.Argument(help="Folder for checkpoint, weights and card.", show_default=False)]
Steps = Annotated[int, typer.Option(help="Train this many steps instead: the same on every machine.", min=0)]
Minutes = Annotated[float, typer.Option(help="Training time; an interrupted run goes on counting.", min=0.1)]
Seed = Annotated[int, typer.Option(help="Of weights and examples.", min=0)]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Noise = Annotated[Path | None, typer.Option(help="Folder of noises. Default: made noise.", show_default=False)]
Music = Annotated[Path | None, typer.Option(help="Folder of music. Default: made music.", show_default=False)]
Rooms = Annotated[
    Path | None, typer.Option(help="Folder of room responses. Default: computed ones.", show_default=False)
]
Start = Annotated[Path | None, typer.Option(help="Weights to begin with. Default: random ones.", show_default=False)]
Workers = Annotated[int, typer.Option(help="Processes that make examples, beside the one that trains.", min=0)]

fit = typer.Typer(help="Train a built-in network or a text tokenizer from your own data.", no_args_is_help=True)


@fit.callback()
def networks() -> None:
    """Train a built-in network or a text tokenizer from your own data."""


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
    weights = fit_codec(audio, out, config=config, noise=noise, rooms=rooms, device=device, report=say)
    say(f"weights: {weights}")


@fit.command()
def text(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Datasets (folders or URLs; their train split) or text files.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Argument(help="Folder for the tokenizer and its card.", show_default=False)],
    vocabulary: Annotated[int, typer.Option(help="Number of ids.", min=1)] = 8000,
) -> None:
    """Train a text tokenizer; use it with train --text OUT/text.model.

    A SentencePiece model with Moshi's special ids. It spells what it has not seen in bytes: no word is unknown.
    """
    from model.fit_text import fit_text

    say(f"tokenizer: {fit_text(sources, out, vocabulary=vocabulary, report=say)}")


@fit.command()
def speaker(
    audio: Audio,
    out: Out,
    minutes: Minutes = 60.0,
    steps: Steps = 0,
    noise: Noise = None,
    music: Music = None,
    seed: Seed = 0,
    device: Device = "cpu",
    start: Start = None,
    workers: Workers = 0,
) -> None:
    """Train the embedding that tells voices apart.

    Three networks: OUT/speaker.safetensors, and one on each half of the voices with six tenths of the time or steps,
    which `fit separator --speaker OUT` needs. Speakers are read and held out as for the codec.
    """
    from model.speaker.train import LEARNING_RATE, fit_speaker

    config = _config(minutes, steps, seed, LEARNING_RATE, start=start, workers=workers)
    weights = fit_speaker(audio, out, config=config, noise=noise, music=music, device=device, report=say)
    say(f"weights: {weights}")


@fit.command()
def separator(
    audio: Audio,
    out: Out,
    speaker: Annotated[
        Path | None,
        typer.Option(
            help="OUT of `fit speaker` on the same AUDIO. Default: the built-in embedding, for voices it was not "
            "trained on.",
            show_default=False,
        ),
    ] = None,
    minutes: Minutes = 120.0,
    steps: Steps = 0,
    noise: Noise = None,
    music: Music = None,
    rooms: Rooms = None,
    seed: Seed = 0,
    device: Device = "cpu",
    start: Start = None,
    workers: Workers = 0,
) -> None:
    """Train the network that takes two overlapping voices apart.

    OUT gets separator.safetensors and the embedding it goes with. Speakers are read and held out as for the codec.
    """
    from model.separator.train import LEARNING_RATE, TOGETHER, USES, fit_separator

    weights = fit_separator(
        audio,
        out,
        config=_config(
            minutes, steps, seed, LEARNING_RATE, uses=USES, together=TOGETHER, start=start, workers=workers
        ),
        speaker=speaker,
        noise=noise,
        music=music,
        rooms=rooms,
        device=device,
        report=say,
    )
    say(f"weights: {weights}")


@fit.command()
def segmentation(
    audio: Audio,
    out: Out,
    minutes: Minutes = 120.0,
    steps: Steps = 0,
    noise: Noise = None,
    music: Music = None,
    rooms: Rooms = None,
    seed: Seed = 0,
    device: Device = "cpu",
    start: Start = None,
    workers: Workers = 0,
) -> None:
    """Train pyannote's segmentation network: who speaks in each frame of a window.

    Speakers are read and held out as for the codec.
    """
    from model.segmentation.train import LEARNING_RATE, SAVE_EVERY, fit_segmentation

    weights = fit_segmentation(
        audio,
        out,
        config=_config(minutes, steps, seed, LEARNING_RATE, save_every=SAVE_EVERY, start=start, workers=workers),
        noise=noise,
        music=music,
        rooms=rooms,
        device=device,
        report=say,
    )
    say(f"weights: {weights}")


@fit.command()
def enhancer(
    audio: Audio,
    out: Out,
    minutes: Minutes = 120.0,
    steps: Steps = 0,
    noise: Noise = None,
    music: Music = None,
    rooms: Rooms = None,
    seed: Seed = 0,
    device: Device = "cpu",
    start: Start = None,
    workers: Workers = 0,
) -> None:
    """Train the network that takes music and noise out.

    Speakers are read and held out as for the codec.
    """
    from model.enhancer.train import LEARNING_RATE, fit_enhancer

    weights = fit_enhancer(
        audio,
        out,
        config=_config(minutes, steps, seed, LEARNING_RATE, start=start, workers=workers),
        noise=noise,
        music=music,
        rooms=rooms,
        device=device,
        report=say,
    )
    say(f"weights: {weights}")


def _config(
    minutes: float, steps: int, seed: int, learning_rate: float, *, start: Path | None, **others: int
) -> "FitConfig":
    """How long and how fast; the minutes say nothing where there are steps."""
    from model.fitting import FitConfig

    longest = FitConfig().minutes if steps else minutes
    begin = str(start) if start else ""
    return FitConfig(minutes=longest, steps=steps, seed=seed, learning_rate=learning_rate, start=begin, **others)
