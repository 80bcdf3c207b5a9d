"""Which of a transcript's speakers is on which channel: by name where both are named alike, else by time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final

from schemas.conversation import Segment
from schemas.transcript import Utterance

SURE: Final = 0.2
"""By this share of what fits must one way to deal the speakers out fit better than the others."""
_CHANNEL_NAMES: Final = (
    ("0", "1"),
    ("1", "2"),
    ("a", "b"),
    ("l", "r"),
    ("left", "right"),
    ("channel0", "channel1"),
    ("channel_0", "channel_1"),
    ("speaker_main", "speaker_other"),
)


@dataclass(frozen=True, slots=True)
class Match:
    """The channel of each speaker that has one. `certain`: False where another way would fit about as well."""

    channel_of: Mapping[str, int]
    certain: bool

    def speakers(self) -> tuple[str, str]:
        """The speaker of channel 0 and of channel 1, "" for nobody."""
        name_of = {channel: speaker for speaker, channel in self.channel_of.items()}
        return name_of.get(0, ""), name_of.get(1, "")


def match(
    utterances: Sequence[Utterance], segments: Sequence[Segment], names: tuple[str, str] | None, *, separate: bool
) -> Match:
    """The channels of the speakers of some utterances.

    segments: the channels' activity, on the utterances' clock. names: who speaks on channel 0 and 1, where that is
    known. separate: the recording has a channel per speaker, so that a speaker named as a channel is on it.
    """
    speakers = sorted({u.speaker for u in utterances if u.speaker})
    by_time = _by_time(utterances, segments, speakers)
    by_name = _by_name(speakers, names, separate)
    if by_name is None:
        return by_time
    fits = _fit(utterances, segments, by_name)
    other = _fit(utterances, segments, {s: 1 - c for s, c in by_name.items()})
    return Match(by_name, certain=fits >= other)


def _by_name(speakers: Sequence[str], names: tuple[str, str] | None, separate: bool) -> dict[str, int] | None:
    """None where names do not tell."""
    known = [tuple(n.casefold() for n in names)] if names else []
    if separate:
        known += _CHANNEL_NAMES
    for pair in known:
        found = {s: pair.index(s.casefold()) for s in speakers if s.casefold() in pair}
        others = [s for s in speakers if s not in found]
        if len(found) == 2:
            return found
        if len(found) == 1 and len(others) == 1 and names and pair is known[0]:
            return {**found, others[0]: 1 - next(iter(found.values()))}
        if len(found) == 1 and not others:
            return found
    return None


def _by_time(utterances: Sequence[Utterance], segments: Sequence[Segment], speakers: Sequence[str]) -> Match:
    """The two speakers, or the one, whose utterances lie best where the channels are active."""
    if not speakers:
        return Match({}, certain=True)
    ways: list[dict[str, int]] = (
        [{speakers[0]: c} for c in (0, 1)]
        if len(speakers) == 1
        else [{first: 0, second: 1} for first, second in permutations(speakers, 2)]
    )
    fits = [(_fit(utterances, segments, way), n) for n, way in enumerate(ways)]
    best, at = max(fits, key=lambda f: (f[0], -f[1]))
    second = max((f for f, n in fits if n != at), default=0.0)
    return Match(ways[at], certain=best - second > SURE * best)


def _fit(utterances: Sequence[Utterance], segments: Sequence[Segment], channel_of: Mapping[str, int]) -> float:
    """Seconds in which a channel is active and its speaker has an utterance."""
    return sum(_covered_s(u, segments, channel_of[u.speaker]) for u in utterances if u.speaker in channel_of)


def covered_s(start_s: float, end_s: float, segments: Sequence[Segment], channel: int) -> float:
    """Seconds of a stretch in which a channel is active."""
    return sum(max(0.0, min(s.end_s, end_s) - max(s.start_s, start_s)) for s in segments if s.channel == channel)


def _covered_s(utterance: Utterance, segments: Sequence[Segment], channel: int) -> float:
    """0 where it has no times."""
    if utterance.start_s is None or utterance.end_s is None:
        return 0.0
    return covered_s(utterance.start_s, utterance.end_s, segments, channel)


def channel_of_nobody(utterance: Utterance, segments: Sequence[Segment]) -> tuple[int, bool]:
    """The channel of an utterance without a speaker, and whether the other one is much less active in it."""
    covered = [_covered_s(utterance, segments, c) for c in (0, 1)]
    channel = int(covered[1] > covered[0])
    return channel, covered[channel] > 0.0 and covered[1 - channel] < 0.5 * covered[channel]
