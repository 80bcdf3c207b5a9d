"""huggingface: Parquet files with the sound, the tokens and all that is known of a clip, and a dataset card.

Read by `datasets.load_dataset(FOLDER)`: a file per shard, a row per clip. `audio` is what the library's Audio feature
holds, a FLAC file with a channel per speaker.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from pipeline.export.card import Card
from pipeline.export.folder import part_is_there, part_writer, put_text
from pipeline.export.samples import IN_SAMPLES, Sample
from schemas.arrow import schema_of, to_dict
from schemas.clip import ClipInfo
from schemas.recording import SAMPLE_RATE_HZ
from schemas.shard import ClipRow

_WORD: Final = pa.struct(
    [("word", pa.string()), ("start_s", pa.float64()), ("end_s", pa.float64()), ("confidence", pa.float64())]
)
_AUDIO: Final = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_FEATURES: Final = {"info": {"features": {"audio": {"sampling_rate": SAMPLE_RATE_HZ, "_type": "Audio"}}}}


def schema() -> pa.Schema:
    """The columns: those of `ClipInfo`, nullable throughout, and the data before them.

    The other features follow from the columns' types; only audio must be named.
    """
    data = [
        pa.field("clip_id", pa.string()),
        pa.field("audio", _AUDIO),
        pa.field("duration_s", pa.float64()),
        pa.field("codes", pa.list_(pa.list_(pa.list_(pa.int16())))),
        pa.field("turns", pa.list_(pa.list_(pa.int8()))),
        pa.field("words", pa.list_(pa.list_(_WORD))),
    ]
    elsewhere = ("clip_id", *IN_SAMPLES)
    facts = [pa.field(f.name, _nullable(f.type)) for f in schema_of(ClipInfo) if f.name not in elsewhere]
    return pa.schema([*data, *facts], metadata={"huggingface": json.dumps(_FEATURES)})


def _nullable(kind: pa.DataType) -> pa.DataType:
    """The type with every field in it nullable, as the library wants it."""
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _nullable(field.type)) for field in kind])
    return pa.list_(_nullable(kind.value_type)) if pa.types.is_list(kind) else kind


@dataclass(frozen=True, slots=True, kw_only=True)
class HuggingFace:
    """`read`: gives the sample of a clip. `codec`: what made the tokens, for the card."""

    folder: Path
    read: Callable[[ClipRow], Sample]
    codec: str

    def clip_folders(self, split: str) -> tuple[Path, ...]:
        """None: clips have no files of their own."""
        return ()

    def part_folders(self) -> tuple[Path, ...]:
        """Where the Parquet files lie."""
        return (self.folder / "data",)

    def manifests(self, split: str) -> tuple[Path, ...]:
        """None: the card names the files of all splits."""
        return ()

    def files(self, row: ClipRow) -> tuple[str, ...]:
        """The file that holds a clip, relative to the folder."""
        return (f"data/{Path(str(row.shard)).stem}.parquet",)

    def put(self, shard: str, digest: str, rows: Iterator[ClipRow]) -> int:
        """Write the file of a shard if it is not there; how many clips are in it."""
        path = self.folder / "data" / f"{Path(shard).stem}.parquet"
        if part_is_there(path, digest):
            return 0
        columns, written = schema(), 0
        with part_writer(path, columns, digest) as writer:
            for row in rows:
                writer.write_table(pa.Table.from_pylist([_values(self.read(row))], schema=columns))
                written += 1
        return written

    def finish(self, split: str, rows: Iterator[ClipRow]) -> None:
        """Nothing more."""

    def close(self, rows: Callable[[], Iterator[ClipRow]]) -> None:
        """Write the dataset card."""
        card = Card(codec=self.codec)
        for row in rows():
            card.add(row)
        put_text(self.folder / "README.md", card.text())


def _values(sample: Sample) -> dict[str, Any]:
    """A row of the Parquet file."""
    names = [field.name for field in _WORD]
    return {
        "audio": {"bytes": sample.flac(), "path": f"{sample.row.clip_id}.flac"},
        "duration_s": sample.row.duration_s,
        "codes": sample.codes.tolist(),
        "turns": sample.turns.tolist(),
        "words": [[dict(zip(names, word, strict=True)) for word in words] for words in sample.words],
        **to_dict(sample.row.info),
    }
