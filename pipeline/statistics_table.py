"""What `stats` prints: three tables that fit a terminal of 80 columns."""

from collections.abc import Sequence
from typing import Final

from rich.console import Group as Lines
from rich.table import Column, Table
from rich.text import Text

from model.turns.references import PUBLISHED
from model.turns.statistics import OVERLAPS, Distribution, Statistics
from schemas.conversation import TurnKind
from schemas.plain_text import counted

PERCENT: Final = (
    ("overlap_of_time", "overlap, % of time"),
    ("silence_of_time", "silence of both, % of time"),
    ("overlapped_changes", "changes with overlap, %"),
    ("less_of_speech", "speech of the quieter, %"),
)
PLAIN: Final = (
    ("transfers_per_min", "changes a minute", ".1f"),
    ("backchannels_per_min", "backchannels a minute", ".1f"),
    ("fto_median_s", "FTO, median, s", ".2f"),
    ("fto_p5_s", "FTO, 5 %, s", ".2f"),
    ("fto_p95_s", "FTO, 95 %, s", ".2f"),
    ("words_per_s", "words a second", ".1f"),
)
KINDS: Final = (
    ("units", ("unit",)),
    ("turns", (TurnKind.TURN,)),
    ("pauses", (TurnKind.PAUSE,)),
    ("gaps", (TurnKind.GAP,)),
    ("overlaps", OVERLAPS),
    *((f"  {kind.removeprefix('overlap_')}", (kind,)) for kind in OVERLAPS),
    ("backchannels", (TurnKind.BACKCHANNEL,)),
)
LENGTHS: Final = (("unit", "units"), ("pause", "pauses"), ("gap", "gaps"), ("transfer", "FTO"))


def statistics_tables(made: Statistics, reference: Statistics, name: str) -> Lines:
    """Figures beside references, events a minute, and distances between distributions."""
    head = f"{counted(made.conversations, 'conversation')}, {made.length_s / 3600:.2f} h from first to last speech"
    return Lines(
        Text(head),
        _figures(made, reference, name),
        _events(made, reference, name),
        _distances(made, reference, name),
        Text("* published, whole corpora. FTO: floor-transfer offset, below zero where turns overlap, at changes of"),
        Text(f"speaker. W1: Wasserstein-1 distance to {name}, s. Units: speech between silences of 0.2 s or more."),
    )


def _table(*names: str) -> Table:
    first, *others = names
    return Table(first, *(Column(n, justify="right") for n in others))


def _figures(made: Statistics, reference: Statistics, name: str) -> Table:
    """Published figures in the last columns."""
    table = _table("", "here", name, *(f"{n} *" for n in PUBLISHED))
    columns = [made.figures(), reference.figures(), *PUBLISHED.values()]
    for key, label in PERCENT:
        table.add_row(label, *(_number(100 * c.get(key, float("nan")), ".1f") for c in columns))
    for key, label, form in PLAIN:
        table.add_row(label, *(_number(c.get(key, float("nan")), form) for c in columns))
    return table


def _events(made: Statistics, reference: Statistics, name: str) -> Table:
    table = _table("each minute", "here", "seconds", name, "seconds")
    for label, kinds in KINDS:
        cells = [_number(v, ".2f") for s in (made, reference) for v in s.per_minute(*kinds)]
        table.add_row(label, *cells)
    return table


def _distances(made: Statistics, reference: Statistics, name: str) -> Table:
    table = _table("length, s", "5 %", "median", "95 %", f"{name}, median", "W1")
    for key, label in LENGTHS:
        own, other = made.distributions[key], reference.distributions[key]
        table.add_row(
            label, *_quantiles(own), _number(other.quantile_s(0.5), ".2f"), _number(own.distance_s(other), ".3f")
        )
    return table


def _quantiles(distribution: Distribution) -> Sequence[str]:
    return [_number(distribution.quantile_s(q), ".2f") for q in (0.05, 0.5, 0.95)]


def _number(value: float, form: str) -> str:
    return "-" if value != value else format(value, form)  # noqa: PLR0124
