"""What the scorer shows: four tables that fit a terminal of 80 columns, and what they rest on."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from rich import box
from rich.console import Group as Lines
from rich.table import Column, Table
from rich.text import Text

from model.measures.pooling import CHANNEL_FIGURES, Figure
from model.measures.recording import RecordingScore
from pipeline.score import Group, Scoring
from schemas.conversation import TurnKind

SHOWN: Final = 20
"""Recordings that get rows of their own; of more, those with the greatest DER."""
LATE_MS: Final = 0.02
"""Half a sample at 24 kHz: from here on, an output is not on the truth's clock."""

_DIARIZATION = (
    "cov-\nered",
    "DER",
    "missed",
    "false",
    "con-\nfused",
    "DER\n±{collar:g} s",
    "JER",
    "wrong\nvoice",
    "swaps",
)
_SEPARATION = ("SI-SDR", "in\noverlap", "in solo", "gain", "gain in\noverlap", "leakage")
_TURNS = (
    "overlap\nrecall",
    "overlap\nprecis.",
    "overlap\n< 1 s",
    "back-\nchannel",
    "onset\nms",
    "offset\nms",
    "edges\nunpaired",
)
_TAKING: Final[dict[TurnKind, str]] = {
    TurnKind.TURN: "turn",
    TurnKind.BACKCHANNEL: "back-\nchannel",
    TurnKind.PAUSE: "pause",
    TurnKind.GAP: "gap",
    TurnKind.TRANSFER: "trans-\nfer",
    TurnKind.OVERLAP_BACKCHANNEL: "over-\nlap b.",
    TurnKind.OVERLAP_TERMINAL: "overlap\nterm.",
    TurnKind.OVERLAP_INTERRUPTION: "inter-\nrupted",
    TurnKind.OVERLAP_COMPETITIVE: "com-\npeted",
}
_OFFSET = "offset\nms"


def score_tables(scoring: Scoring) -> Lines:
    """The tables and what they rest on."""
    shown = scoring.scores
    if len(shown) > SHOWN:
        worst = sorted(shown, key=lambda s: -np.nan_to_num(s.der.rate))[:SHOWN]
        shown = tuple(sorted(worst, key=lambda s: s.name))
    heads = tuple(head.format(collar=scoring.collar_s) for head in _DIARIZATION)
    parts: list[Table | Text] = [
        _table("Diarization, % (wrong voice: s)", heads, scoring, shown, _diarization_rows, _diarization_pool)
    ]
    if any(s.channels for s in scoring.scores):
        parts.append(_table("Separation, dB", _SEPARATION, scoring, shown, _separation_rows, _separation_pool))
    parts.append(
        _table("Turns, % (edges: median and 90th percentile, ms)", _TURNS, scoring, shown, _turn_rows, _turn_pool)
    )
    heads = (*_TAKING.values(), _OFFSET)
    parts.append(
        _table(
            "Turn-taking, F1 in % (offset of transfers: median and 90th percentile, ms)",
            heads,
            scoring,
            shown,
            _taking_rows,
            _taking_pool,
        )
    )
    return Lines(*parts, *(Text(line) for line in notes(scoring, len(shown))))


def notes(scoring: Scoring, shown: int) -> list[str]:
    """Lines below the tables: what was counted, how, and what was not."""
    n = len(scoring.scores)
    counts = f"{n} scored, {len(scoring.problems)} could not be scored, {len(scoring.no_output)} without output, "
    lines = [f"recordings: {counts}{len(scoring.no_truth)} without truth"]
    if shown < n:
        lines.append(f"rows are the {shown} recordings with the highest DER of {n}; --json FILE has all")
    for what in ("activity", "audio", "truth", "mixture"):
        ways = Counter(s.how.get(what, "none") for s in scoring.scores)
        lines.append(f"{what}: " + ", ".join(f"{way} ({k})" for way, k in sorted(ways.items())))
    moved = [s.late_ms for s in scoring.scores if abs(s.late_ms) > LATE_MS]
    if moved:
        lines.append(
            f"{len(moved)} outputs lie up to {max(moved, key=abs):.1f} ms behind the truth: their SI-SDR suffers"
        )
    if n > 1:
        worst = max(scoring.scores, key=lambda s: float(np.nan_to_num(s.der_collar.rate)))
        median = scoring.everything.figures["der_collar_median"].value
        lines.append(
            f"DER ±{scoring.collar_s:g} s: median {_percent(median)} %, worst {_percent(worst.der_collar.rate)} % "
            f"({worst.name})"
        )
        lines.append("pooled rows: by time and count, dB and ms as medians; below, the 95 % interval")
    return lines


_Rows = Callable[[RecordingScore], list[list[str]]]
_Pool = Callable[[Group], list[str]]


