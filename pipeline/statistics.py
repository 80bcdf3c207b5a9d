"""stats: how people take turns in a dataset, or in a table of turns, beside how people do elsewhere."""

import json
from pathlib import Path
from typing import Final

from model.simulate.timing_fit import read_turns
from model.turns.references import BUILTIN, builtin
from model.turns.statistics import Statistics, from_json
from pipeline.index import kept_clips
from schemas.conversation import Segment
from schemas.errors import UserError

TABLES: Final = (".tsv",)


class StatisticsError(UserError):
    """What cannot be counted: which, and what is accepted."""


def read(given: str, split: str | None = None) -> Statistics:
    """The statistics of a dataset, of a table of turns (.tsv), of what `--json` wrote, or of a known name.

    split: of a dataset only the clips of this part. Raises StatisticsError, DatasetError and TimingError.
    """
    path = Path(given)
    if given == BUILTIN and not path.exists():
        found = builtin()
    elif path.is_dir():
        return of_dataset(path, split)
    elif path.suffix == ".json" and path.is_file():
        found = _of_json(path)
    elif path.suffix in TABLES and path.is_file():
        found = of_turns(path)
    else:
        raise StatisticsError(
            f"{given}: give the OUT folder of a build, a table of turns (.tsv), what --json wrote, or {BUILTIN}"
        )
    if split is not None:
        raise StatisticsError(f"--split {split}: {given} is no dataset and has no parts")
    return found


def of_dataset(out: Path, split: str | None = None) -> Statistics:
    """All kept clips of a dataset, each as a conversation; only the index is read, piece by piece."""
    made = Statistics()
    for row in kept_clips(out, None if split is None else (split,)):
        made.add(row.info.segments, row.info.events, row.info.quality.words)
    if not made.conversations:
        where = f"{out}, split {split}," if split else str(out)
        raise StatisticsError(f"{where} has no clips: nothing to count")
    return made


def of_turns(path: Path) -> Statistics:
    """Conversations of a tab-separated table with conversation, speaker, start_s and end_s. Raises TimingError."""
    made = Statistics()
    for name, events in read_turns(path).items():
        if len({e.speaker for e in events}) > 2:
            raise StatisticsError(f"{path}: {name} has more than two speakers; leave it out")
        made.add([Segment(channel=e.speaker, start_s=e.start_s, end_s=e.end_s) for e in events])
    return made


def _of_json(path: Path) -> Statistics:
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8"))["statistics"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise StatisticsError(f"{path} is not what `duplexset stats --json` wrote ({error})") from error


def as_json(made: Statistics) -> str:
    """The figures, and what they were computed from."""
    figures = {name: None if value != value else round(value, 6) for name, value in made.figures().items()}  # noqa: PLR0124
    return json.dumps({"figures": figures, "statistics": made.as_json()}, indent=1, sort_keys=True) + "\n"
