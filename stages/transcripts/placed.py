"""A transcript's utterances in one span of the recording: which are in it, and on which channel each is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from schemas.conversation import Segment
from schemas.plain_text import counted
from schemas.transcript import Utterance
from stages.transcripts.match import Match, channel_of_nobody, match
from stages.transcripts.word_times import parted

_SLACK_S: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Placed:
    """The utterances of a span on its clock, each with its channel; who is where; what was left out, a line each."""

    utterances: tuple[tuple[int, Utterance], ...]
    match: Match
    notes: tuple[str, ...]


def placed(
    utterances: Sequence[Utterance],
    span_s: tuple[float, float],
    segments: Sequence[Segment],
    names: tuple[str, str] | None,
    *,
    separate: bool,
    whole: bool,
) -> Placed:
    """Deal the utterances of a recording that lie in a span out to its channels; those without times become one each.

    span_s: start and end on the recording's clock. segments, names, separate: see `match`. whole: the span is all of
    the recording, so that utterances without times are in it, too.
    """
    here = list(_inside(utterances, span_s, whole))
    matched = match([u for u, _ in here], segments, names, separate=separate)
    dealt: list[tuple[int, Utterance]] = []
    unsure, strangers = 0, 0
    for utterance, parts in here:
        if utterance.speaker in matched.channel_of:
            channel = matched.channel_of[utterance.speaker]
        elif utterance.speaker:
            strangers += 1
            continue
        else:
            channel, sure = channel_of_nobody(utterance, segments)
            unsure += not sure
        dealt += ((channel, part) for part in parts)
    untimed = 0 if whole else sum(u.start_s is None for u in utterances)
    notes = (
        (strangers, "of speakers who are on neither channel, left out"),
        (unsure, "without a speaker, on the channel that is more active in them"),
        (untimed, "without times, left out: the recording was cut in several spans"),
    )
    certain = matched.certain and not unsure
    return Placed(
        tuple(_joined(dealt)),
        replace(matched, certain=certain),
        tuple(f"{counted(n, 'utterance')} {what}" for n, what in notes if n),
    )


def _joined(dealt: Sequence[tuple[int, Utterance]]) -> Iterator[tuple[int, Utterance]]:
    """All that a channel says without times as one utterance, since only their order says where they are."""
    yield from ((channel, u) for channel, u in dealt if u.start_s is not None)
    for channel in (0, 1):
        said = [u for c, u in dealt if c == channel and u.start_s is None]
        if said:
            yield channel, replace(said[0], text=" ".join(u.text for u in said))


def _inside(
    utterances: Sequence[Utterance], span_s: tuple[float, float], whole: bool
) -> Iterator[tuple[Utterance, list[Utterance]]]:
    """Those that are in the span, on its clock and cut to it, each with its parts: see `parted`."""
    for utterance in utterances:
        parts = [found for part in parted(utterance) if (found := _cut(part, span_s, whole))]
        if parts:
            ends_s = [part.end_s for part in parts if part.end_s is not None]
            yield replace(parts[0], end_s=max(ends_s, default=None)), parts


def _cut(u: Utterance, span_s: tuple[float, float], whole: bool) -> Utterance | None:
    """None unless its middle lies in the span; of timed words, those whose middle does."""
    start_s, end_s = span_s
    if u.start_s is None or u.end_s is None:
        return u if whole else None
    if not u.words:
        if not start_s <= (u.start_s + u.end_s) / 2 < end_s + _SLACK_S:
            return None
        return replace(u, start_s=max(u.start_s - start_s, 0.0), end_s=min(u.end_s, end_s) - start_s)
    inside = tuple(w for w in u.words if start_s <= (w.start_s + w.end_s) / 2 < end_s + _SLACK_S)
    if not inside:
        return None
    words = tuple(
        replace(w, start_s=max(w.start_s - start_s, 0.0), end_s=min(w.end_s, end_s) - start_s) for w in inside
    )
    text = u.text if len(words) == len(u.words) else " ".join(w.text for w in words)
    return replace(u, start_s=words[0].start_s, end_s=words[-1].end_s, text=text, words=words)
