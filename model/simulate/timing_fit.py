"""The timing tables from real conversations: `python -m model.simulate.timing_fit turns.tsv`.

The table of turns has the columns conversation, speaker, start_s, end_s (and perhaps words), tab-separated. Eight
conversations are held out, by a rule on their names, for evaluation.
"""

import csv
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from model.simulate.timing import BACKCHANNEL_S, Event, Tables, TimingModel, kind_inside
from schemas.errors import UserError

HELD_OUT: Final = 8
POINTS: Final = 101
_RANGE: Final = (0.002, 0.998)  # between the outermost values a table would be a straight line
_COLUMNS: Final = ("conversation", "speaker", "start_s", "end_s")
_LATEST_S: Final = 1e6
_INSIDE_BOUNDS_S: Final = (2.0, 4.0, 8.0, 12.0)


class TimingError(UserError):
    """The table of turns cannot be used: what is wrong, where, what to do."""


def read_turns(path: Path) -> dict[str, list[Event]]:
    """Per conversation its events by start; speakers are numbered by who speaks first. Raises TimingError."""
    if not path.is_file():
        raise TimingError(f"{path}: no such table of turns; give a tab-separated file with {', '.join(_COLUMNS)}")
    found: dict[str, list[tuple[str, float, float]]] = {}
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, delimiter="\t")
        try:
            for row in reader:
                name, turn = _turn(row, f"{path}, line {reader.line_num}")
                found.setdefault(name, []).append(turn)
        except UnicodeDecodeError as error:
            raise TimingError(f"{path} is no UTF-8 text ({error.reason}): save it so") from error
        except csv.Error as error:
            raise TimingError(f"{path}, line {reader.line_num}: no tab-separated text ({error})") from error
    if not found:
        raise TimingError(f"{path}: no turns in it; give one line per utterance with {', '.join(_COLUMNS)}")
    return {name: _events(rows) for name, rows in found.items()}


def _turn(row: Mapping[str, str | None], where: str) -> tuple[str, tuple[str, float, float]]:
    """The conversation of a row, and its speaker, start and end. Raises TimingError for one that is no turn."""
    texts = [row.get(column) for column in _COLUMNS]
    if None in texts:
        raise TimingError(f"{where}: expected tab-separated {', '.join(_COLUMNS)}, the times in seconds")
    name, speaker, start, end = (str(text) for text in texts)
    if not name.strip() or not speaker.strip():
        raise TimingError(f"{where}: the conversation or the speaker has no name")
    try:
        start_s, end_s = float(start), float(end)
    except ValueError as error:
        raise TimingError(f"{where}: expected times in seconds, as 12.5, not {start!r} and {end!r}") from error
    if not 0.0 <= start_s < end_s <= _LATEST_S:
        raise TimingError(
            f"{where}: {start} to {end} is no stretch of time: give its start and its later end, from 0 s"
        )
    return name, (speaker, start_s, end_s)


def _events(rows: list[tuple[str, float, float]]) -> list[Event]:
    """Rows as events: touching or overlapping utterances of one speaker become one."""
    numbers: dict[str, int] = {}
    joined: list[Event] = []
    open_at: dict[int, int] = {}
    for name, start_s, end_s in sorted(rows, key=lambda r: (r[1], r[2])):
        speaker = numbers.setdefault(name, len(numbers))
        at = open_at.get(speaker)
        if at is not None and start_s <= joined[at].end_s:
            joined[at] = Event(speaker, joined[at].start_s, max(end_s, joined[at].end_s))
            continue
        open_at[speaker] = len(joined)
        joined.append(Event(speaker, start_s, end_s))
    hosts = _hosts(joined)
    return [
        Event(e.speaker, e.start_s, e.end_s, "turn" if h is None else kind_inside(e.length_s))
        for e, h in zip(joined, hosts, strict=True)
    ]


def held_out_conversations(names: Iterable[str]) -> list[str]:
    """The conversations that no table is fitted to: those whose names have the smallest digests."""
    return sorted(names, key=lambda n: hashlib.sha256(f"held-out/{n}".encode()).hexdigest())[:HELD_OUT]


def replay(path: Path) -> TimingModel:
    """A model that replays the held-out conversations of a table of turns. Raises TimingError."""
    turns = {name: events for name, events in read_turns(path).items() if len({e.speaker for e in events}) == 2}
    if not turns:
        raise TimingError(f"{path}: no conversation of two speakers in it")
    return TimingModel(recorded=tuple(tuple(turns[name]) for name in held_out_conversations(turns)))