def _table(
    title: str, heads: Sequence[str], scoring: Scoring, shown: Sequence[RecordingScore], rows: _Rows, *pool: _Pool
) -> Table:
    columns = [Column(head, justify="right", no_wrap=True) for head in heads]
    name = Column("recording", overflow="fold", min_width=10)
    table = Table(name, *columns, title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    for score in shown:
        for k, row in enumerate(rows(score)):
            table.add_row("" if k else score.name, *row)
    table.add_section()
    for group in (*scoring.groups, scoring.everything) if len(scoring.scores) > 1 else ():
        table.add_row(f"{group.name} ({len(group.scores)})", *pool[0](group))
    return table


def _diarization_rows(score: RecordingScore) -> list[list[str]]:
    der, speech_s = score.der, score.der.speech_s or math.nan
    shares = [score.covered_s / score.duration_s if score.duration_s else math.nan, der.rate]
    shares += [part / speech_s for part in (der.missed_s, der.false_s, der.confused_s)]
    percents = [_percent(share) for share in (*shares, score.der_collar.rate, score.jer.rate)]
    return [[*percents, _number(score.turns.wrong_speaker_s), str(score.turns.swaps.count)]]


def _diarization_pool(group: Group) -> list[str]:
    shares = {
        name: _pooled(group.figures[name], _percent)
        if name in ("der", "der_collar", "jer")
        else _percent(group.figures[name].value)
        for name in ("coverage", "der", "der_missed", "der_false", "der_confused", "der_collar", "jer")
    }
    wrong_s = sum(s.turns.wrong_speaker_s for s in group.scores)
    swaps = sum(s.turns.swaps.count for s in group.scores)
    return [*shares.values(), _number(wrong_s), str(swaps)]


_SHOWN_CHANNEL = ("si_sdr_db", "si_sdr_overlap_db", "si_sdr_solo_db", "gain_db", "gain_overlap_db", "leakage_db")


def _separation_rows(score: RecordingScore) -> list[list[str]]:
    return [[_number(CHANNEL_FIGURES[name](channel)) for name in _SHOWN_CHANNEL] for channel in score.channels]


def _separation_pool(group: Group) -> list[str]:
    return [_pooled(group.figures[f"{name}_median"], _number) for name in _SHOWN_CHANNEL]


def _turn_rows(score: RecordingScore) -> list[list[str]]:
    turns = score.turns
    unmatched = (turns.onsets.unmatched_share + turns.offsets.unmatched_share) / 2
    shares = (turns.overlap_recall.share, turns.overlap_precision.share)
    events = (turns.short_overlap_recall, turns.backchannel_recall)
    return [
        [
            *(_percent(share) for share in shares),
            *(f"{e.found}/{e.of}" if e.of else "-" for e in events),
            *(
                "/".join(_whole(q) for q in (e.quantile_ms(0.5), e.quantile_ms(0.9)))
                for e in (turns.onsets, turns.offsets)
            ),
            _percent(unmatched),
        ]
    ]


def _turn_pool(group: Group) -> list[str]:
    figures = group.figures
    names = ("overlap_recall", "overlap_precision", "short_overlap_recall", "backchannel_recall")
    return [
        *(_pooled(figures[name], _percent) for name in names),
        *(f"{_whole(figures[f'{e}_median_ms'].value)}/{_whole(figures[f'{e}_p90_ms'].value)}" for e in _EDGES),
        _percent((figures["onset_unmatched"].value + figures["offset_unmatched"].value) / 2),
    ]


def _taking_rows(score: RecordingScore) -> list[list[str]]:
    taking = score.turns.taking
    late_ms = np.abs(taking.offset_errors_ms)
    late = "/".join(_whole(float(np.quantile(late_ms, share))) for share in (0.5, 0.9)) if late_ms.size else "-"
    return [[*(_whole(100.0 * taking.counts[kind].f1) for kind in _TAKING), late]]


def _taking_pool(group: Group) -> list[str]:
    figures = group.figures
    late = "/".join(_whole(figures[f"transfer_offset_{share}_ms"].value) for share in ("median", "p90"))
    return [*(_whole(100.0 * figures[f"{kind.value}_f1"].value) for kind in _TAKING), late]


_EDGES = ("onset", "offset")


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{round(value, 1) + 0.0:.1f}"


def _percent(share: float) -> str:
    return _number(100.0 * share)


def _whole(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0f}"


def _pooled(figure: Figure, show: Callable[[float], str]) -> str:
    """The figure and, on a line of its own, its interval."""
    if math.isnan(figure.low):
        return show(figure.value)
    return f"{show(figure.value)}\n{_short(show(figure.low))}..{_short(show(figure.high))}"


def _short(number: str) -> str:
    """Without the digits behind the point where there are two before it."""
    return number if len(number.lstrip("-")) < 4 else f"{float(number):.0f}"
