"""The page: figures in the words and tables of page.html, which escapes everything but the pictures."""

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from model.turns.references import BUILTIN, PUBLISHED, builtin
from model.turns.statistics import Statistics
from pipeline.quarantine import Quarantined
from pipeline.report.advice import advise, measured
from pipeline.report.choose import Chosen
from pipeline.report.clips import ClipFacts, LicenceKey
from pipeline.report.excerpt import Excerpt, mp3_of
from pipeline.report.flow import Flow
from pipeline.report.picture import picture, rows_of
from pipeline.report.plots import flow_plot, in_order, quality_plots, turn_plots
from pipeline.select import SPLITS
from pipeline.statistics_table import KINDS, PERCENT, PLAIN
from pipeline.view import hours
from schemas.licence import NO_LICENCE
from schemas.plain_text import counted

DETAILS: Final = 15
LICENCES: Final = 50
QUARANTINE: Final = 20
_WORDS: Final = {True: "yes", False: "no", None: "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What there is to report. `description`: the `duplexset` part of dataset.json. `shown`: clips to look at."""

    description: dict[str, Any]
    flow: Flow
    failed: Sequence[Quarantined]
    clips: ClipFacts
    shown: list[tuple[Chosen, Excerpt]]


def render(report: Report) -> str:
    """The whole file as text."""
    description, flow, clips = report.description, report.flow, report.clips
    stages = [*(entry["stage"] for entry in description["stages"]), "select"]
    shares = description["configuration"]["split_percent"]
    wanted = [split.value for split, share in zip(SPLITS, shares, strict=True) if share]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters.update(counted=counted, hours=hours, number=number, percent=percent)
    return environment.get_template("page.html").render(
        advice=advise(measured(flow, clips, wanted, len(report.failed))),
        flow=flow,
        failed=report.failed,
        quarantine_rows=QUARANTINE,
        clips=clips,
        quality=clips.quality,
        splits=[
            (split.value, share, *clips.splits.get(split.value, (0, 0.0)))
            for split, share in zip(SPLITS, shares, strict=True)
        ],
        losses=in_order(flow, stages),
        details=flow.details.most(DETAILS),
        flow_plot=_svg(flow_plot(flow, stages)) if flow.recordings else "",
        quality_plots=[_svg(plot) for plot in quality_plots(clips.quality.histograms)],
        turns=_turns(clips.turns),
        licences=_licences(clips.licences),
        more_licences=max(0, len(clips.licences) - LICENCES),
        no_licence=NO_LICENCE,
        description=description,
        configuration=[(name, json.dumps(value)) for name, value in sorted(description["configuration"].items())],
        samples=[_sample(at, chosen, excerpt) for at, (chosen, excerpt) in enumerate(report.shown)],
    )


def _svg(picture: str) -> Markup:
    """Our own pictures are not escaped: no name from outside is in them."""
    return Markup(picture)  # noqa: S704


def number(value: float, form: str = ".1f") -> str:
    """A figure, or a dash where there is none."""
    return format(value, form) if math.isfinite(value) else "–"


def percent(part: float, whole: float) -> str:
    """A share, or a dash of nothing."""
    return f"{100.0 * part / whole:.1f} %" if whole else "–"


def _turns(made: Statistics) -> dict[str, Any]:
    """Plots and tables of turn-taking, beside the built-in reference and published figures."""
    if not made.conversations:
        return {}
    reference = builtin()
    columns = [made.figures(), reference.figures(), *PUBLISHED.values()]
    rows = [(label, [number(100 * c.get(key, math.nan)) for c in columns]) for key, label in PERCENT]
    rows += [(label, [number(c.get(key, math.nan), form) for c in columns]) for key, label, form in PLAIN]
    rates = [
        (
            label.strip(),
            label.startswith(" "),
            [number(v, ".2f") for s in (made, reference) for v in s.per_minute(*kinds)],
        )
        for label, kinds in KINDS
    ]
    return {
        "plots": [_svg(plot) for plot in turn_plots(made, reference, BUILTIN)],
        "heads": ["here", BUILTIN, *(f"{name} *" for name in PUBLISHED)],
        "rows": rows,
        "rates": rates,
        "reference": BUILTIN,
        "made": made,
    }


def _licences(sums: dict[LicenceKey, list[float]]) -> list[dict[str, Any]]:
    ordered = sorted(sums.items(), key=lambda entry: (-entry[1][1], *map(str, entry[0])))
    return [
        {"spdx": key[0], "holder": key[1], "consent": key[2], "commercial": _WORDS[key[3]], "clips": n, "seconds": s}
        for key, (n, s) in ordered[:LICENCES]
    ]


def _sample(at: int, chosen: Chosen, excerpt: Excerpt) -> dict[str, Any]:
    info = chosen.row.info
    audio = None if excerpt.pcm is None else base64.b64encode(mp3_of(excerpt.pcm)).decode("ascii")
    words: Sequence[Any] = [rows_of(channel, excerpt.length_s) for channel in excerpt.words]
    return {
        "row": chosen.row,
        "info": info,
        "why": chosen.why,
        "speakers": [_name(name, info.recording_id) for name in info.speakers],
        "excerpt": excerpt,
        "picture": _svg(picture(excerpt, f"Clip {at + 1}: who speaks when")),
        "words": words,
        "n_rows": [max((row for _, _, row, _ in channel), default=-1) + 1 for channel in words],
        "audio": audio,
    }


def _name(speaker: str, recording_id: str) -> str:
    """A voice without a name has its number in the recording."""
    return f"voice {speaker.removeprefix(f'{recording_id}/')}" if speaker.startswith(f"{recording_id}/") else speaker
