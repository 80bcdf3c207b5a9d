"""Inter-pausal units, which of them are backchannels, and the turns that the others make."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from model.turns.definitions import ALONE_S, BACKCHANNEL_S, BACKCHANNEL_WORDS, IPU_SILENCE_S, RESUMED_S
from schemas.conversation import Segment, Word


@dataclass(frozen=True, slots=True)
class Unit:
    """Speech of one channel bounded by IPU_SILENCE_S of silence in it. `n_words`: None where no words are known."""

    channel: int
    start_s: float
    end_s: float
    n_words: int | None = None
    backchannel: bool = False

    @property
    def length_s(self) -> float:
        """Seconds from start to end."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Turn:
    """Units of one speaker with nothing but pauses between them, from the first one's start to the last one's end.

    `inside`: the whole of it lies inside a turn of the other, who keeps the floor.
    """

    channel: int
    start_s: float
    end_s: float
    inside: bool = False


def units_of(segments: Iterable[Segment], words: Sequence[Word] = ()) -> list[Unit]:
    """The units of both channels by start, backchannels marked.

    words: of the conversation; with none at all the number of words is not known. A word counts where its middle is.
    """
    joined: list[Unit] = []
    for channel in (0, 1):
        own: list[Unit] = []
        for s in sorted((s for s in segments if s.channel == channel), key=lambda s: s.start_s):
            if own and s.start_s - own[-1].end_s < IPU_SILENCE_S:
                own[-1] = replace(own[-1], end_s=max(own[-1].end_s, s.end_s))
            else:
                own.append(Unit(channel, s.start_s, s.end_s))
        joined += _counted(own, words) if words else own
    joined.sort(key=lambda u: (u.start_s, u.end_s, u.channel))
    return _marked(joined)


def _counted(own: list[Unit], words: Sequence[Word]) -> list[Unit]:
    """Units of one channel with the number of its words in each."""
    starts = [u.start_s for u in own]
    counts = [0] * len(own)
    for word in words:
        at = bisect_left(starts, (word.start_s + word.end_s) / 2) - 1
        if own and word.channel == own[0].channel:
            counts[max(at, 0)] += 1
    return [replace(u, n_words=n) for u, n in zip(own, counts, strict=True)]


def _marked(units: list[Unit]) -> list[Unit]:
    """Units by start with the backchannels among them marked.

    The other speaker had the floor and goes on with it: he began before it and speaks again, or still, after it.
    """
    own = [[u for u in units if u.channel == c] for c in (0, 1)]
    places = [0, 0]
    marked = []
    for unit in units:
        at = places[unit.channel]
        places[unit.channel] += 1
        others = own[1 - unit.channel]
        short = unit.length_s < BACKCHANNEL_S and (unit.n_words or 0) <= BACKCHANNEL_WORDS
        alone = _apart(own[unit.channel], at)
        marked.append(replace(unit, backchannel=short and alone and _held_by(others, unit)))
    return marked


def _apart(own: list[Unit], at: int) -> bool:
    """Whether a unit's neighbours on its channel are ALONE_S away."""
    before = own[at].start_s - own[at - 1].end_s if at > 0 else ALONE_S
    after = own[at + 1].start_s - own[at].end_s if at + 1 < len(own) else ALONE_S
    return min(before, after) >= ALONE_S


def _held_by(others: list[Unit], unit: Unit) -> bool:
    """Whether the other speaker began before a unit and goes on after it."""
    first = bisect_left([o.start_s for o in others], unit.start_s)
    if first == 0:
        return False
    if others[first - 1].end_s > unit.end_s:
        return True
    after = next((o for o in others[first:] if o.end_s > unit.end_s), None)
    return after is not None and after.start_s - unit.end_s < RESUMED_S


def turns_of(units: Sequence[Unit]) -> list[Turn]:
    """The turns by start. units: by start; backchannels are in none."""
    turns: list[Turn] = []
    for unit in units:
        if unit.backchannel:
            continue
        holder = turns[-1] if turns else None
        if holder is None or (unit.channel != holder.channel and unit.end_s > holder.end_s):
            turns.append(Turn(unit.channel, unit.start_s, unit.end_s))
        elif unit.channel == holder.channel:
            turns[-1] = replace(holder, end_s=max(holder.end_s, unit.end_s))
        else:
            turns.insert(-1, Turn(unit.channel, unit.start_s, unit.end_s, inside=True))
    return sorted(turns, key=lambda t: (t.start_s, t.end_s, t.channel))
