"""verify: read everything again and report every difference between shards, indexes and description."""

import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np

from model.sample_files import SUFFIXES, SampleError, array_of, codes_of, facts_of, read_files, voices_of, words_of
from model.turns.frames import NO_CLASS
from pipeline.dataset_json import Listed, described, listed_files
from pipeline.index import clip_rows, recording_rows
from pipeline.licences.evidence import differences
from pipeline.totals import recording_totals, split_totals
from pipeline.withdraw.tombstones import was_read
from schemas.arrow import to_dict
from schemas.checked import clip_faults
from schemas.clip import names_of
from schemas.errors import DatasetError
from schemas.form import is_shard
from schemas.plain_text import counted
from schemas.shard import ClipRow, RecordingRow
from stages.pack import END_OF_TAR

TOLERANCE_S = 1e-6
Files = Mapping[str, bytes]  # of a sample, by suffix


def verify(out: Path) -> Iterator[str]:
    """One line for each difference; none when all is as it should be. Raises DescriptionError."""
    totals, files = described(out)["totals"], listed_files(out)
    yield from _files(out, files)
    whole = _Whole()
    try:
        for shard, rows in groupby(clip_rows(out, impossible=True), key=lambda row: row.shard):
            yield from _shard(out, shard, whole.seen(rows))
        recordings = list(recording_rows(out))
        found = {"recordings": recording_totals(recordings), "splits": split_totals(out)}
    except DatasetError as error:
        yield f"index: {error}"
        return
    yield from whole.faults
    yield from whole.splits()
    yield from whole.voices()
    yield from whole.recordings(recordings)
    yield from differences(out, [row.stated for row in recordings if row.stated and was_read(row)])
    if found != totals:
        yield "dataset.json: its totals are not those of the indexes"


def _files(out: Path, files: Mapping[str, Listed]) -> Iterator[str]:
    """Digests and sizes against the description, and files it does not name."""
    for name, entry in files.items():
        path = out / name
        if not path.is_file():
            yield f"{name}: missing"
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != entry.sha256:
            yield f"{name}: its bytes changed: SHA-256 {digest[:12]}..., {entry.sha256[:12]}... when written"
    for folder in ("shards", "index"):
        for path in sorted((out / folder).glob("*")):
            if f"{folder}/{path.name}" not in files:
                yield f"{folder}/{path.name}: not part of the dataset"


