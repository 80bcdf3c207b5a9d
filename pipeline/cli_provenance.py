"""`duplexset audit provenance`: where clips come from, as W3C PROV."""

from pathlib import Path
from typing import Annotated

import typer


def provenance(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The OUT folder of a build.", show_default=False)],
    clip: Annotated[
        str | None,
        typer.Argument(metavar="CLIP", help="A clip's id, or how it begins. Default: all clips.", show_default=False),
    ] = None,
    to: Annotated[str, typer.Option(metavar="FILE", help="Where to write it; - prints it.")] = "-",
) -> None:
    """Write where a clip, or every clip, comes from as W3C PROV-JSON: recordings, licences, stages, networks, shards.

    Rights holders are the only people in it; speakers are not.
    """
    from pipeline.provenance.write import write_provenance

    write_provenance(out, clip, to)
