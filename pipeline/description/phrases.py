"""Figures and lists in words, for descriptions that people read."""

from collections.abc import Iterable, Sequence
from typing import Final

from pipeline.description.facts import Grouped
from pipeline.visible import shown

NOT_STATED: Final = "not stated"
_NAME: Final = 120
"""Characters of a name from the metadata that a description has."""


def span(seconds: float) -> str:
    """A length: 40 s, 5.6 min, 12.5 h, 1,250 h."""
    if seconds < 90.0:
        return f"{seconds:.0f} s" if seconds >= 9.95 or not seconds else f"{seconds:.1f} s"
    if seconds < 2 * 3_600.0:
        return f"{seconds / 60.0:.1f} min"
    hours = seconds / 3_600.0
    return f"{hours:.1f} h" if hours < 99.95 else f"{hours:,.0f} h"


def percent(part: float, whole: float = 1.0) -> str:
    """A share: 12 %, 0.4 %, under 0.1 %; a dash where there is no whole."""
    if not whole:
        return "–"
    value = 100.0 * part / whole
    if 0.0 < value < 0.1:
        return "under 0.1 %"
    return f"{value:.0f} %" if value >= 9.95 or not value else f"{value:.1f} %"


def listed(items: Sequence[str], most: int = 12) -> str:
    """a, b and c; those beyond `most` are counted."""
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most:,} more"
    return " and ".join(filter(None, (", ".join(items[:-1]), items[-1]))) if items else "none"


def name_of(text: str | None) -> str:
    """A text from the metadata on one line, with every character visible, cut; what nobody stated says so."""
    return NOT_STATED if text is None else shown(text, _NAME)


def shares(grouped: Grouped, most: int = 12, nameless: str = NOT_STATED) -> str:
    """Each group with its length, the longest first: en 12.5 h, not stated 2.0 h, 7 more 0.5 h.

    nameless: what the group without a name is called.
    """
    shown, rest = grouped.groups[:most], grouped.groups[most:]
    parts = [f"{nameless if g.name is None else name_of(g.name)} {span(g.seconds)}" for g in shown]
    if more := len(rest) + grouped.more:
        parts.append(f"{more:,} more {span(sum(g.seconds for g in rest) + grouped.more_s)}")
    return ", ".join(parts) or "none"


def sentences(parts: Iterable[str | None]) -> str:
    """Those that are there, one after the other."""
    return " ".join(part for part in parts if part)
