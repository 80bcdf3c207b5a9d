"""stats: how people take turns in a dataset, or in a table of turns, beside how people do elsewhere."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from model.simulate.timing_fit import read_turns
from model.turns.references import BUILTIN, builtin
from model.turns.statistics import Statistics, from_json
from schemas.arrow import from_dict
from schemas.clip import ClipInfo
from schemas.conversation import Segment
from schemas.errors import UserError

INDEX: Final = Path("index") / "clips.parquet"
TABLES: Final = (".tsv",)
_BATCH: Final = 256


class StatisticsError(UserError):
    """What cannot be counted: which, and what is accepted."""


def read(given: str, split: str | None = None) -> Statistics:
    """The statistics of a dataset, of a table of turns (.tsv), of what `--json` wrote, or of a known name.

    split: of a dataset only the clips of this part. Raises StatisticsError and TimingError.
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
    for info in _infos(out, split):
        made.add(info.segments, info.events, None if info.quality.n_words is None else sum(info.quality.n_words))
    if not made.conversations:
        where = f"{out}, split {split}," if split else str(out)
        raise StatisticsError(f"{where} has no clips: nothing to count")
    return made


def _infos(out: Path, split: str | None) -> Iterator[ClipInfo]:
    index = out / INDEX
    if not index.is_file():
        raise StatisticsError(
            f"{out} has no {INDEX}: it is no dataset, or its build did not end; run the build again"
        )
    try:
        with pq.ParquetFile(index) as file:
            for batch in file.iter_batches(_BATCH, columns=["kept", "split", "info"]):
                wanted = batch.column("kept")
                if split is not None:
                    wanted = pc.and_(wanted, pc.fill_null(pc.equal(batch.column("split"), split), False))
                for row in batch.filter(wanted).column("info").to_pylist():
                    yield from_dict(ClipInfo, row)
    except KeyError as error:
        raise StatisticsError(f"{index} has no {error}: another version wrote it, build the dataset again") from error
    except pa.ArrowInvalid as error:
        raise StatisticsError(f"{index} cannot be read ({error}): run `duplexset verify {out}`") from error


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
