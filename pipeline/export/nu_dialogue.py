"""nu-dialogue: the words of both speakers per clip, and the tokens of many clips per Parquet file.

Read by nu-dialogue/moshi-finetune: `A` and `B` are [9, T], text and then eight codebooks, of the speakers on
channel 0 and 1; either may be the model. Without a text tokenizer the text row is PAD throughout.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from model.sample_files import Word
from model.streams import TextRule, TextTokenizer, text_row
from pipeline.export.folder import one_line, part_is_there, part_writer, put_text
from pipeline.export.samples import Sample, Words
from schemas.shard import ClipRow

SPEAKERS: Final = ("A", "B")
_STREAMS: Final = pa.list_(pa.list_(pa.int64()))
SCHEMA: Final = pa.schema([("dialogue_id", pa.string()), ("A", _STREAMS), ("B", _STREAMS)])


@dataclass(frozen=True, slots=True, kw_only=True)
class NuDialogue:
    """`read`: gives the sample of a clip. `lost`: text tokens without a frame, of the clips written."""

    folder: Path
    read: Callable[[ClipRow], Sample]
    tokenizer: TextTokenizer | None = None
    rule: TextRule = "shift"
    lost: Counter[str] = field(default_factory=Counter)

    def clip_folders(self, split: str) -> tuple[Path, ...]:
        """Where the words of a split's clips lie."""
        return (self.folder / "text" / split,)

    def part_folders(self) -> tuple[Path, ...]:
        """Where the tokens lie."""
        return (self.folder / "tokens",)

    def manifests(self, split: str) -> tuple[Path, ...]:
        """None: the files are found by their names."""
        return ()

    def files(self, row: ClipRow) -> tuple[str, ...]:
        """The files that hold a clip, relative to the folder."""
        return f"text/{row.split}/{row.clip_id}.json", f"tokens/{Path(str(row.shard)).stem}.parquet"

    def put(self, shard: str, digest: str, rows: Iterator[ClipRow]) -> int:
        """Write the words and the tokens of a shard's clips where they are not there; how many clips those are."""
        part = self.folder / "tokens" / f"{Path(shard).stem}.parquet"
        if part_is_there(part, digest):
            return sum(self._put_words(row, self.read(row).words) for row in rows if not self._text(row).is_file())
        written = 0
        with part_writer(part, SCHEMA, digest) as writer:
            for row in rows:
                sample = self.read(row)
                self._put_words(row, sample.words)
                writer.write_table(pa.Table.from_pylist([self._dialogue(sample)], schema=SCHEMA))
                written += 1
        return written

    def finish(self, split: str, rows: Iterator[ClipRow]) -> None:
        """Nothing more."""

    def close(self, rows: Callable[[], Iterator[ClipRow]]) -> None:
        """Nothing more."""

    def _text(self, row: ClipRow) -> Path:
        return self.folder / self.files(row)[0]

    def _put_words(self, row: ClipRow, words: Words) -> int:
        spoken = [
            {"speaker": speaker, "word": text, "start": start, "end": end}
            for speaker, of in zip(SPEAKERS, words, strict=True)
            for text, start, end, _ in of
        ]
        put_text(self._text(row), one_line(sorted(spoken, key=lambda w: (w["start"], w["end"]))) + "\n")
        return 1

    def _dialogue(self, sample: Sample) -> dict[str, Any]:
        """A row of the Parquet file."""
        codes, words = sample.codes, sample.words
        return {
            "dialogue_id": sample.row.clip_id,
            **{name: self._streams(codes[c], words[c]).tolist() for c, name in enumerate(SPEAKERS)},
        }

    def _streams(self, codes: NDArray[np.int16], words: list[Word]) -> NDArray[np.int64]:
        """int64 [9, T] of one speaker."""
        placed = text_row(words, codes.shape[1], self.tokenizer, self.rule)
        self.lost.update(placed.lost._asdict())
        return np.concatenate([placed.row[None], codes], dtype=np.int64)
