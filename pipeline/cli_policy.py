"""`duplexset policy`: what may be used, and why or why not."""

from datetime import date
from typing import Annotated

import typer

from pipeline import cli_licence
from pipeline.say import say

NOTHING = 1  # exit code: no recording would be let in

policy = typer.Typer(help="What may be used: the ready policies, and what one decides.", no_args_is_help=True)


@policy.callback()
def policies() -> None:
    """What may be used: the ready policies, and what one decides."""


@policy.command()
def show(
    name: Annotated[
        str | None, typer.Argument(help="A ready policy, or FILE.toml. Default: list them.", show_default=False)
    ] = None,
) -> None:
    """List the ready policies, or print one: a file to begin one's own with."""
    from pipeline.licences.policy_file import policy_text, read_policy, ready

    if name is None:
        for ready_name in ready():
            say(f"{ready_name:<11} {read_policy(ready_name).says}")
        return
    read_policy(name)
    typer.echo(policy_text(name), nl=False)


@policy.command()
def check(
    source: Annotated[
        list[str],
        typer.Argument(help="As for build: files, folders, patterns, manifests; or the OUT folder of a build."),
    ],
    policy: cli_licence.PolicyName = "default",
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
    unlicensed: cli_licence.Unlicensed = False,
    commercial: cli_licence.Commercial = False,
    allow: cli_licence.Allow = None,
    pairs: Annotated[
        str | None, typer.Option(help="As for build: two mono files as one recording.", show_default=False)
    ] = None,
    root: cli_licence.Root = None,
) -> None:
    """Say for each recording whether a policy lets it in, by which rule not, and what nobody stated of it.

    Of a dataset, its index is asked; nothing is decoded and nothing written. Ends with what may be done with all that
    is let in. Exits with 1 if that is nothing.
    """
    from pipeline.licences.policy_file import read_policy, with_options
    from pipeline.policy_check import checked_of, lines_of

    chosen = with_options(read_policy(policy), commercial=commercial, allow=allow or (), unlicensed=unlicensed)
    checked = checked_of(source, cli_licence.stated(locals()), pairs, chosen, date.today(), roots=root or ())
    for line in lines_of(checked, chosen):
        say(line)
    if not any(one.permitted for one in checked):
        raise typer.Exit(NOTHING)
