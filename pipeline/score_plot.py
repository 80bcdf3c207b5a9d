"""The picture of a scoring: diarization errors, separation by region, edges and recalls, in one file."""

import math
from pathlib import Path
from typing import Final, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from model.measures.separation import ChannelScore, Regions
from pipeline.plot_style import BLUE, GREY, INK, ORANGE, SERIES, SKY, frame, save
from pipeline.score import Group, Scoring
from schemas.plain_text import counted

NAMED: Final = 24
"""Up to so many recordings have their names below the bars."""
_EDGE_MS: Final = 500
_REGIONS: Final = ("overall", "overlap", "solo")


def draw(scoring: Scoring, path: Path) -> None:
    """Write the picture; its kind is that of the file's name. The same scoring gives the same picture."""
    figure = Figure(figsize=(11.0, 8.0), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    (errors, separation), (edges, recalls) = figure.subplots(2, 2)
    _draw_errors(errors, scoring)
    _draw_separation(separation, scoring)
    _draw_edges(edges, scoring)
    _draw_recalls(recalls, scoring)
    save(figure, path)


def _draw_errors(axes: Axes, scoring: Scoring) -> None:
    """A bar per recording, greatest DER first, stacked from its parts."""
    scores = sorted(scoring.scores, key=lambda s: -np.nan_to_num(s.der.rate))
    x = np.arange(len(scores))
    base = np.zeros(len(scores))
    for name, part, colour in (
        ("missed", "missed_s", BLUE),
        ("false", "false_s", SKY),
        ("confused", "confused_s", ORANGE),
    ):
        share = np.array([100 * getattr(s.der, part) / s.der.speech_s if s.der.speech_s else 0.0 for s in scores])
        axes.bar(x, share, 0.8, base, color=colour, label=name, edgecolor="white", linewidth=0.4)
        base += share
    collar = [100 * s.der_collar.rate for s in scores]
    axes.plot(
        x,
        collar,
        linestyle="",
        marker="D",
        color=INK,
        markersize=4,
        clip_on=False,
        zorder=3,
        label=f"DER, collar ±{scoring.collar_s:g} s",
    )
    frame(axes, f"Diarization errors of {counted(len(scores), 'recording')}", "% of true speech")
    if len(scores) <= NAMED:
        names = [s.name if len(s.name) <= 18 else f"{s.name[:8]}…{s.name[-8:]}" for s in scores]
        upright = len(scores) > 4
        axes.set_xticks(x, names, rotation=45 if upright else 0, ha="right" if upright else "center", fontsize=8)
        axes.tick_params(axis="x", length=0)
    else:
        axes.set_xticks([])
        axes.set_xlabel("recordings, by DER")
    axes.set_xlim(-0.7, max(len(scores), 4) - 0.3)
    axes.set_ylim(0, max(1.0, 1.08 * float(np.nanmax([*base, *collar]))))
    axes.legend(frameon=False, fontsize=8, loc="upper right")


def _draw_separation(axes: Axes, scoring: Scoring) -> None:
    """Boxes over channels: the output's SI-SDR and the mixture's, by region."""
    channels = [c for s in scoring.scores for c in s.channels]
    frame(axes, f"SI-SDR of {counted(len(channels), 'channel')}", "dB")
    if not channels:
        _say(axes, "no audio on both sides")
        return
    at = np.arange(len(_REGIONS))
    for name, shift, colour, gained in (("mixture", -0.19, GREY, True), ("output", 0.19, BLUE, False)):
        values = [_finite([_si_sdr(c, region, gained) for c in channels]) for region in _REGIONS]
        boxes = axes.boxplot(
            [v for v in values if len(v)],
            positions=[x + shift for x, v in zip(at, values, strict=True) if len(v)],
            widths=0.32,
            patch_artist=True,
            medianprops={"color": INK, "linewidth": 2},
            flierprops={"marker": ".", "markersize": 4, "markerfacecolor": colour, "markeredgecolor": colour},
            whiskerprops={"color": colour},
            capprops={"color": colour},
            boxprops={"facecolor": colour, "edgecolor": colour},
            manage_ticks=False,
        )
        boxes["boxes"][0].set_label(name)
        for x, value in zip(at, values, strict=True):
            if len(value):
                axes.annotate(
                    f"{round(float(np.median(value)), 1) + 0.0:.1f}",
                    (x + shift, float(np.max(value))),
                    (0, 4),
                    ha="center",
                    fontsize=8,
                    textcoords="offset points",
                    color=INK,
                )
    axes.set_xticks(at, ["overall", "in overlap", "in solo speech"])
    axes.margins(y=0.12)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.legend(frameon=False, fontsize=8, loc="upper left", title="median above each", title_fontsize=8)


def _si_sdr(channel: ChannelScore, region: str, mixture: bool) -> float:
    own: Regions = channel.si_sdr_db
    value: float = getattr(own, region)
    return value - float(getattr(channel.gain_db, region)) if mixture else value


def _finite(values: list[float]) -> list[float]:
    return [v for v in values if math.isfinite(v)]


def _draw_edges(axes: Axes, scoring: Scoring) -> None:
    """How late matched onsets and offsets are, in bins of 20 ms."""
    bins = np.arange(-_EDGE_MS, _EDGE_MS + 1, 20)
    total = 0
    for name, colour, filled in (("onset", BLUE, True), ("offset", ORANGE, False)):
        errors = np.concatenate([getattr(s.turns, f"{name}s").errors_ms for s in scoring.scores])
        figures = scoring.everything.figures
        missed = 100 * figures[f"{name}_unmatched"].value
        label = f"{name}s: median {figures[f'{name}_median_ms'].value:.0f} ms off, {missed:.0f} % unpaired"
        total += errors.size
        if errors.size:
            weights = np.full(errors.size, 100 / errors.size)
            style: Literal["stepfilled", "step"] = "stepfilled" if filled else "step"
            alpha = 0.55 if filled else 1.0
            axes.hist(
                errors,
                bins=list(bins),
                weights=weights,
                histtype=style,
                color=colour,
                alpha=alpha,
                label=label,
                linewidth=2,
            )
    frame(axes, f"Edges of activity, {total} paired", "% of edges")
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlim(-_EDGE_MS, _EDGE_MS)
    axes.set_xlabel("early  ←  ms  →  late")
    if total:
        axes.margins(y=0.3)
        axes.legend(facecolor="white", framealpha=1.0, edgecolor="white", fontsize=8, loc="upper left")
    else:
        _say(axes, "no edges to pair")


_RECALLS: Final = (
    ("overlap\nrecall", "overlap_recall"),
    ("overlap\nprecision", "overlap_precision"),
    ("overlaps\nunder 1 s", "short_overlap_recall"),
    ("backchannels\nunder 1 s", "backchannel_recall"),
)


def _draw_recalls(axes: Axes, scoring: Scoring) -> None:
    """Bars with 95 % intervals: of every group where there are up to five, else of everything."""
    groups: tuple[Group, ...] = scoring.groups if 1 < len(scoring.groups) <= len(SERIES) else (scoring.everything,)
    width = 0.8 / len(groups)
    for k, group in enumerate(groups):
        at = np.arange(len(_RECALLS)) + (k - (len(groups) - 1) / 2) * width
        figures = [group.figures[name] for _, name in _RECALLS]
        values = np.array([100 * f.value for f in figures])
        reach = np.array([[100 * (f.value - f.low) for f in figures], [100 * (f.high - f.value) for f in figures]])
        label = f"{group.name} ({len(group.scores)})"
        axes.bar(at, np.nan_to_num(values), width * 0.92, color=SERIES[k], label=label)
        axes.errorbar(
            at, values, np.maximum(np.nan_to_num(reach), 0), fmt="none", ecolor=INK, elinewidth=1, capsize=2
        )
        for x, value, up in zip(at, values, np.nan_to_num(reach[1]), strict=True):
            text = "none" if math.isnan(value) else f"{value:.0f}"
            axes.annotate(
                text, (x, np.nan_to_num(value) + up), (0, 3), ha="center", fontsize=8, textcoords="offset points"
            )
    frame(axes, "What is found", "%, with 95 % interval")
    axes.set_xticks(range(len(_RECALLS)), [label for label, _ in _RECALLS])
    axes.set_ylim(0, 118 if len(groups) == 1 else 135)
    axes.set_yticks(range(0, 101, 20))
    if len(groups) > 1:
        axes.legend(frameon=False, fontsize=8, loc="upper left", ncols=len(groups))


def _say(axes: Axes, text: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=INK)