def _hosts(events: Sequence[Event]) -> list[int | None]:
    """For each event (by start) the other speaker's event that it lies wholly inside, None for those on the floor."""
    hosts: list[int | None] = []
    for i, event in enumerate(events):
        inside = (
            j
            for j in range(i + 1 if i + 1 < len(events) else i, -1, -1)
            if j != i
            and events[j].speaker != event.speaker
            and events[j].start_s <= event.start_s
            and event.end_s <= events[j].end_s
            and (events[j].length_s > event.length_s or j < i)
        )
        hosts.append(next(inside, None))
    return hosts


def fit_timing(conversations: Mapping[str, Sequence[Event]]) -> Tables:
    """Tables fitted to conversations (events by start); the held-out ones among them must be left out before."""
    lengths: list[float] = []
    pauses: list[tuple[float, float]] = []
    changes: list[tuple[float, float]] = []
    insides: list[tuple[Event, Event]] = []
    rates: list[list[tuple[int, float]]] = [[] for _ in range(len(_INSIDE_BOUNDS_S) + 1)]
    for events in conversations.values():
        hosts = _hosts(events)
        floor = [e for e, h in zip(events, hosts, strict=True) if h is None]
        lengths += [e.length_s for e in floor]
        for last, now in pairwise(floor):
            same = last.speaker == now.speaker
            (pauses if same else changes).append((now.start_s - last.end_s, min(last.length_s, now.length_s)))
        insides += [(e, events[h]) for e, h in zip(events, hosts, strict=True) if h is not None]
        for i, event in enumerate(events):
            if hosts[i] is None:
                kind = int(np.searchsorted(_INSIDE_BOUNDS_S, event.length_s))
                rates[kind].append((hosts.count(i), event.length_s))
    bounds = tuple(float(b) for b in np.quantile([c[1] for c in changes], (1 / 3, 2 / 3)))
    by_length = [[c[0] for c in changes if np.searchsorted(bounds, c[1]) == k] for k in range(3)]
    spare = [(e.start_s - h.start_s) / max(h.length_s - e.length_s, 1e-3) for e, h in insides]
    return Tables(
        utterance_s=_quantiles(lengths),
        pause_s=_quantiles([max(p[0], 0.0) for p in pauses]),
        fto_bounds_s=tuple(round(b, 3) for b in bounds),
        fto_s=tuple(_quantiles(values) for values in by_length),
        change_share=round(len(changes) / (len(changes) + len(pauses)), 4),
        inside_per_s=tuple(round(sum(n for n, _ in r) / max(sum(s for _, s in r), 1.0), 4) for r in rates),
        inside_bounds_s=_INSIDE_BOUNDS_S,
        inside_s=_quantiles([e.length_s for e, _ in insides]),
        inside_place=_quantiles(np.clip(spare, 0.0, 1.0)),
    )


def _quantiles(values: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, ...]:
    return tuple(round(float(q), 3) for q in np.quantile(values, np.linspace(*_RANGE, POINTS)))


def turn_statistics(conversations: Iterable[Sequence[Event]]) -> dict[str, float]:
    """What timing is compared by: shares of time, offsets at changes, what is said inside the other's turn."""
    offsets: list[float] = []
    total = talked = overlapped = insides = backchannels = 0.0
    for events in conversations:
        hosts = _hosts(events)
        floor = [e for e, h in zip(events, hosts, strict=True) if h is None]
        held = list(pairwise(floor))
        offsets += [b.start_s - a.end_s for a, b in held if a.speaker != b.speaker]
        insides += sum(h is not None for h in hosts)
        backchannels += sum(h is not None and e.length_s < BACKCHANNEL_S for e, h in zip(events, hosts, strict=True))
        edges = sorted([(e.start_s, 1) for e in events] + [(e.end_s, -1) for e in events])
        depth = 0
        for (at_s, step), (next_s, _) in zip(edges, [*edges[1:], edges[-1]], strict=True):
            depth += step
            total += next_s - at_s
            talked += (next_s - at_s) * (depth > 0)
            overlapped += (next_s - at_s) * (depth > 1)
    low, middle, high = np.quantile(offsets, (0.05, 0.5, 0.95))
    return {
        "minutes": total / 60,
        "overlap_of_time": overlapped / total,
        "silence_of_time": 1.0 - talked / total,
        "changes_per_min": len(offsets) * 60 / total,
        "fto_median_s": float(middle),
        "fto_p5_s": float(low),
        "fto_p95_s": float(high),
        "overlapped_changes": float(np.mean(np.array(offsets) < 0)),
        "inside_per_min": insides * 60 / total,
        "backchannels_per_min": backchannels * 60 / total,
    }


def main(table: Path, out: Path) -> None:
    """Fit the tables to all but the held-out conversations of a table of turns and write them."""
    turns = read_turns(table)
    held = set(held_out_conversations(turns))
    tables = fit_timing({name: events for name, events in turns.items() if name not in held})
    out.write_text(json.dumps(asdict(tables), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).with_name("timing.json"))
