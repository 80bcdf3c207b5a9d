"""Which clips a person wants to see: an address's parameters as conditions in SQL."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipeline.browse.text import BrowseError
from pipeline.visible import shown

PAGE: Final = 50
"""Clips or recordings of a page."""
MOST: Final = 20
"""Values of one parameter."""
CHOICES: Final = {
    "licence": "licence",
    "consent": "consent",
    "source": "source_url",
    "holder": "holder",
    "split": "split",
    "reason": "reason",
    "language": "language",
}
"""Parameter -> column; any of its values will do, and no text stands for "nobody says"."""
RANGES: Final = {
    "overlap": "overlap_share * 100",
    "leakage": "leakage_db",
    "length": "duration_s",
    "confidence": "overlap_confidence",
    "quieter": "less_of_speech * 100",
}
"""Parameter -> what lies between two figures, as `5..20`, `..-30` or `60..`; an unknown figure lies nowhere."""
FLAGS: Final = {
    "separated": "separated",
    "enhanced": "enhanced",
    "withdrawn": "withdrawn",
    "commercial": "commercial_use",
    "worded": "words > 0",
}
"""Parameter -> what is so (`yes`), is not (`no`), or is not known (`unknown`)."""
SORTS: Final = {
    "id": "clip_id",
    "length": "duration_s",
    "overlap": "overlap_share",
    "leakage": "leakage_db",
    "confidence": "overlap_confidence",
    "quieter": "less_of_speech",
    "words": "words",
}
"""What a list is sorted by; with a minus the other way round."""
_DIGEST: Final = re.compile(r"#[0-9a-f]{32}")
_FLAG: Final = {"yes": "coalesce({}, false)", "no": "NOT coalesce({}, true)", "unknown": "({}) IS NULL"}
_OTHERS: Final = ("q", "recording", "speaker", "sort", "page")


@dataclass(frozen=True, slots=True)
class Condition:
    """A piece of SQL that is true or false for a clip, and the values for its question marks."""

    sql: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Clips for which all conditions hold, in an order; `page` counts from 0."""

    conditions: tuple[Condition, ...] = ()
    order: str = "clip_id"
    page: int = 0

    @property
    def where(self) -> str:
        """What stands after WHERE."""
        return " AND ".join(f"({condition.sql})" for condition in self.conditions) or "true"

    @property
    def values(self) -> list[Any]:
        """For its question marks."""
        return [value for condition in self.conditions for value in condition.values]


def filter_of(parameters: Iterable[tuple[str, str]]) -> Filter:
    """The filter that an address's parameters ask for; empty ones of a range or text ask for nothing.

    Raises BrowseError for what it does not know.
    """
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        if name not in {*CHOICES, *RANGES, *FLAGS, *_OTHERS}:
            raise BrowseError(f"there is no filter {shown(name, 40)}")
        given.setdefault(name, []).append(value)
    if any(len(values) > MOST for values in given.values()):
        raise BrowseError(f"a filter takes at most {MOST} values")
    last = {name: values[-1] for name, values in given.items()}
    return Filter(
        conditions=tuple(_conditions(given, last)), order=_order(last.get("sort", "id")), page=_page(last.get("page"))
    )


def _conditions(given: Mapping[str, list[str]], last: Mapping[str, str]) -> Iterator[Condition]:
    for name, column in CHOICES.items():
        if name in given:
            parts = [chosen(column, value) for value in given[name]]
            yield Condition(" OR ".join(part.sql for part in parts), tuple(v for p in parts for v in p.values))
    for name, expression in RANGES.items():
        yield from _range(name, expression, last.get(name, ""))
    for name, expression in FLAGS.items():
        if last.get(name):
            if last[name] not in _FLAG:
                raise BrowseError(f"{name} is yes, no or unknown")
            yield Condition(_FLAG[last[name]].format(expression))
    if last.get("recording"):
        yield Condition("recording_id = ?", (last["recording"],))
    if last.get("speaker"):
        key = last["speaker"]
        names = "list_concat(speakers, stated_speakers)"
        if _DIGEST.fullmatch(key):
            yield Condition(f"list_contains([md5(s) FOR s IN {names}], ?)", (key[1:],))
        else:
            yield Condition(f"list_contains({names}, ?)", (key,))
    if last.get("q", "").strip():
        yield _text(last["q"].strip().lower())


def chosen(column: str, key: str) -> Condition:
    """The clips with a value, which is given by its key (`text.key_of`)."""
    if _DIGEST.fullmatch(key):
        return Condition(f"md5({column}) = ?", (key[1:],))
    return Condition(f"coalesce({column}, '') = ?", (key,))


def _range(name: str, expression: str, text: str) -> Iterator[Condition]:
    if not text:
        return
    ends = text.split("..")
    if len(ends) != 2:
        raise BrowseError(f"{name} is a range, such as 5..20")
    for end, sign in zip(ends, (">=", "<="), strict=True):
        if end:
            yield Condition(f"{expression} {sign} ?", (_number(name, end),))


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BrowseError(f"{name} is a range of figures, such as 5..20, not {shown(text, 40)}")
    return value


def _text(wanted: str) -> Condition:
    """Part of a file's name, of a speaker's or of a rejection, or how an id begins."""
    names = "contains(words_to_find, ?)"
    return Condition(f"starts_with(clip_id, ?) OR starts_with(recording_id, ?) OR {names}", (wanted,) * 3)


def _order(sort: str) -> str:
    name, backwards = sort.removeprefix("-"), sort.startswith("-")
    if name not in SORTS:
        raise BrowseError(f"there is no order {shown(sort, 40)}")
    if name == "id":
        return f"clip_id {'DESC' if backwards else 'ASC'}"
    return f"{SORTS[name]} {'DESC' if backwards else 'ASC'} NULLS LAST, clip_id"


def _page(text: str | None) -> int:
    if text is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,7}", text, re.ASCII):
        raise BrowseError("a page is a number from 0 on")
    return int(text)
