"""How our pictures look, and how they are written: the same figures give the same file."""

from pathlib import Path
from typing import Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schemas.atomic import whole_file
from schemas.errors import UserError

KINDS: Final = (".png", ".svg", ".pdf")
# Okabe and Ito (2008): told apart with any colour vision, and in grey by their lightness.
BLUE, ORANGE, GREEN, SKY, GREY, INK = "#0072B2", "#E69F00", "#009E73", "#56B4E9", "#999999", "#333333"
SERIES: Final = (BLUE, ORANGE, GREEN, SKY, GREY)


class PlotError(UserError):
    """A picture that cannot be written."""


def check_kind(path: Path | None) -> None:
    """Raise PlotError where a picture's name ends in nothing that can be drawn."""
    if path is not None and path.suffix.lower() not in KINDS:
        raise PlotError(f"--plot {path}: name a file that ends in {', '.join(KINDS)}")


def frame(axes: Axes, title: str, y_label: str) -> None:
    """Title, grid and axes."""
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK)
    axes.set_ylabel(y_label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)


def save(figure: Figure, path: Path) -> None:
    """Write a picture whole; its kind is that of the file's name."""
    kind = path.suffix.lower().removeprefix(".")
    undated = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with whole_file(path) as temporary, matplotlib.rc_context({"svg.hashsalt": "duplexset"}):
        figure.savefig(temporary, format=kind, dpi=150, metadata=undated[kind])