class _Whole:
    """What holds over all clips; keeps ids, names and sums, never rows."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._ids: set[str] = set()
        self._kept: set[str] = set()
        self._voices: set[str] = set()
        self._splits: dict[str, set[str]] = defaultdict(set)
        self._seconds: dict[str, float] = defaultdict(float)

    def seen(self, rows: Iterable[ClipRow]) -> Iterator[ClipRow]:
        """Pass rows through and take note of them."""
        for row in rows:
            if row.kept:
                self._kept.add(row.clip_id)
                self._voices |= {voice.clip_id for voice in row.info.voices}
            self.faults += [f"index: clip {row.clip_id:.40}: {fault}" for fault in clip_faults(row)]
            if row.clip_id in self._ids:
                self.faults.append(f"clip {row.clip_id}: twice in the index")
            if row.kept != (row.split is not None and row.shard is not None):
                self.faults.append(f"clip {row.clip_id}: kept, but without split or shard, or the other way round")
            if not row.kept and not row.reason:
                self.faults.append(f"clip {row.clip_id}: not kept, without a reason")
            self._ids.add(row.clip_id)
            if row.kept:
                self._seconds[row.info.recording_id] += row.duration_s
            if row.split is not None:
                for name in (f"recording {row.info.recording_id}", *(f"speaker {s}" for s in names_of(row.info))):
                    self._splits[name].add(row.split.value)
                for other in row.duplicates:
                    one, two = sorted((row.clip_id, other.clip_id))
                    self._splits[f"clips {one} and {two}, which share sound"].add(row.split.value)
            yield row

    def voices(self) -> Iterator[str]:
        """Every voice sample comes from a clip that is kept."""
        for clip_id in sorted(self._voices - self._kept):
            yield f"clip {clip_id}: not kept, but others hold samples of its voices"

    def splits(self) -> Iterator[str]:
        """No speaker, recording or shared sound is in two splits."""
        for name, splits in sorted(self._splits.items()):
            if len(splits) > 1:
                yield f"{name}: in {' and '.join(sorted(splits))}"

    def recordings(self, rows: Iterable[RecordingRow]) -> Iterator[str]:
        """Every second of every recording is in a clip that is kept or in a loss."""
        for row in rows:
            in_clips = self._seconds.pop(row.recording_id, 0.0) if row.recording_id and row.n_clips else 0.0
            lost = sum(loss.end_s - loss.start_s for loss in row.lost)
            if abs(in_clips - row.kept_s) > TOLERANCE_S or abs(in_clips + lost - row.duration_s) > TOLERANCE_S:
                yield f"recording {row.uri}: {row.duration_s:.3f} s in, {in_clips:.3f} s in clips + {lost:.3f} s lost"
            if not row.n_clips and not row.lost:
                yield f"recording {row.uri}: neither kept nor rejected"
        for recording_id in sorted(self._seconds):
            yield f"recording {recording_id}: has clips, but is not in the index of recordings"


def _shard(out: Path, name: str | None, rows: Iterable[ClipRow]) -> Iterator[str]:
    """The samples of a tar against its index rows, one after the other, without a gap."""
    path = out / "shards" / name if name and is_shard(name) else None
    if path is None or not path.is_file():
        there = [row.clip_id for row in rows]
        if name:
            yield f"shards/{name}: missing, but the index of clips names it for {counted(len(there), 'clip')}"
        return
    end = 0
    with path.open("rb") as tar:
        for row in rows:
            if any(clip_faults(row)):
                continue
            offset, length = row.offset or 0, row.length or 0
            if offset != end:
                yield f"shards/{name}: {abs(offset - end)} bytes before clip {row.clip_id} are not in the index"
            end = offset + length
            tar.seek(offset)
            data = tar.read(length)
            if hashlib.sha256(data).hexdigest() != row.sha256:
                yield f"shards/{name}: clip {row.clip_id} is not at its offset, or changed"
            yield from (f"shards/{name}: clip {row.clip_id}: {fault}" for fault in _sample(data, row))
    if path.stat().st_size != end + END_OF_TAR:
        yield f"shards/{name}: {path.stat().st_size} bytes, {end + END_OF_TAR} by the index"


def _sample(data: bytes, row: ClipRow) -> Iterator[str]:
    """The files of one sample against each other and the index."""
    try:
        files = read_files(io.BytesIO(data), row.clip_id, 0, len(data))
    except SampleError as error:
        yield f"not a whole sample ({error})"
        return
    if missing := set(SUFFIXES) - {"flac"} - files.keys():
        yield f"lacks {', '.join(sorted(missing))}"
        return
    for what, read in _READERS.items():
        try:
            read(files, row)
        except SampleError as error:
            yield f"{what}: {error}"


def _turns(files: Files, row: ClipRow) -> None:
    array_of(files["turns.npy"], np.int8, (2, row.n_frames))


def _future(files: Files, row: ClipRow) -> None:
    future = array_of(files["vap.npy"], np.int16, (row.n_frames,))
    if future.min(initial=0) < NO_CLASS or future.max(initial=0) > 255:
        raise SampleError(f"classes outside {NO_CLASS}..255")


def _facts(files: Files, row: ClipRow) -> None:
    facts, stated = facts_of(files["json"]), json.loads(json.dumps(to_dict(row.info)))
    if any(facts.get(key) != value for key, value in stated.items()):
        raise SampleError("its JSON differs from the index")


def _voices(files: Files, row: ClipRow) -> None:
    voices_of(files["voices.npy"], row.info.voices[-1].end_frame if row.info.voices else 0)


_READERS: Final[Mapping[str, Callable[[Files, ClipRow], object]]] = {
    "codes": lambda files, row: codes_of(files["codes.npy"], row.n_frames),
    "turns": _turns,
    "future activity": _future,
    "voices": _voices,
    "words": lambda files, _: words_of(files["words.json"]),
    "facts": _facts,
}
