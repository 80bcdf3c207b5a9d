"""Options that state a licence and choose a policy, for all commands that take them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

_OF = "Licence of recordings that bring none of their own"


def _option(text: str, *names: str) -> typer.models.OptionInfo:
    option = typer.Option(*names, help=text, rich_help_panel="Licence", show_default=False)
    assert isinstance(option, typer.models.OptionInfo)
    return option


Licence = Annotated[str | None, _option(f"{_OF}: SPDX, as CC-BY-4.0; names and URLs are known, too.")]
LicenceText = Annotated[str | None, _option("File with the text of a LicenseRef-... contract.")]
Holder = Annotated[str | None, _option("Rights holder.")]
Attribution = Annotated[str | None, _option("Attribution text.")]
SourceUrl = Annotated[str | None, _option("Where it came from.")]
Retrieved = Annotated[str | None, _option("When it was fetched from there, as 2026-01-31.")]
Evidence = Annotated[str | None, _option("File or URL that proves the licence.")]
EvidenceSha256 = Annotated[str | None, _option("Its SHA-256: checked of a file, taken down of a URL.")]
EvidenceDate = Annotated[str | None, _option("Its date, as 2026-01-31.")]
Consent = Annotated[str | None, _option("Basis for using the voices, as informed-consent.")]
SpeakersConsent = Annotated[
    str | None, _option("What the speakers said: given, partial, refused, withdrawn, not-needed, unknown.")
]
Jurisdiction = Annotated[str | None, _option("ISO 3166 codes, as DE or DE,US-CA.")]
RetainUntil = Annotated[str | None, _option("The last day on which it may be kept, as 2030-12-31.")]
PolicyName = Annotated[
    str, typer.Option(help="What may be used: a name of `policy show`, or FILE.toml.", rich_help_panel="Licence")
]
Unlicensed = Annotated[bool, _option("Let recordings without a licence in, marked.", "--unlicensed")]
Commercial = Annotated[bool, _option("Refuse licences not known to permit commercial use.", "--commercial")]
Allow = Annotated[list[str] | None, _option("A licence to let in whatever its terms (LicenseRef-...).")]

Root = Annotated[
    list[Path] | None,
    typer.Option(
        exists=True,
        file_okay=False,
        help="A folder that manifests may name files in, beside their own; may be given again.",
        show_default=False,
    ),
]


def stated(options: Mapping[str, Any]) -> dict[str, str | None]:
    """What a command's options, by name, say of the licence."""
    from pipeline.licences.fields import FIELDS

    return {name: options[name] for name in FIELDS}
