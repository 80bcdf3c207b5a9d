"""verify: read everything again and report every difference between shards, indexes and description."""

import hashlib
import io
import json
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from model.codec import CARDINALITY, N_CODEBOOKS
from model.turns.frames import NO_CLASS
from pipeline.describe import recording_totals, split_totals
from pipeline.licences.evidence import differences
from pipeline.withdraw.tombstones import was_read
from schemas.arrow import from_table, schema_of, to_dict
from schemas.clip import names_of
from schemas.errors import UserError
from schemas.plain_text import counted
from schemas.shard import ClipRow, RecordingRow
from stages.pack import END_OF_TAR

TOLERANCE_S = 1e-6


class VerifyError(UserError):
    """The folder is no dataset, so there is nothing to verify."""


def verify(out: Path) -> Iterator[str]:
    """One line for each difference; none when all is as it should be. Raises VerifyError."""
    if not (out / "dataset.json").is_file():
        raise VerifyError(
            f"{out} has no dataset.json: it is no dataset, or its build did not end; run the build again"
        )
    try:
        description = json.loads((out / "dataset.json").read_text(encoding="utf-8"))
        files = {entry["contentUrl"]: entry for entry in description["distribution"] if "contentUrl" in entry}
        totals = description["duplexset"]["totals"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise VerifyError(f"{out / 'dataset.json'} cannot be read ({error}): build the dataset again") from error
    yield from _files(out, files)
    whole = _Whole()
    try:
        for shard, rows in groupby(_rows(out / "index" / "clips.parquet", ClipRow), key=lambda row: row.shard):
            yield from _shard(out, shard, whole.seen(rows))
        recordings = list(_rows(out / "index" / "recordings.parquet", RecordingRow))
        same = totals["recordings"] == recording_totals(recordings) and totals["splits"] == split_totals(out)
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        yield f"index: cannot be read: {error}"
        return
    yield from whole.faults
    yield from whole.splits()
    yield from whole.voices()
    yield from whole.recordings(recordings)
    yield from differences(out, [row.stated for row in recordings if row.stated and was_read(row)])
    if not same:
        yield "dataset.json: its totals are not those of the indexes"


def _rows(path: Path, cls: type) -> Iterator[Any]:
    with pq.ParquetFile(path) as file:
        if not file.schema_arrow.equals(schema_of(cls)):
            raise pa.ArrowInvalid(f"{path.name} has other columns than this version writes")
        for batch in file.iter_batches(batch_size=1_000):
            yield from from_table(cls, pa.Table.from_batches([batch]))


def _files(out: Path, files: dict[str, Any]) -> Iterator[str]:
    """Digests and sizes against the description, and files it does not name."""
    for name, entry in files.items():
        path = out / name
        if not path.is_file():
            yield f"{name}: missing"
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != entry["sha256"]:
            yield f"{name}: its bytes changed: SHA-256 {digest[:12]}..., {entry['sha256'][:12]}... when written"
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
    path = out / "shards" / name if name else None
    if path is None or not path.is_file():
        ids = [row.clip_id for row in rows]
        if name:
            yield f"shards/{name}: missing, but the index of clips names it for {counted(len(ids), 'clip')}"
        return
    end = 0
    with path.open("rb") as tar:
        for row in rows:
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


def _members(data: bytes, clip_id: str) -> dict[str, bytes]:
    """suffix -> content of the files of a sample. Raises tarfile.TarError."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        files = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {name.removeprefix(f"{clip_id}."): file.read() for name, file in files.items() if file is not None}


def _sample(data: bytes, row: ClipRow) -> Iterator[str]:
    """The files of one sample against each other and the index."""
    try:
        files = _members(data, row.clip_id)
    except (tarfile.TarError, EOFError) as error:
        yield f"not a whole sample ({error})"
        return
    missing = {"codes.npy", "words.json", "turns.npy", "vap.npy", "voices.npy", "json"} - files.keys()
    if missing:
        yield f"lacks {', '.join(sorted(missing))}"
        return
    try:
        codes = np.load(io.BytesIO(files["codes.npy"]), allow_pickle=False)
        turns = np.load(io.BytesIO(files["turns.npy"]), allow_pickle=False)
        future = np.load(io.BytesIO(files["vap.npy"]), allow_pickle=False)
        voices = np.load(io.BytesIO(files["voices.npy"]), allow_pickle=False)
        words = json.loads(files["words.json"])
        facts = json.loads(files["json"])
    except ValueError as error:
        yield f"cannot be read ({error})"
        return
    if codes.dtype != np.int16 or codes.shape != (2, N_CODEBOOKS, row.n_frames):
        yield f"codes are {codes.dtype} {codes.shape}"
    elif codes.min(initial=0) < 0 or codes.max(initial=0) >= CARDINALITY:
        yield f"codes outside 0..{CARDINALITY - 1}"
    if turns.dtype != np.int8 or turns.shape != (2, row.n_frames):
        yield f"turns are {turns.dtype} {turns.shape}"
    if future.dtype != np.int16 or future.shape != (row.n_frames,):
        yield f"future activity is {future.dtype} {future.shape}"
    elif future.min(initial=0) < NO_CLASS or future.max(initial=0) > 255:
        yield "future activity outside -1..255"
    yield from _voices(voices, row)
    if len(words) != 2:
        yield "words are not of two channels"
    stated = json.loads(json.dumps(to_dict(row.info)))
    if any(facts.get(key) != value for key, value in stated.items()):
        yield "its JSON differs from the index"


def _voices(voices: np.ndarray, row: ClipRow) -> Iterator[str]:
    """The codes of a sample's voices against what the index says of them."""
    frames = row.info.voices[-1].end_frame if row.info.voices else 0
    if voices.dtype != np.int16 or voices.shape != (N_CODEBOOKS, frames):
        yield f"voices are {voices.dtype} {voices.shape}"
    elif voices.min(initial=0) < 0 or voices.max(initial=0) >= CARDINALITY:
        yield f"codes of voices outside 0..{CARDINALITY - 1}"
    edges = [0, *(voice.end_frame for voice in row.info.voices)]
    if [voice.first_frame for voice in row.info.voices] != edges[:-1]:
        yield "its voice samples do not follow one another"
