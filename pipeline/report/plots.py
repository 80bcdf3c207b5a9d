"""The pictures of the report: each a small SVG inside the page; the same figures give the same text."""

import io
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from model.turns.statistics import Statistics
from pipeline.plot_style import BLUE, GREY, INK, ORANGE, frame
from pipeline.report.flow import Flow
from pipeline.report.sketch import Histogram
from pipeline.statistics_plot import panels
from pipeline.view import hours
from schemas.plain_text import counted

PANEL: Final = (3.9, 2.8)  # inches; a page shows 72 points of an SVG as 96 pixels
_PROLOGUE: Final = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA: Final = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_GROUP_ID: Final = re.compile(r' id="[A-Za-z0-9.]+_\d+"')
_QUALITY: Final = (
    ("level", "Level of the speech", "dB below full scale"),
    ("leakage", "Leakage, worse channel", "dB (-80: less)"),
    ("overlap", "Overlap", "% of a clip's time (40: more)"),
    ("confidence", "Confidence of separated overlap", "0 to 1"),
    ("background", "Speech over background (mixtures)", "dB"),
    ("words", "Words, written or recognised", "words a second of speech"),
)


def style() -> AbstractContextManager[None]:
    """How the pictures of the report look: text stays text, in the fonts of whoever reads it."""
    return matplotlib.rc_context({"svg.fonttype": "none", "font.size": 9.0, "path.simplify_threshold": 0.5})


def svg(figure: Figure, label: str) -> str:
    """A figure as an element of a page. label: what it shows, for those who cannot see it; no two have the same."""
    file = io.StringIO()
    undated = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with style(), matplotlib.rc_context({"svg.hashsalt": f"duplexset {label}"}):
        figure.savefig(file, format="svg", metadata=undated)
    text = _METADATA.sub("", _PROLOGUE.sub("", file.getvalue()))
    text = _GROUP_ID.sub("", text)  # names of groups, the same in every figure
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def panel(draw: Callable[[Axes], None], label: str) -> str:
    """A small picture."""
    with style():
        figure = Figure(figsize=PANEL, layout=ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06))
        draw(figure.subplots())
        return svg(figure, label)


def quality_plots(histograms: dict[str, Histogram]) -> list[str]:
    """A histogram for everything that was measured; none of what was not."""
    made = [(histograms[name], title, unit) for name, title, unit in _QUALITY if histograms[name].total]
    return [panel(lambda axes, entry=entry: _histogram(axes, *entry), entry[1]) for entry in made]  # type: ignore[misc]


def _histogram(axes: Axes, histogram: Histogram, title: str, unit: str) -> None:
    frame(axes, title, "share of the time, %")
    axes.stairs(100.0 * histogram.counts / histogram.total, histogram.edges, fill=True, color=BLUE)
    axes.axvline(histogram.mean(), color=INK, linewidth=1.0, linestyle="--")
    axes.set_xlabel(f"{unit}; dashed: mean, {histogram.mean():.{_digits(histogram)}f}")
    axes.set_xlim(histogram.low, histogram.high)
    axes.set_ylim(bottom=0.0)


def _digits(histogram: Histogram) -> int:
    span = histogram.high - histogram.low
    return 2 if span <= 1.0 else 1


def turn_plots(made: Statistics, reference: Statistics, name: str) -> list[str]:
    """Distributions, time and overlaps here, beside the reference's."""
    return [panel(draw, f"{title}, here and in {name}") for title, draw in panels(made, reference, name)]


def flow_plot(flow: Flow, stages: Sequence[str]) -> str:
    """From what went in, over what each stage lost, to what is kept, as a staircase. stages: in their order."""
    with style():
        return _flow_plot(flow, stages)


def _flow_plot(flow: Flow, stages: Sequence[str]) -> str:
    losses = in_order(flow, stages)
    unit_s, unit = (3600.0, "hours") if flow.seconds >= 3600.0 else (60.0, "minutes")
    bars = [("in", 0.0, flow.seconds, GREY, counted(flow.recordings, "recording"))]
    left_s = flow.seconds
    for (stage, reason), (count, seconds) in losses:
        left_s -= seconds
        bars.append((f"{stage}: {reason}", left_s, seconds, ORANGE, "once" if count == 1 else f"{count:.0f} times"))
    bars.append(("kept", 0.0, flow.kept_s, BLUE, counted(flow.kept, "recording")))
    figure = Figure(figsize=(8.2, 0.7 + 0.3 * len(bars)), layout=ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06))
    axes = figure.subplots()
    full = flow.seconds / unit_s or 1.0
    for at, (_, begin_s, length_s, colour, words) in enumerate(bars):
        axes.barh(at, length_s / unit_s, 0.66, max(begin_s, 0.0) / unit_s, color=colour)
        end = max(begin_s, 0.0) / unit_s + length_s / unit_s
        axes.text(end + 0.01 * full, at, f"{hours(length_s)}, {words}", va="center", fontsize=8.5, color=INK)
    axes.set_yticks(range(len(bars)), [bar[0].replace("_", " ") for bar in bars])
    axes.invert_yaxis()
    axes.set_xlim(0.0, 1.3 * full)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_xlabel(unit)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return svg(figure, "From what went in to what is kept")


def in_order(flow: Flow, stages: Sequence[str]) -> list[tuple[tuple[str, str], tuple[float, float]]]:
    """((stage, reason), (times, seconds)) as the stages follow one another."""
    place = {stage: at for at, stage in enumerate(stages)}
    ordered = sorted(flow.lost.items(), key=lambda entry: (place.get(entry[0][0], len(place)), entry[0]))
    return [(key, (count, seconds)) for key, (count, seconds) in ordered]
