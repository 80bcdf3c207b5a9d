"""The tables at the end of a build."""

from collections import Counter, defaultdict
from pathlib import Path

from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from pipeline.build import BuildPlan, BuildResult
from pipeline.dataset_json import read_description
from pipeline.select import SPLITS
from pipeline.unread import Unread
from pipeline.view import hours
from pipeline.visible import printable
from schemas.plain_text import counted
from schemas.shard import RecordingRow

SHOWN = 50  # recordings that a dry run lists


def _losses(rows: list[RecordingRow]) -> Table:
    count: Counter[tuple[str, str]] = Counter()
    seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
    for row in rows:
        for loss in row.lost:
            count[loss.stage, loss.reason] += 1
            seconds[loss.stage, loss.reason] += loss.end_s - loss.start_s
    table = Table("lost at", "reason", "times", "audio", title_justify="left")
    for (stage, reason), n in sorted(count.items()):
        table.add_row(stage, reason, str(n), hours(seconds[stage, reason]))
    return table


def result_table(result: BuildResult, out: Path) -> Group:
    """What went in, what came out, what was lost where and why."""
    rows = result.recordings
    kept = [row for row in rows if row.n_clips]
    lines = [
        f"recordings: {len(rows) + len(result.quarantined)} in = {len(kept)} kept + {len(rows) - len(kept)} rejected"
        + (f" + {len(result.quarantined)} in quarantine" if result.quarantined else ""),
        f"audio: {hours(sum(r.duration_s for r in rows))} in, {hours(sum(r.kept_s for r in rows))} in "
        + counted(sum(r.n_clips for r in rows), "clip"),
    ]
    if without := sum(row.unlicensed for row in kept):
        lines.append(f"WITHOUT A LICENCE: {counted(without, 'recording')}, marked in every index")
    if unread := _unread(rows):
        lines.append(f"{unread}; see notes in {out}/index/recordings.parquet")
    splits, more = _splits(out, anything=bool(kept))
    parts: list[Text | Table] = [*(_line(line) for line in (*lines, *more)), splits]
    if any(row.lost for row in rows):
        parts.append(_losses(rows))
    parts.append(_line(f"{counted(len(result.shards), 'shard')}, {result.packed_now} written now: {out}/shards"))
    if (out / "report.html").exists():
        parts.append(_line(f"to look at and hear: {out}/report.html"))
    return Group(*parts)


def _line(text: str) -> Text:
    """A text with names of others in it, as it may be printed."""
    return Text(printable(text))


def _unread(rows: list[RecordingRow]) -> str:
    """Which transcripts were not read, in words."""
    unread = Unread()
    for row in sorted(rows, key=lambda row: row.uri):
        unread.add(row)
    return unread.words()


def _splits(out: Path, *, anything: bool) -> tuple[Table, list[str]]:
    """What each split has, and what they lack. anything: whether any recording was kept."""
    table = Table("split", "clips", "audio")
    description = read_description(out)
    totals = description["totals"]["splits"] if description else {}
    for name, total in totals.items():
        table.add_row(name, str(total["clips"]), hours(total["seconds"]))
    shares = description["configuration"]["split_percent"] if description else ()
    empty = [split.value for split, share in zip(SPLITS, shares, strict=False) if share and split.value not in totals]
    clips, voiced = (sum(totals[s][name] for s in SPLITS if s in totals) for name in ("clips", "both_voices"))
    lines = []
    if voiced < clips:
        lines.append(
            f"voice samples of both speakers are in {voiced} of {counted(clips, 'clip')}: "
            "the others have too little solo speech"
        )
    if empty and anything:
        lines.append(f"no clip fell to {' and '.join(empty)}: splits follow speakers, so few speakers fall unevenly")
    return table, lines


def plan_table(plan: BuildPlan, out: Path) -> Group:
    """What a build would do."""
    known_s = sum(recording.duration_s or 0.0 for recording in plan.missing)
    unknown = sum(recording.duration_s is None for recording in plan.missing)
    lines = [
        f"would prepare {counted(len(plan.missing), 'recording')}, {hours(known_s)}"
        + (f" and {unknown} of unknown length" if unknown else ""),
        f"prepared already: {plan.there}; refused: {len(plan.refused)}",
        f"nothing was written to {out}",
    ]
    if len(plan.missing) > SHOWN:
        lines.insert(0, f"and {len(plan.missing) - SHOWN} more")
    name_column = Column("to prepare", overflow="fold", ratio=1)
    table = Table(name_column, "container", "codec", "rate", "channels", "length", "licence")
    for r in plan.missing[:SHOWN]:
        length = hours(r.duration_s) if r.duration_s is not None else "?"
        name = r.source.name or r.source.uri
        table.add_row(
            _line(name),
            _line(r.container.partition(",")[0]),
            _line(r.codec),
            f"{r.sample_rate_hz} Hz",
            str(r.n_channels),
            length,
            _line(r.licence.spdx),
        )
    return Group(table, *map(_line, lines))
