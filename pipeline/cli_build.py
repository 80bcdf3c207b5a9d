"""`duplexset build`: options, what would be done, and the summary at the end."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

NOTHING_KEPT, QUARANTINED, STOPPED = 1, 3, 130  # exit codes


class EngineName(StrEnum):
    """Where a build runs."""

    RAY = "ray"
    INLINE = "inline"


_Licence = "Licence of recordings that bring none of their own"


def build(
    source: Annotated[
        list[str],
        typer.Argument(
            help="Audio files, folders, quoted patterns ('calls/*.wav'), URIs, manifests (.csv, .jsonl, .parquet).",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Argument(help="The dataset folder to make or to complete.", show_default=False)],
    licence: Annotated[
        str | None, typer.Option(help=f"{_Licence} (SPDX, as CC-BY-4.0).", rich_help_panel="Licence")
    ] = None,
    holder: Annotated[str | None, typer.Option(help="Rights holder.", rich_help_panel="Licence")] = None,
    attribution: Annotated[str | None, typer.Option(help="Attribution text.", rich_help_panel="Licence")] = None,
    source_url: Annotated[str | None, typer.Option(help="Where it came from.", rich_help_panel="Licence")] = None,
    evidence: Annotated[
        str | None, typer.Option(help="File or URL that proves the licence.", rich_help_panel="Licence")
    ] = None,
    evidence_date: Annotated[str | None, typer.Option(help="Its date.", rich_help_panel="Licence")] = None,
    consent: Annotated[
        str | None, typer.Option(help="Basis for using the voices, as informed-consent.", rich_help_panel="Licence")
    ] = None,
    unlicensed: Annotated[
        bool,
        typer.Option("--unlicensed", help="Let recordings without a licence in, marked.", rich_help_panel="Licence"),
    ] = False,
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Refuse non-commercial licences.", rich_help_panel="Licence")
    ] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="A licence to let in whatever its terms (LicenseRef-...).", rich_help_panel="Licence"),
    ] = None,
    pairs: Annotated[
        str | None,
        typer.Option(help="Two mono files as one recording: '{name}.left.*|{name}.right.*'.", show_default=False),
    ] = None,
    codec: Annotated[str, typer.Option(help="builtin, or mimi:FOLDER_OR_HUB_NAME[@SHA256].")] = "builtin",
    aligner: Annotated[
        str, typer.Option(help="What times the words of a transcript: builtin (English), or FOLDER_OR_HUB_NAME.")
    ] = "builtin",
    recogniser: Annotated[
        str,
        typer.Option(
            help="What writes down recordings without a transcript: whisper:FOLDER_OR_HUB_NAME, "
            "ctc:FOLDER_OR_HUB_NAME or torchaudio:BUNDLE. Default: nothing."
        ),
    ] = "",
    roles: Annotated[
        str, typer.Option(help="What gives speakers their role texts: FILE.py:FUNCTION, a function of your own.")
    ] = "",
    flac: Annotated[bool, typer.Option("--flac", help="Keep the audio (24 kHz FLAC) beside the tokens.")] = False,
    split: Annotated[str, typer.Option(help="Train/validation/test shares, in percent.")] = "90/5/5",
    shard_mb: Annotated[int, typer.Option(help="Largest mean size of a shard, MiB.")] = 256,
    max_span: Annotated[float, typer.Option(help="Longest clip, seconds.")] = 600.0,
    min_clip: Annotated[float, typer.Option(help="Shortest clip, seconds.")] = 5.0,
    max_leakage: Annotated[
        float, typer.Option(help="Leave out clips separated from one track that leak more, dB.")
    ] = -15.0,
    networks: Annotated[
        str,
        typer.Option(help="Folder of weights (`fit speaker|separator|enhancer`) to take mixtures apart with."),
    ] = "",
    engine: Annotated[EngineName, typer.Option(help="Ray Data, or everything in this process.")] = EngineName.RAY,
    workers: Annotated[int | None, typer.Option(help="Worker processes. Default: one per core.", min=1)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")] = False,
    force_plain: Annotated[bool, typer.Option("--plain", help="Plain lines even on a terminal.")] = False,
) -> None:
    """Make a dataset from recordings of two people, on a channel each or both on one track.

    Run it again to go on after an interruption or to add recordings: only what is missing is done. Exits with 1 if
    nothing was kept, with 3 if a recording was quarantined after repeated errors.
    """
    from cluster.engine import open_engine
    from model.persona.roles import located
    from pipeline.build import build as run_build
    from pipeline.build import dry_run as run_dry
    from pipeline.config import BuildConfig, parse_split
    from pipeline.sources import PairPattern, read_sources
    from pipeline.summary import plan_table, result_table
    from pipeline.view import View

    config = BuildConfig(
        codec=codec,
        aligner=aligner,
        recogniser=recogniser,
        flac=flac,
        commercial_only=commercial,
        allow=tuple(allow or ()),
        unlicensed=unlicensed,
        max_span_s=max_span,
        min_clip_s=min_clip,
        split_percent=parse_split(split),
        shard_mb=shard_mb,
        max_leakage_db=max_leakage,
        networks=networks,
        roles=located(roles),
    )
    fields = {
        "licence": licence,
        "holder": holder,
        "attribution": attribution,
        "source_url": source_url,
        "evidence": evidence,
        "evidence_date": evidence_date,
        "consent": consent,
    }
    sources = read_sources(source, fields, PairPattern.parse(pairs) if pairs else None)
    opened = open_engine(engine.value, workers)
    try:
        with View(interactive=False if force_plain else None) as view:
            if sources.left_out:
                names = ", ".join(path.name for path in sources.left_out[:3])
                more = f" and {len(sources.left_out) - 3} more" if len(sources.left_out) > 3 else ""
                view.say(f"left out, not named like audio: {names}{more}")
            if dry_run:
                planned = run_dry(sources, out, config, engine=opened, view=view)
                view.console.print(plan_table(planned, out))
                return
            result = run_build(sources, out, config, engine=opened, view=view)
    except KeyboardInterrupt as stop:
        typer.echo("stopped: run the same command again to go on; what is done is kept", err=True)
        raise typer.Exit(STOPPED) from stop
    finally:
        opened.close()
    Console().print(result_table(result, out))
    if result.quarantined:
        raise typer.Exit(QUARANTINED)
    if not any(row.n_clips for row in result.recordings):
        typer.echo("nothing was kept: see the reasons above", err=True)
        raise typer.Exit(NOTHING_KEPT)
