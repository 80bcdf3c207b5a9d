"""Pauses, gaps, overlaps and floor transfers: made ones, and those of the demo's scripts."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.turns.events import events_of
from schemas.conversation import Segment, TurnEvent, TurnKind, Word

TRUTH = sorted((Path(__file__).parents[3] / "demo/recordings/truth").glob("*.json"))
OVERLAPS = {k for k in TurnKind if k.startswith("overlap_")}


def speech(*spans: tuple[int, float, float]) -> list[Segment]:
    return [Segment(channel=c, start_s=a, end_s=b) for c, a, b in spans]


def of(kind: TurnKind, events: Iterable[TurnEvent]) -> list[tuple[int, float, float]]:
    return [(e.channel, e.start_s, e.end_s) for e in events if e.kind is kind]


def test_pauses_and_gaps() -> None:
    events = events_of(speech((0, 0.0, 2.0), (0, 2.7, 4.0), (1, 4.3, 6.0), (0, 6.1, 8.0)))
    assert of(TurnKind.PAUSE, events) == [(0, 2.0, 2.7)]
    assert of(TurnKind.GAP, events) == [(1, 4.0, 4.3), (0, 6.0, 6.1)]
    assert [e.offset_s for e in events if e.kind is TurnKind.TRANSFER] == [0.3, 0.1]


def test_silence_around_a_backchannel_is_a_pause_of_whom_it_answers() -> None:
    events = events_of(speech((0, 0.0, 3.0), (1, 3.2, 3.6), (0, 4.0, 8.0)))
    assert of(TurnKind.PAUSE, events) == [(0, 3.0, 3.2), (0, 3.6, 4.0)]
    assert of(TurnKind.GAP, events) == []
    assert of(TurnKind.TRANSFER, events) == []
    assert of(TurnKind.BACKCHANNEL, events) == [(1, 3.2, 3.6)]


@pytest.mark.parametrize(
    ("spans", "kind", "channel"),
    [
        (((0, 0.0, 9.0), (1, 4.0, 4.5)), TurnKind.OVERLAP_BACKCHANNEL, 1),
        (((0, 0.0, 5.0), (1, 4.7, 9.0)), TurnKind.OVERLAP_TERMINAL, 1),
        (((0, 0.0, 5.0), (1, 4.2, 9.0)), TurnKind.OVERLAP_INTERRUPTION, 1),
        (((0, 0.0, 9.0), (1, 4.0, 6.0)), TurnKind.OVERLAP_COMPETITIVE, 1),
        (((1, 0.0, 5.0), (0, 4.0, 6.0), (1, 5.5, 9.0)), TurnKind.OVERLAP_INTERRUPTION, 0),
    ],
)
def test_kinds_of_overlap(spans: tuple[tuple[int, float, float], ...], kind: TurnKind, channel: int) -> None:
    events = events_of(speech(*spans))
    found = [e for e in events if e.kind in OVERLAPS]
    assert (found[0].kind, found[0].channel) == (kind, channel)
    assert found[0].start_s == spans[1][1]
    assert found[0].end_s == min(spans[0][2], spans[1][2])


def test_an_overlap_with_transfer_has_a_negative_offset() -> None:
    (transfer,) = (e for e in events_of(speech((0, 0.0, 5.0), (1, 4.2, 9.0))) if e.kind is TurnKind.TRANSFER)
    assert (transfer.channel, transfer.start_s, transfer.end_s, transfer.offset_s) == (1, 4.2, 5.0, -0.8)


def test_laughter_is_where_a_transcript_marks_it() -> None:
    words = [
        Word(channel=1, text=text, start_s=a, end_s=a + 0.5, confidence=1.0)
        for a, text in ((1.0, "[laughter]"), (2.0, "<LAUGHS>"), (3.0, "laughter"), (4.0, "[noise]"))
    ]
    events = events_of(speech((1, 1.0, 4.5)), words)
    assert of(TurnKind.LAUGHTER, events) == [(1, 1.0, 1.5), (1, 2.0, 2.5)]


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4_000), st.integers(1, 900)), max_size=14))
def test_overlaps_and_silences_cover_exactly_the_time_with_two_and_with_no_speakers(
    drawn: list[tuple[int, int, int]],
) -> None:
    segments = speech(*((c, a / 100, (a + n) / 100) for c, a, n in drawn))
    events = events_of(segments)
    units = [[False] * 5_000, [False] * 5_000]
    for channel in (0, 1):
        own = sorted((s for s in segments if s.channel == channel), key=lambda s: s.start_s)
        end = -1_000
        for s in own:
            first, after = round(s.start_s * 100), round(s.end_s * 100)
            if first - end < 20:
                first = min(first, max(end, 0))
            units[channel][first:after] = [True] * (after - first)
            end = max(end, after)
    spoken = [a + b for a, b in zip(*units, strict=True)]
    both = sum(1 for n in spoken if n == 2)
    assert round(100 * sum(e.end_s - e.start_s for e in events if e.kind in OVERLAPS)) == both
    if any(spoken):
        first, last = spoken.index(next(n for n in spoken if n)), max(i for i, n in enumerate(spoken) if n)
        silent = sum(1 for n in spoken[first:last] if n == 0)
        found = sum(e.end_s - e.start_s for e in events if e.kind in {TurnKind.PAUSE, TurnKind.GAP})
        assert round(100 * found) == silent


def found_of(true: list[dict[str, Any]], kinds: set[TurnKind], events: Iterable[TurnEvent]) -> tuple[int, int, int]:
    """(found, true, made): one to one, same channel, more than half in common."""
    made = [e for e in events if e.kind in kinds]
    found, left = 0, list(made)
    for t in true:
        for e in left:
            common = min(t["end_s"], e.end_s) - max(t["start_s"], e.start_s)
            whole = max(t["end_s"], e.end_s) - min(t["start_s"], e.start_s)
            if e.channel == t["channel"] and common > 0.5 * whole:
                found += 1
                left.remove(e)
                break
    return found, len(true), len(made)


def test_the_demos_events_are_those_of_its_scripts() -> None:
    totals: dict[str, list[int]] = {}
    for path in TRUTH:
        truth = json.loads(path.read_text())
        segments = speech(*((c, a, b) for c in (0, 1) for a, b in truth["ipus"][c]))
        words = [
            Word(channel=c, text=w, start_s=a, end_s=b, confidence=1.0)
            for c in (0, 1)
            for w, a, b, _ in truth["words"][c]
        ]
        events = events_of(segments, words)
        for name, kinds in (
            ("turn", {TurnKind.TURN}),
            ("backchannel", {TurnKind.BACKCHANNEL}),
            ("overlap", OVERLAPS),
        ):
            true = [e for e in truth["turns"] + truth["events"] if e["kind"] == name]
            counts = found_of(true, kinds, events)
            totals[name] = [a + b for a, b in zip(totals.get(name, [0, 0, 0]), counts, strict=True)]
    assert totals["backchannel"] == [21, 21, 22]
    assert totals["turn"][0] == totals["turn"][1] == 77
    assert totals["turn"][2] <= 80
    assert totals["overlap"][0] == totals["overlap"][1] == 45
