"""`duplexset build`: options, what would be done, and the summary at the end."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline import cli_licence
from pipeline.say import say
from schemas.shard import NearDuplicates

NOTHING_KEPT, QUARANTINED, STOPPED = 1, 3, 130  # exit codes


class EngineName(StrEnum):
    """Where a build runs."""

    RAY = "ray"
    INLINE = "inline"


def build(
    source: Annotated[
        list[str],
        typer.Argument(
            help="Audio files, folders, quoted patterns ('calls/*.wav'), URIs, manifests (.csv, .jsonl, .parquet).",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Argument(help="The dataset folder to make or to complete.", show_default=False)],
    licence: cli_licence.Licence = None,
    licence_text: cli_licence.LicenceText = None,
    holder: cli_licence.Holder = None,
    attribution: cli_licence.Attribution = None,
    source_url: cli_licence.SourceUrl = None,
    retrieved: cli_licence.Retrieved = None,
    evidence: cli_licence.Evidence = None,
    evidence_sha256: cli_licence.EvidenceSha256 = None,
    evidence_date: cli_licence.EvidenceDate = None,
    consent: cli_licence.Consent = None,
    speakers_consent: cli_licence.SpeakersConsent = None,
    jurisdiction: cli_licence.Jurisdiction = None,
    retain_until: cli_licence.RetainUntil = None,
    policy: cli_licence.PolicyName = "default",
    unlicensed: cli_licence.Unlicensed = False,
    commercial: cli_licence.Commercial = False,
    allow: cli_licence.Allow = None,
    pairs: Annotated[
        str | None,
        typer.Option(help="Two mono files as one recording: '{name}.left.*|{name}.right.*'.", show_default=False),
    ] = None,
    root: cli_licence.Root = None,
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
    near_duplicates: Annotated[
        NearDuplicates, typer.Option(help="Clips of which a better one has the same sound in other bytes.")
    ] = NearDuplicates.DROP,
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
    from pipeline.licences.evidence import held
    from pipeline.licences.policy_file import read_policy, with_options
    from pipeline.sources import PairPattern, read_sources
    from pipeline.summary import plan_table, result_table
    from pipeline.view import View

    config = BuildConfig(
        codec=codec,
        aligner=aligner,
        recogniser=recogniser,
        flac=flac,
        policy=with_options(read_policy(policy), commercial=commercial, allow=allow or (), unlicensed=unlicensed),
        today=date.today(),
        max_span_s=max_span,
        min_clip_s=min_clip,
        split_percent=parse_split(split),
        shard_mb=shard_mb,
        max_leakage_db=max_leakage,
        near_duplicates=near_duplicates,
        networks=networks,
        roles=located(roles),
    )
    paired = PairPattern.parse(pairs) if pairs else None
    sources = read_sources(source, cli_licence.stated(locals()), paired, held(out), root or ())
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
        say("stopped: run the same command again to go on; what is done is kept", err=True)
        raise typer.Exit(STOPPED) from stop
    finally:
        opened.close()
    Console().print(result_table(result, out))
    if result.quarantined:
        raise typer.Exit(QUARANTINED)
    if not any(row.n_clips for row in result.recordings):
        say("nothing was kept: see the reasons above", err=True)
        raise typer.Exit(NOTHING_KEPT)
