"""The totals page: hours by what an auditor tells apart, what was lost where, and how people take turns."""

import threading
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.browse.lost import reasons
from pipeline.browse.store import Store
from pipeline.browse.text import BrowseError, key_of
from pipeline.catalog import CatalogError
from pipeline.visible import clean, shown

GROUPS: Final = (
    ("licence", "licence"),
    ("consent", "consent"),
    ("source", "source_url"),
    ("holder", "holder"),
    ("language", "language"),
    ("split", "split"),
)
ROWS: Final = 20
SAMPLE: Final = 2_000
"""Clips of which turn-taking is counted; of a larger dataset that many from places all over the index."""
_STYLE: Final = (
    "<style>text{fill:#333}@media(prefers-color-scheme:dark){text,[style*='fill: #333333']{fill:#d6dade!important}"
    '[style*="stroke: #333333"]{stroke:#d6dade!important}[style*="stroke: #000000"]{stroke:#aab2b9!important}'
    '[style*="stroke: #dddddd"]{stroke:#3a4147!important}[style*="fill: #0072b2"]{fill:#4aa3dd!important}'
    '[style*="stroke: #0072b2"]{stroke:#4aa3dd!important}}</style>'
)


@dataclass(slots=True)
class Totals:
    """Figures and plots of a store, made when they are first asked for and remembered until more is withdrawn."""

    store: Store
    _figures: dict[str, Any] | None = None
    _changes: int = 0
    _plots: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def figures(self) -> dict[str, Any]:
        """Sums, rows of figures beside human ones, and the names and titles of the plots. Raises CatalogError."""
        with self._lock:
            self.store.follow()
            if self._figures is None or self._changes != self.store.changes:
                self._changes, self._figures = self.store.changes, self._made()
            return self._figures

    def plot(self, name: str) -> str:
        """A plot as SVG, by a name that `figures` gives. Raises BrowseError."""
        self.figures()
        if name not in self._plots:
            raise BrowseError(f"there is no plot {shown(name, 40)}")
        return self._plots[name]

    def _made(self) -> dict[str, Any]:
        store = self.store
        (clips,) = store.ask(
            "SELECT count(*) AS clips, coalesce(sum(duration_s), 0) AS seconds, count(DISTINCT recording_id) AS used,"
            " count(*) FILTER (withdrawn) AS withdrawn FROM flat WHERE kept"
        )
        (recordings,) = store.ask(
            "SELECT count(*) AS recordings, coalesce(sum(duration_s), 0) AS in_s, coalesce(sum(lost_s), 0) AS lost_s"
            " FROM recorded"
        )
        (speakers,) = store.ask(
            "SELECT count(DISTINCT s) AS n FROM (SELECT unnest(speakers) AS s FROM flat WHERE kept)"
        )
        rows, plots, counted = self._turn_taking()
        return {
            **clean({**clips, **recordings}),
            "speakers": speakers["n"],
            "groups": {name: self._group(column) for name, column in GROUPS},
            "losses": reasons(store),
            "turns": rows,
            "plots": plots,
            "counted": counted,
        }

    def _group(self, column: str) -> dict[str, Any]:
        """The largest groups of the kept clips, and how many others there are."""
        counted = (
            f"SELECT {column} AS value, count(*) AS n, sum(duration_s) AS seconds FROM flat WHERE kept GROUP BY ALL"
        )
        rows = self.store.ask(f"{counted} ORDER BY seconds DESC, value LIMIT {ROWS}")
        (whole,) = self.store.ask(f"SELECT count(*) AS n FROM ({counted})")
        named = [{**clean(row), "key": key_of(row["value"]), "name": shown(row["value"] or "")} for row in rows]
        return {"rows": named, "more": max(0, whole["n"] - len(rows))}

    def _turn_taking(self) -> tuple[list[list[str]], list[dict[str, str]], int]:
        """Rows of figures, titles of plots, and how many clips they are counted in."""
        from model.turns.references import BUILTIN, builtin
        from pipeline.report.plots import turn_plots

        made, reference = _statistics(self.store.talk(SAMPLE)), builtin()
        drawn = []
        if made.conversations:
            titles = ["Floor-transfer offsets", "Gaps", "Pauses", "Speech between silences"]
            titles += ["Where the time goes", "Overlaps by kind, and backchannels"]
            drawn += list(zip(titles, turn_plots(made, reference, BUILTIN), strict=True))
        drawn += [(title, svg) for title, svg in self._measured() if svg]
        for at, (_, svg) in enumerate(drawn):
            self._plots[f"plot-{at}.svg"] = _themed(svg)
        plots = [{"name": f"plot-{at}.svg", "title": title} for at, (title, _) in enumerate(drawn)]
        return _beside(made, reference, BUILTIN), plots, made.conversations

    def _measured(self) -> list[tuple[str, str]]:
        """Histograms over all kept clips: a person's share of the speech, overlap, leakage."""
        made = []
        for title, expression, (low, high), unit in (
            ("Speech of the one who says less", "less_of_speech * 100", (0.0, 50.0), "% of a clip's speech"),
            ("Overlap", "overlap_share * 100", (0.0, 40.0), "% of a clip's time (40: more)"),
            ("Leakage, worse channel", "leakage_db", (-80.0, 0.0), "dB (-80: less)"),
        ):
            bins = 25
            place = f"least(greatest(floor(({expression} - {low}) / {(high - low) / bins}), 0), {bins - 1})::INTEGER"
            rows = self.store.ask(
                f"SELECT {place} AS at, sum(duration_s) AS seconds FROM flat"
                f" WHERE kept AND {expression} IS NOT NULL GROUP BY 1"
            )
            counts = np.zeros(bins)
            for row in rows:
                counts[row["at"]] = row["seconds"]
            made.append((title, _histogram(title, counts, np.linspace(low, high, bins + 1), unit)))
        return made


