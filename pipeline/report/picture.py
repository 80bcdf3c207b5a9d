"""The picture of an excerpt: a lane per speaker with its waveform, who speaks when, overlaps and backchannels."""

from typing import Final

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model.sample_files import Word
from pipeline.plot_style import BLUE, GREEN, INK
from pipeline.report.excerpt import Excerpt, Int16
from pipeline.report.plots import svg

VOICES: Final = (BLUE, GREEN)
OVERLAP, BACKCHANNEL = "#D55E00", "#CC79A7"  # Okabe and Ito (2008)
ROWS: Final = 5  # of words on a lane
_SIZE: Final = (11.0, 1.9)
_COLUMNS: Final = 900
_LANE: Final = (1.0, -1.0)  # middle of either channel
_LETTER: Final = 0.0082  # width of a letter, of the picture's

Float64 = NDArray[np.float64]


def picture(excerpt: Excerpt, label: str) -> str:
    """The excerpt from edge to edge of the picture, so that words can stand above and below it."""
    with matplotlib.rc_context({"font.size": 8.0}):
        figure = Figure(figsize=_SIZE)
        axes = figure.add_axes((0.0, 0.13, 1.0, 0.87))
        for start_s, end_s, _ in excerpt.overlaps:
            axes.axvspan(start_s, end_s, color=OVERLAP, alpha=0.22, linewidth=0)
        for segment in excerpt.segments:
            colour, bottom = VOICES[segment.channel], _LANE[segment.channel] - 0.92
            at = [(segment.start_s, segment.end_s - segment.start_s)]
            axes.broken_barh(at, (bottom, 1.84), facecolors=colour, alpha=0.22, linewidth=0)
        if excerpt.pcm is not None:
            _waves(axes, excerpt.pcm)
        for unit in excerpt.backchannels:
            _edge(axes, unit.channel, unit.start_s, unit.end_s)
        axes.axhline(0.0, color=INK, linewidth=0.6)
        axes.set_xlim(0.0, excerpt.length_s)
        axes.set_ylim(-2.0, 2.0)
        axes.set_yticks([])
        ticks = np.arange(2.0, excerpt.length_s - 0.4, 2.0)
        axes.set_xticks(ticks, [f"{excerpt.start_s + t:.0f} s" for t in ticks])
        axes.spines[["top", "right", "left"]].set_visible(False)
        return svg(figure, label)


def _edge(axes: Axes, channel: int, start_s: float, end_s: float) -> None:
    """A bar at the outer edge of a lane, over a backchannel."""
    bottom = 1.78 if channel == 0 else -1.98
    axes.broken_barh([(start_s, end_s - start_s)], (bottom, 0.2), facecolors=BACKCHANNEL, linewidth=0)


def _waves(axes: Axes, pcm: Int16) -> None:
    """Both channels on one scale, so that their levels can be compared. pcm: int16 [2, samples]."""
    loudest = max(float(np.abs(pcm.astype(np.int32)).max(initial=0)), 1.0)
    for channel, samples in enumerate(pcm):
        low, high = envelope(samples)
        at = np.arange(low.size) * (samples.size / 24_000) / max(low.size, 1)
        middle, scale = _LANE[channel], 0.88 / loudest
        axes.fill_between(at, middle + scale * low, middle + scale * high, color=VOICES[channel], linewidth=0.4)


def envelope(samples: Int16) -> tuple[Float64, Float64]:
    """Lowest and highest of each of at most _COLUMNS equal parts."""
    width = -(-samples.size // _COLUMNS)
    if not width:
        return np.zeros(0), np.zeros(0)
    whole = np.pad(samples, (0, -samples.size % width)).reshape(-1, width).astype(np.float64)
    return whole.min(1), whole.max(1)


def rows_of(words: list[Word], length_s: float) -> list[tuple[str, float, int, float]]:
    """(word, place from the left in %, row, confidence): each in the first of ROWS rows where it covers no other.

    Where all rows are full, it stands where it covers least.
    """
    free = [0.0] * ROWS
    placed = []
    for text, start_s, _, confidence in words:
        width = _LETTER * (len(text) + 1)
        left = max(0.0, min(start_s / length_s, 1.0 - width))
        row = next((r for r in range(ROWS) if free[r] <= left), min(range(ROWS), key=lambda r: free[r]))
        free[row] = left + width
        placed.append((text, round(100.0 * left, 2), row, confidence))
    return placed
