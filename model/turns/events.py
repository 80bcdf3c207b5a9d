"""What happens between two speakers: pauses, gaps, overlaps by kind, changes of the floor.

Pause: silence of both with the same speaker's turn before and after it; gap: at a change (Sacks, Schegloff, Jefferson
1974). Overlap: both speak. Floor transfer: start of the next speaker's turn less the end of the last one's, negative
where they overlap (de Ruiter, Mitterer, Enfield 2006). Backchannels hold no floor. Laughter is told only where a
transcript marks it.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from model.turns.definitions import TERMINAL_S
from model.turns.units import Turn, Unit, turns_of, units_of
from schemas.conversation import Segment, TurnEvent, TurnKind, Word

_LAUGHTER: Final = re.compile(r"[\[(<{*]+\s*(laugh\w*|lachen|rires?|risas?)\s*[\])>}*]+", re.IGNORECASE)


def events_of(segments: Sequence[Segment], words: Sequence[Word] = ()) -> tuple[TurnEvent, ...]:
    """All events of a conversation by start; times in whole milliseconds."""
    units = units_of(segments, words)
    turns = turns_of(units)
    found = [
        *(_event(TurnKind.TURN, t.channel, t.start_s, t.end_s) for t in turns),
        *(_event(TurnKind.BACKCHANNEL, u.channel, u.start_s, u.end_s) for u in units if u.backchannel),
        *silences(units, turns),
        *overlaps(units, turns),
        *transfers(turns),
        *(_event(TurnKind.LAUGHTER, w.channel, w.start_s, w.end_s) for w in words if _LAUGHTER.fullmatch(w.text)),
    ]
    return tuple(sorted(found, key=lambda e: (e.start_s, e.end_s, e.kind, e.channel)))


def _event(kind: TurnKind, channel: int, start_s: float, end_s: float) -> TurnEvent:
    return TurnEvent(kind=kind, channel=channel, start_s=round(start_s, 3), end_s=round(end_s, 3))


def transfers(turns: Sequence[Turn]) -> Iterator[TurnEvent]:
    """Changes of the floor; what lies inside a turn of the other is none. `offset_s` below zero: they overlap."""
    floor = [t for t in turns if not t.inside]
    for last, now in pairwise(floor):
        if last.channel != now.channel:
            offset_s = round(now.start_s - last.end_s, 3)
            first_s, after_s = sorted((last.end_s, now.start_s))
            yield TurnEvent(
                kind=TurnKind.TRANSFER,
                channel=now.channel,
                start_s=round(first_s, 3),
                end_s=round(after_s, 3),
                offset_s=offset_s,
            )


def silences(units: Sequence[Unit], turns: Sequence[Turn]) -> Iterator[TurnEvent]:
    """Pauses, on the channel whose turn it is, and gaps, on the channel that speaks after them."""
    floor = [t for t in turns if not t.inside]
    end_s, at = 0.0, 0
    for number, unit in enumerate(units):
        if number > 0 and unit.start_s > end_s:
            while at + 1 < len(floor) and floor[at + 1].start_s <= end_s:
                at += 1
            going_on = floor and (floor[at].end_s > end_s or at + 1 == len(floor))
            after = floor[at] if going_on else floor[at + 1] if floor else None
            if after is not None:
                kind = TurnKind.PAUSE if going_on or after.channel == floor[at].channel else TurnKind.GAP
                yield _event(kind, after.channel, end_s, unit.start_s)
        end_s = max(end_s, unit.end_s)


def overlaps(units: Sequence[Unit], turns: Sequence[Turn]) -> Iterator[TurnEvent]:
    """Every stretch in which both speak, on the channel that came in: see `TurnKind`."""
    for first, second in _meetings(units):
        start_s, end_s = second.start_s, min(first.end_s, second.end_s)
        yield _event(_kind(first, second, turns, end_s - start_s), _came_in(first, second), start_s, end_s)


def _meetings(units: Sequence[Unit]) -> Iterator[tuple[Unit, Unit]]:
    """Pairs of units that overlap, the one that began first before the other."""
    own = [[u for u in units if u.channel == c] for c in (0, 1)]
    a = b = 0
    while a < len(own[0]) and b < len(own[1]):
        one, other = own[0][a], own[1][b]
        if max(one.start_s, other.start_s) < min(one.end_s, other.end_s):
            yield (one, other) if one.start_s <= other.start_s else (other, one)
        if one.end_s <= other.end_s:
            a += 1
        else:
            b += 1


def _came_in(first: Unit, second: Unit) -> int:
    """The channel that is not the floor's: a backchannel's, else the later one's."""
    return first.channel if first.backchannel and not second.backchannel else second.channel


def _kind(first: Unit, second: Unit, turns: Sequence[Turn], length_s: float) -> TurnKind:
    if first.backchannel or second.backchannel:
        return TurnKind.OVERLAP_BACKCHANNEL
    if second.end_s <= first.end_s or any(_continues(t, first, second) for t in turns):
        return TurnKind.OVERLAP_COMPETITIVE
    return TurnKind.OVERLAP_TERMINAL if length_s < TERMINAL_S else TurnKind.OVERLAP_INTERRUPTION


def _continues(turn: Turn, first: Unit, second: Unit) -> bool:
    """Whether a turn of the first speaker goes on past the second one's unit: he kept the floor."""
    return turn.channel == first.channel and turn.start_s <= first.start_s and turn.end_s > second.end_s
