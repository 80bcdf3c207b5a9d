"""lhotse: FLAC files, and manifests of recordings, supervisions and cuts per split, as JSON lines in gzip.

Read by lhotse (lhotse.readthedocs.io): a recording is a clip, a cut is all of it on both channels, a supervision is a
stretch in which one of the two speaks, with the words in it as an alignment. Paths are relative to the folder.
"""

import gzip
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from model.sample_files import Word
from pipeline.export.folder import kept_if_same, one_line
from pipeline.export.samples import IN_SAMPLES, Sample, Words, n_samples
from schemas.arrow import to_dict
from schemas.atomic import whole_file
from schemas.recording import SAMPLE_RATE_HZ
from schemas.shard import ClipRow

KINDS: Final = ("recordings", "supervisions", "cuts")
_DIGITS: Final = 8  # decimals of a time: what lhotse itself keeps
_ELSEWHERE: Final = ("clip_id", "segments", "language", *IN_SAMPLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lhotse:
    """`read`: gives the sample of a clip; `read_words` only its words."""

    folder: Path
    read: Callable[[ClipRow], Sample]
    read_words: Callable[[ClipRow], Words]

    def clip_folders(self, split: str) -> tuple[Path, ...]:
        """Where the audio of a split's clips lies."""
        return (self.folder / "audio" / split,)

    def part_folders(self) -> tuple[Path, ...]:
        """None: no file holds several clips' audio or tokens."""
        return ()

    def manifests(self, split: str) -> tuple[Path, ...]:
        """The files that name a split's clips."""
        return tuple(self.folder / f"duplexset_{kind}_{split}.jsonl.gz" for kind in KINDS)

    def files(self, row: ClipRow) -> tuple[str, ...]:
        """The audio of a clip, relative to the folder."""
        return (f"audio/{row.split}/{row.clip_id}.flac",)

    def put(self, shard: str, digest: str, rows: Iterator[ClipRow]) -> int:
        """Write the audio of a shard's clips that is not there yet; how many those are."""
        written = 0
        for row in rows:
            path = self.folder / self.files(row)[0]
            if not path.is_file():
                with whole_file(path) as temporary:
                    temporary.write_bytes(self.read(row).flac())
                written += 1
        return written

    def finish(self, split: str, rows: Iterator[ClipRow]) -> None:
        """Write the split's three manifests."""
        with ExitStack() as stack:
            files = [stack.enter_context(_lines(path)) for path in self.manifests(split)]
            for row in rows:
                recording = _recording(row, self.files(row)[0])
                supervisions = _supervisions(row, self.read_words(row))
                entries: tuple[Iterable[Any], ...] = ([recording], supervisions, [_cut(row, recording, supervisions)])
                for file, of in zip(files, entries, strict=True):
                    file.writelines(one_line(entry) + "\n" for entry in of)

    def close(self, rows: Callable[[], Iterator[ClipRow]]) -> None:
        """Nothing more."""


@contextmanager
def _lines(path: Path) -> Iterator[TextIO]:
    """A text file in gzip whose bytes follow from its lines alone."""
    with (
        kept_if_same(path) as temporary,
        temporary.open("wb") as file,
        gzip.GzipFile("", "wb", mtime=0, fileobj=file) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as text,
    ):
        yield text


def _recording(row: ClipRow, path: str) -> dict[str, Any]:
    return {
        "id": row.clip_id,
        "sources": [{"type": "file", "channels": [0, 1], "source": path}],
        "sampling_rate": SAMPLE_RATE_HZ,
        "num_samples": n_samples(row),
        "duration": n_samples(row) / SAMPLE_RATE_HZ,
        "channel_ids": [0, 1],
    }


def _cut(row: ClipRow, recording: dict[str, Any], supervisions: list[dict[str, Any]]) -> dict[str, Any]:
    """All of a recording; what else is known of the clip, licence and provenance included, is in `custom`."""
    facts = {key: value for key, value in to_dict(row.info).items() if key not in _ELSEWHERE}
    return {
        "id": row.clip_id,
        "start": 0.0,
        "duration": recording["duration"],
        "channel": [0, 1],
        "supervisions": supervisions,
        "recording": recording,
        "custom": {**facts, "sample_sha256": row.sha256},
        "type": "MultiCut",
    }


def _supervisions(row: ClipRow, words: Words) -> list[dict[str, Any]]:
    """What is said in either channel, by start."""
    length_s = n_samples(row) / SAMPLE_RATE_HZ
    found = []
    for channel in (0, 1):
        own = [(s.start_s, min(s.end_s, length_s)) for s in row.info.segments if s.channel == channel]
        stretches = [(start, end) for start, end in own if start < end]
        found += [(start, end, channel, said) for start, end, said in _with_words(stretches, words[channel])]
    found.sort(key=lambda entry: entry[:3])
    return [
        {
            "id": f"{row.clip_id}-{number:05d}",
            "recording_id": row.clip_id,
            "start": round(start, _DIGITS),
            "duration": round(end - start, _DIGITS),
            "channel": channel,
            **({"text": " ".join(word[0] for word in said)} if said else {}),
            **({"language": row.info.language} if row.info.language else {}),
            "speaker": row.info.speakers[channel],
            "custom": {"licence": row.info.licence.spdx},
            **({"alignment": {"word": [_aligned(word) for word in said]}} if said else {}),
        }
        for number, (start, end, channel, said) in enumerate(found)
    ]


def _aligned(word: Word) -> list[str | float]:
    """Symbol, start, duration and score."""
    text, start_s, end_s, confidence = word
    return [text, round(start_s, _DIGITS), round(end_s - start_s, _DIGITS), confidence]


def _with_words(stretches: list[tuple[float, float]], words: list[Word]) -> Iterator[tuple[float, float, list[Word]]]:
    """Each word goes to the stretch that is nearest to its middle, which then reaches over all of it.

    Without a stretch, all words are one.
    """
    said: list[list[Word]] = [[] for _ in stretches] or [[]]
    for word in words:
        middle = (word[1] + word[2]) / 2
        distances = [max(start - middle, middle - end, 0.0) for start, end in stretches] or [0.0]
        said[distances.index(min(distances))].append(word)
    for place, of in enumerate(said):
        times = [*stretches[place : place + 1], *((word[1], word[2]) for word in of)]
        if times:
            yield min(start for start, _ in times), max(end for _, end in times), of
