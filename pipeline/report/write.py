"""report: read a dataset's indexes and a few of its samples, and write report.html."""

from functools import cache
from pathlib import Path
from typing import Any, Final

from model.codec import Codec, CodecError, load_codec
from pipeline.dataset_json import described
from pipeline.quarantine import quarantined
from pipeline.report.clips import clips_of
from pipeline.report.excerpt import excerpt_of
from pipeline.report.flow import flow_of
from pipeline.report.page import Report, render
from schemas.atomic import write_text
from schemas.withdrawn import NAME as WITHDRAWN
from schemas.withdrawn import read_withdrawn

NAME: Final = "report.html"


def write_report(out: Path) -> Path:
    """Write OUT/report.html: the same bytes for the same dataset. Raises DatasetError, ExportError, OSError."""
    description = described(out)

    @cache
    def codec() -> Codec | None:
        return codec_of(description)

    clips = clips_of(out, frozenset(read_withdrawn(out / WITHDRAWN).clips))
    shown = [(chosen, excerpt_of(out, chosen, codec)) for chosen in clips.candidates.chosen()]
    page = render(
        Report(description=description, flow=flow_of(out), failed=quarantined(out), clips=clips, shown=shown)
    )
    write_text(out / NAME, page)
    return out / NAME


def codec_of(description: dict[str, Any]) -> Codec | None:
    """The codec that made the tokens; None where it is not here, or is another by now."""
    name = description["configuration"]["codec"]
    try:
        codec = load_codec(name)
    except CodecError:
        return None
    return codec if codec.digest == description["weights"].get(name) else None
