"""The picture of `stats`: distributions here beside those of a reference, and where the time goes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from model.turns.statistics import BIN_S, OVERLAPS, Distribution, Statistics
from pipeline.plot_style import BLUE, GREY, INK, SERIES, frame, save
from schemas.conversation import TurnKind

Float64 = NDArray[np.float64]

_Panel = tuple[str, str, tuple[float, float], float]
_PANELS: Final[tuple[_Panel, ...]] = (
    ("transfer", "Floor-transfer offsets", (-2.0, 3.0), 0.1),
    ("gap", "Gaps", (0.0, 2.0), 0.05),
    ("pause", "Pauses", (0.0, 2.0), 0.05),
    ("unit", "Inter-pausal units", (0.0, 8.0), 0.25),
)


def draw(made: Statistics, reference: Statistics, name: str, path: Path) -> None:
    """Write the picture; its kind is that of the file's name."""
    figure = Figure(figsize=(11.0, 8.0), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    for axes, (_, fill) in zip(figure.subplots(2, 3).ravel(), panels(made, reference, name), strict=True):
        fill(axes)
    save(figure, path)


def panels(made: Statistics, reference: Statistics, name: str) -> list[tuple[str, Callable[[Axes], None]]]:
    """The title of each part of the picture, and what draws it."""
    distributions = [
        (panel[1], partial(_distribution, made=made, reference=reference, name=name, panel=panel))
        for panel in _PANELS
    ]
    time = partial(_time, made=made, reference=reference, name=name)
    overlaps = partial(_overlaps, made=made, reference=reference, name=name)
    return [*distributions, ("Where the time goes", time), ("Overlaps by kind, and backchannels", overlaps)]


def _distribution(axes: Axes, made: Statistics, reference: Statistics, name: str, panel: _Panel) -> None:
    key, title, limits, step = panel
    frame(axes, title, "share, %")
    for statistics, label, colour in ((reference, name, GREY), (made, "here", BLUE)):
        shares, edges = _steps(statistics.distributions[key], limits, step)
        axes.stairs(100 * shares, edges, label=label, color=colour, linewidth=1.8)
    axes.set_xlabel("s")
    axes.set_xlim(limits)
    if key == "transfer":
        axes.set_xlabel("s (below zero: overlap)")
        axes.axvline(0.0, color=INK, linewidth=0.8)
        axes.legend(frameon=False, fontsize=9)


def _steps(distribution: Distribution, limits: tuple[float, float], step: float) -> tuple[Float64, Float64]:
    """Shares of all values in bins of `step` between the limits, and the edges of the bins."""
    width = round(step / BIN_S)
    first = round((limits[0] - distribution.low_s) / BIN_S)
    count = round((limits[1] - limits[0]) / step)
    inside = distribution.counts[first : first + count * width].reshape(count, width).sum(1)
    return inside / max(distribution.total, 1), limits[0] + step * np.arange(count + 1, dtype=np.float64)


def _time(axes: Axes, made: Statistics, reference: Statistics, name: str) -> None:
    frame(axes, "Where the time goes", "% of the time")
    parts = (("one speaks", None), ("both speak", "overlap_of_time"), ("silence", "silence_of_time"))
    for at, statistics in enumerate((made, reference)):
        figures = statistics.figures()
        base = 0.0
        for (label, key), colour in zip(parts, SERIES, strict=False):
            rest = 1.0 - figures["overlap_of_time"] - figures["silence_of_time"]
            share = 100 * (figures[key] if key else rest)
            axes.bar(at, share, 0.6, base, color=colour, label=label if at == 0 else None)
            base += share
    axes.set_xticks([0, 1], ["here", name])
    axes.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=3)


def _overlaps(axes: Axes, made: Statistics, reference: Statistics, name: str) -> None:
    frame(axes, "Overlaps by kind, and backchannels", "a minute")
    kinds = (*OVERLAPS, TurnKind.BACKCHANNEL)
    at = np.arange(len(kinds))
    for shift, statistics, label, colour in ((-0.2, made, "here", BLUE), (0.2, reference, name, GREY)):
        axes.bar(at + shift, [statistics.per_minute(k)[0] for k in kinds], 0.38, color=colour, label=label)
    axes.set_xticks(at, ["back-\nchannel", "termi-\nnal", "inter-\nruption", "compet-\nitive", "all back-\nchannels"])
    axes.legend(frameon=False, fontsize=9)
