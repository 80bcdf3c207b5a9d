"""Turn-taking of an output against that of the truth: which events it has, and the offsets of its floor transfers.

The events of both sides are found by the same rules (`model.turns`) in their activity; words are not asked for.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.measures.activity import Stretch, merged, within
from model.measures.permutation import Match
from model.turns.events import events_of
from schemas.conversation import Segment, TurnEvent, TurnKind

Float64 = NDArray[np.float64]

EVENT_KINDS: Final = tuple(kind for kind in TurnKind if kind is not TurnKind.LAUGHTER)
ONSET_S: Final = 0.2
"""An event is found if one of its kind and speaker begins so near, and ends so near or within half its length: the
collars of sound event detection (Mesaros, Heittola, Virtanen 2016)."""
LENGTH_SHARE: Final = 0.5
TRANSFER_S: Final = 0.5
"""A floor transfer is found if the same speaker takes the floor so near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Events of a kind: `found` pairs of `true` and `made` ones; additive."""

    found: int
    true: int
    made: int

    @property
    def f1(self) -> float:
        """0 to 1; NaN where neither side has one."""
        return 2 * self.found / (self.true + self.made) if self.true + self.made else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTaking:
    """The events of every kind; the errors of the floor-transfer offsets in ms, positive where one is too late."""

    counts: Mapping[TurnKind, Counted]
    offset_errors_ms: Float64


def turn_taking(
    truth: Sequence[Segment], found: Sequence[Segment], match: Match, covered: Sequence[Stretch]
) -> TurnTaking:
    """What the output has of the turn-taking of two speakers in each stretch that it covers.

    Of more than two matched pairs there is none: turns are between two.
    """
    counts: dict[TurnKind, Counted] = dict.fromkeys(EVENT_KINDS, Counted(found=0, true=0, made=0))
    errors: list[float] = []
    sides = _as_two(truth, [s for _, s in match]), _as_two(found, [c for c, _ in match])
    for stretch in covered if len(match) <= 2 else ():
        true, made = (_by_kind(events_of(merged(within(side, [stretch])))) for side in sides)
        for kind in EVENT_KINDS:
            pairs = paired(true[kind], made[kind])
            errors += [_later_ms(t, m) for t, m in pairs if kind is TurnKind.TRANSFER]
            counts[kind] = Counted(
                found=counts[kind].found + len(pairs),
                true=counts[kind].true + len(true[kind]),
                made=counts[kind].made + len(made[kind]),
            )
    return TurnTaking(counts=counts, offset_errors_ms=np.array(errors, np.float64))


def _as_two(segments: Sequence[Segment], pair: Sequence[int]) -> list[Segment]:
    """The segments of a pair's speakers, as channels 0 and 1; of one matched speaker, another is the second."""
    others = sorted({s.channel for s in segments} - set(pair)) if len(pair) < 2 else []
    number = {speaker: k for k, speaker in enumerate((*pair, *others)[:2])}
    return [
        Segment(channel=number[s.channel], start_s=s.start_s, end_s=s.end_s) for s in segments if s.channel in number
    ]


def _by_kind(events: Sequence[TurnEvent]) -> defaultdict[TurnKind, list[TurnEvent]]:
    kinds: defaultdict[TurnKind, list[TurnEvent]] = defaultdict(list)
    for event in events:
        kinds[event.kind].append(event)
    return kinds


def paired(true: Sequence[TurnEvent], made: Sequence[TurnEvent]) -> list[tuple[TurnEvent, TurnEvent]]:
    """Events of one kind, one to one, the nearest onsets first; by the true start."""
    begins = np.array([onset_s(e) for e in made])
    order = np.argsort(begins, kind="stable")
    reach = max(ONSET_S, TRANSFER_S) + 1e-9
    near = []
    for i, event in enumerate(true):
        low, high = np.searchsorted(begins[order], (onset_s(event) - reach, onset_s(event) + reach))
        near += [(abs(begins[j] - onset_s(event)), i, j) for j in order[low:high] if _same(event, made[j])]
    taken_true: set[int] = set()
    taken_made: set[int] = set()
    pairs = []
    for _, i, j in sorted(near):
        if i not in taken_true and j not in taken_made:
            taken_true.add(i)
            taken_made.add(j)
            pairs.append((true[i], made[j]))
    return sorted(pairs, key=lambda pair: (pair[0].start_s, pair[0].end_s))


def onset_s(event: TurnEvent) -> float:
    """When an event begins; of a floor transfer, when the next speaker does."""
    after = event.offset_s is not None and event.offset_s > 0
    return event.end_s if after else event.start_s


def _later_ms(true: TurnEvent, made: TurnEvent) -> float:
    return 1000.0 * ((made.offset_s or 0.0) - (true.offset_s or 0.0))


def _same(true: TurnEvent, made: TurnEvent) -> bool:
    """Whether one stands for the other."""
    if true.channel != made.channel:
        return False
    late_s = abs(onset_s(made) - onset_s(true))
    if true.kind is TurnKind.TRANSFER:
        return late_s <= TRANSFER_S
    end_s = max(ONSET_S, LENGTH_SHARE * (true.end_s - true.start_s))
    return late_s <= ONSET_S and abs(made.end_s - true.end_s) <= end_s
