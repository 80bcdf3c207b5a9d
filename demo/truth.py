"""The truth kept beside the recordings: words, turns and events of both speakers, with times."""

from collections.abc import Sequence
from typing import Any

from conversations import Dialogue, Placed

IPU_SILENCE_S = 0.2  # an inter-pausal unit ends where its channel is silent for this long

Span = tuple[float, float]


def truth_of(dialogue: Dialogue, placed: Sequence[Placed], duration_s: float) -> dict[str, Any]:
    """What `truth/<name>.json` holds; times in seconds from the start of the recording.

    words: per channel [[word, start_s, end_s, confidence], ...]. ipus: per channel [[start_s, end_s], ...].
    turns: as written, a turn with its pauses being one. events: overlap and interruption (channel: who came in),
    backchannel, pause (channel: whose turn it is), gap (channel: who ends it).
    """
    words: list[list[list[Any]]] = [[], []]
    for part in placed:
        words[part.channel].extend(
            [w.text, _ms(part.start_s + w.start_s), _ms(part.start_s + w.end_s), 1.0] for w in part.speech.words
        )
    ipus = [_ipus(w) for w in words]
    turns = _turns(placed)
    events = [*_overlaps(ipus), *_silences(ipus), *_interruptions(dialogue, turns), *_backchannels(placed)]
    return {
        "name": dialogue.name,
        "duration_s": _ms(duration_s),
        "speakers": dialogue.speakers,
        "words": words,
        "ipus": ipus,
        "turns": [_event("turn", channel, span) for channel, span in turns],
        "events": sorted(events, key=lambda e: (e["start_s"], e["kind"])),
    }


def _ms(seconds: float) -> float:
    return round(seconds, 3)


def _event(kind: str, channel: int, span: Span) -> dict[str, Any]:
    return {"kind": kind, "channel": channel, "start_s": _ms(span[0]), "end_s": _ms(span[1])}


def _ipus(words: Sequence[Sequence[Any]]) -> list[Span]:
    units: list[Span] = []
    for _, start_s, end_s, _ in words:
        if units and start_s - units[-1][1] < IPU_SILENCE_S:
            units[-1] = (units[-1][0], end_s)
        else:
            units.append((start_s, end_s))
    return units


def _turns(placed: Sequence[Placed]) -> list[tuple[int, Span]]:
    parts = [p for p in placed if p.kind == "turn"]
    numbers = sorted({p.turn for p in parts})
    turns = []
    for number in numbers:
        own = [p for p in parts if p.turn == number]
        turns.append((own[0].channel, (own[0].span_s[0], own[-1].span_s[1])))
    return turns


def _overlaps(ipus: Sequence[Sequence[Span]]) -> list[dict[str, Any]]:
    return [
        _event("overlap", int(b[0] >= a[0]), (max(a[0], b[0]), min(a[1], b[1])))
        for a in ipus[0]
        for b in ipus[1]
        if max(a[0], b[0]) < min(a[1], b[1])
    ]


def _silences(ipus: Sequence[Sequence[Span]]) -> list[dict[str, Any]]:
    """Pauses and gaps: nobody speaks, and then the same or the other speaker does."""
    units = sorted((start_s, end_s, channel) for channel in (0, 1) for start_s, end_s in ipus[channel])
    found, (_, end_s, last) = [], units[0]
    for start_s, unit_end_s, channel in units[1:]:
        if start_s > end_s:
            found.append(_event("pause" if channel == last else "gap", channel, (end_s, start_s)))
        if unit_end_s > end_s:
            end_s, last = unit_end_s, channel
    return found


def _interruptions(dialogue: Dialogue, turns: Sequence[tuple[int, Span]]) -> list[dict[str, Any]]:
    return [
        _event("interruption", channel, (span[0], turns[k][1][1]))
        for k, (channel, span) in enumerate(turns[1:])
        if dialogue.turns[k].cut_off
    ]


def _backchannels(placed: Sequence[Placed]) -> list[dict[str, Any]]:
    return [_event("backchannel", p.channel, p.span_s) for p in placed if p.kind == "backchannel"]