def _statistics(found: list[dict[str, Any]]) -> Any:
    from model.turns.statistics import Statistics
    from schemas.arrow import from_dict
    from schemas.conversation import Segment, TurnEvent

    made = Statistics()
    for info in found:
        try:
            segments = [from_dict(Segment, one) for one in info["segments"]]
            events = [from_dict(TurnEvent, one) for one in info.get("events") or []]
        except ValueError as error:
            raise CatalogError(f"index/clips.parquet has turns that none can be ({error}): build again") from error
        words = info.get("quality", {}).get("n_words")
        made.add(segments, events, None if words is None else sum(words))
    return made


def _beside(made: Any, reference: Any, name: str) -> list[list[str]]:
    """A line of heads, then what is counted, here and in the reference."""
    here, there = made.figures(), reference.figures()
    percent = (
        ("overlap_of_time", "both speak, % of time"),
        ("silence_of_time", "nobody speaks, % of time"),
        ("overlapped_changes", "changes of speaker with overlap, %"),
        ("less_of_speech", "speech of the one who says less, %"),
    )
    rows = [["", "here", name]]
    rows += [[label, _number(100 * here[key]), _number(100 * there[key])] for key, label in percent]
    for key, label in (
        ("fto_median_s", "floor-transfer offset, median, s"),
        ("transfers_per_min", "changes a minute"),
        ("backchannels_per_min", "backchannels a minute"),
    ):
        rows.append([label, _number(here[key], 2), _number(there[key], 2)])
    for kind, label in (("pause", "pauses, median, s"), ("gap", "gaps, median, s")):
        rows.append([label, *(_number(s.distributions[kind].quantile_s(0.5), 2) for s in (made, reference))])
    return rows


def _number(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"


def _histogram(title: str, counts: NDArray[np.float64], edges: NDArray[np.float64], unit: str) -> str:
    from pipeline.plot_style import BLUE, frame
    from pipeline.report.plots import panel

    if not counts.sum():
        return ""

    def draw(axes: Any) -> None:
        frame(axes, title, "share of the time, %")
        axes.stairs(100.0 * counts / counts.sum(), edges, fill=True, color=BLUE)
        axes.set_xlabel(unit)
        axes.set_xlim(edges[0], edges[-1])

    return panel(draw, title)


def _themed(svg: str) -> str:
    """A picture as a file of its own, which follows the page from light to dark."""
    start = svg.index(">") + 1
    root = (
        svg[:start]
        if "xmlns=" in svg[:start]
        else svg[:start].replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    )
    return root + _STYLE + svg[start:].replace("fill: #ffffff", "fill: none")
