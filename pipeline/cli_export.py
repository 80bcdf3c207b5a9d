"""`duplexset export`: a dataset in the formats of others."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.say import say

NOTHING_KEPT, STOPPED = 1, 130  # exit codes
_TELL_S = 2.0


class FormatName(StrEnum):
    """Whose format."""

    MOSHI_FINETUNE = "moshi-finetune"
    NU_DIALOGUE = "nu-dialogue"
    LHOTSE = "lhotse"
    HUGGINGFACE = "huggingface"


class SplitName(StrEnum):
    """A part of the dataset."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class ChannelName(StrEnum):
    """Which speaker plays the model."""

    FIRST = "0"
    SECOND = "1"
    BOTH = "both"


def export(
    out: Annotated[Path, typer.Argument(help="The OUT folder of a build.", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="The folder to make or to complete.", show_default=False)],
    to: Annotated[
        FormatName,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="moshi-finetune, nu-dialogue, lhotse or huggingface.",
            show_default=False,
        ),
    ],
    split: Annotated[
        list[SplitName] | None,
        typer.Option(metavar="SPLIT", help="Only train, validation or test; may be repeated.", show_default="all"),
    ] = None,
    model_channel: Annotated[
        ChannelName | None,
        typer.Option(
            help="moshi-finetune: who is the model, and so on channel 0; both: each in files of its own.",
            show_default="both",
        ),
    ] = None,
    decode: Annotated[
        bool, typer.Option("--decode", help="Make the audio from the codec tokens, where no FLAC was kept.")
    ] = False,
    text: Annotated[
        str | None,
        typer.Option(
            metavar="TOKENIZER",
            help="nu-dialogue: the text row's tokenizer: text.model of `fit text`, Moshi's, or moshi:HUB_ID.",
            show_default="PAD throughout",
        ),
    ] = None,
    text_rule: Annotated[
        Literal["shift", "drop"] | None,
        typer.Option(
            help="nu-dialogue: words too fast for a token a frame: later, or cut off by the next.",
            show_default="shift",
        ),
    ] = None,
) -> None:
    """Write a dataset in the format of another tool, with a row per clip in LICENSES.tsv.

    Run it again to go on after an interruption, or after the dataset has grown: only what is missing is written.
    Clips that were withdrawn since are taken away. Exits with 1 if there was no clip to export.
    """
    import torch

    from pipeline.export.plan import SPLITS, ExportConfig
    from pipeline.export.run import export as run
    from pipeline.view import sometimes
    from schemas.plain_text import counted

    torch.set_num_threads(1)
    config = ExportConfig(
        to=to.value,
        splits=tuple(name for name in SPLITS if not split or name in split),
        model_channel=model_channel.value if model_channel else None,
        decode=decode,
        text=text,
        text_rule=text_rule,
    )
    try:
        result = run(config, out, folder, sometimes(say, _TELL_S))
    except KeyboardInterrupt as stop:
        say("stopped: run the same command again to go on; what is done is kept", err=True)
        raise typer.Exit(STOPPED) from stop
    say(f"{folder}: {counted(result.clips, 'clip')}, {result.written} written now")
    if result.removed:
        say(f"{counted(result.removed, 'file')} taken away: their clips are withdrawn or no longer in the dataset")
    for note in result.notes:
        say(note)
    if not result.clips:
        say(f"{out} has no clips in {', '.join(config.splits)}", err=True)
        raise typer.Exit(NOTHING_KEPT)
