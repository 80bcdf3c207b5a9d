"""`duplexset simulate`: conversations with known channels."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.say import say

_TELL_S = 2.0


class PairName(StrEnum):
    """Which two voices meet."""

    ANY = "any"
    SAME = "same"
    MIXED = "mixed"
    TWINS = "twins"


class FormatName(StrEnum):
    """The kind of file of the mixture."""

    FLAC = "flac"
    WAV = "wav"
    MP3 = "mp3"
    OPUS = "opus"


def simulate(
    speech: Annotated[Path, typer.Argument(help="Folder of speech, one speaker a file.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="Folder for recordings and truth.", show_default=False)],
    count: Annotated[int, typer.Option(help="Conversations.", min=1)] = 20,
    length: Annotated[float, typer.Option(help="Seconds of each, where the voices have enough to say.")] = 60.0,
    seed: Annotated[int, typer.Option(help="The same seed, the same bytes.", min=0)] = 0,
    scene: Annotated[
        str,
        typer.Option(
            help="train (a mixture of all), varied (of voices too), clean, telephone, noise10, music10, reverb, far, "
            "uneven, clipped, offset, band4k, amr, opus or mp3."
        ),
    ] = "train",
    pair: Annotated[PairName, typer.Option(help="Pitches of the two voices; twins: one voice twice.")] = PairName.ANY,
    speakers: Annotated[int, typer.Option(help="1 to 5.")] = 2,
    held_out: Annotated[
        bool | None,
        typer.Option(
            "--held-out/--training",
            help="Only the speakers and sounds kept out of training, or only the others.",
            show_default="all",
        ),
    ] = None,
    noise: Annotated[
        Path | None, typer.Option(help="Folder of noises. Default: coloured noise.", show_default=False)
    ] = None,
    music: Annotated[Path | None, typer.Option(help="Folder of music. Default: chords.", show_default=False)] = None,
    rooms: Annotated[
        Path | None, typer.Option(help="Folder of room responses. Default: computed ones.", show_default=False)
    ] = None,
    timings: Annotated[
        Path | None,
        typer.Option(
            help="Replay the held-out conversations of this table (tab-separated: conversation, speaker, start_s, "
            "end_s). Default: drawn timing.",
            show_default=False,
        ),
    ] = None,
    file_format: Annotated[FormatName, typer.Option("--format", help="Of the recordings.")] = FormatName.FLAC,
) -> None:
    """Make conversations with known channels out of single-speaker speech.

    OUT/recordings has the mixtures, OUT/truth each speaker's channel (24 kHz, dry), who speaks when (RTTM) and the
    events (JSON), OUT/images the channels as they sound in a room where there is one. Speakers are read from
    SPEECH/INDEX.tsv (columns path, speaker, licence) where there is one, else each folder is a speaker. Run it again
    to go on after an interruption or with a larger --count.
    """
    import torch

    from pipeline.simulate import SimulateConfig, run
    from pipeline.view import sometimes
    from schemas.plain_text import counted

    torch.set_num_threads(1)
    config = SimulateConfig(
        speech=speech,
        count=count,
        length_s=length,
        seed=seed,
        scene=scene,
        pair=pair.value,
        speakers=speakers,
        held=held_out,
        noise=noise,
        music=music,
        rooms=rooms,
        timings=timings,
        file_format=file_format.value,
    )
    result = run(config, out, sometimes(say, _TELL_S))
    made = counted(result.conversations, "conversation")
    say(f"{out}: {made}, {result.seconds / 60:.1f} min, {result.made} made now")
    if result.short:
        say(f"{result.short} ended early: a voice had nothing left to say, and no phrase is said twice")
    if not result.licensed:
        say(f"no licence stated for all sources (see {out / 'recordings' / 'SOURCES.tsv'}): build needs --licence")
