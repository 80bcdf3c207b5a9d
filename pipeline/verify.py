"""verify: read everything again and report every difference between shards, indexes and description."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from model.codec import CARDINALITY, N_CODEBOOKS
from pipeline.describe import recording_totals, split_totals
from pipeline.select import SPLITS
from schemas.arrow import from_table, schema_of, to_dict
from schemas.errors import UserError
from schemas.shard import ClipRow, RecordingRow

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
        files = {entry["contentUrl"]: entry for entry in description["distribution"]}
        totals = description["duplexset"]["totals"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise VerifyError(f"{out / 'dataset.json'} cannot be read ({error}): build the dataset again") from error
    yield from _files(out, files)
    try:
        clips = list(_rows(out / "index" / "clips.parquet", ClipRow))
        recordings = list(_rows(out / "index" / "recordings.parquet", RecordingRow))
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        yield f"index: cannot be read: {error}"
        return
    yield from _clips(clips)
    yield from _recordings(clips, recordings)
    if totals["recordings"] != recording_totals(recordings) or totals["splits"] != split_totals(out):
        yield "dataset.json: its totals are not those of the indexes"
    for name in sorted({row.shard for row in clips if row.shard}):
        if (out / "shards" / name).is_file():
            yield from _shard(out / "shards" / name, [row for row in clips if row.shard == name])
        else:
            yield f"shards/{name}: missing, but the index of clips names it"


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


def _clips(clips: list[ClipRow]) -> Iterator[str]:
    """What holds over all clips: ids once, and no speaker or recording in two splits."""
    seen: set[str] = set()
    where: dict[str, set[str]] = {}
    for row in clips:
        if row.clip_id in seen:
            yield f"clip {row.clip_id}: twice in the index"
        seen.add(row.clip_id)
        if row.kept and row.split not in SPLITS:
            yield f"clip {row.clip_id}: kept, but in no split"
        if not row.kept and not row.reason:
            yield f"clip {row.clip_id}: not kept, without a reason"
        if row.kept and row.split is not None:
            for name in (f"recording {row.info.recording_id}", *(f"speaker {s}" for s in row.info.speakers)):
                where.setdefault(name, set()).add(row.split.value)
    for name, splits in sorted(where.items()):
        if len(splits) > 1:
            yield f"{name}: in {' and '.join(sorted(splits))}"


def _recordings(clips: list[ClipRow], recordings: list[RecordingRow]) -> Iterator[str]:
    """Every second of every recording is in a clip or in a loss."""
    seconds: dict[str, float] = {}
    for clip in clips:
        seconds[clip.info.recording_id] = seconds.get(clip.info.recording_id, 0.0) + clip.duration_s
    for row in recordings:
        in_clips = seconds.pop(row.recording_id, 0.0) if row.recording_id and row.n_clips else 0.0
        lost = sum(loss.end_s - loss.start_s for loss in row.lost)
        if abs(in_clips - row.kept_s) > TOLERANCE_S or abs(in_clips + lost - row.duration_s) > TOLERANCE_S:
            yield f"recording {row.uri}: {row.duration_s:.3f} s in, but {in_clips:.3f} s in clips + {lost:.3f} s lost"
        if not row.n_clips and not row.lost:
            yield f"recording {row.uri}: neither kept nor rejected"
    for recording_id in sorted(seconds):
        yield f"recording {recording_id}: has clips, but is not in the index of recordings"


def _shard(path: Path, rows: list[ClipRow]) -> Iterator[str]:
    """The members of a tar against its index rows."""
    expected = {row.clip_id: row for row in rows}
    try:
        with tarfile.open(path, "r:") as tar:
            members = tar.getmembers()
            samples: dict[str, dict[str, bytes]] = {}
            for member in members:
                clip_id, _, suffix = member.name.partition(".")
                file = tar.extractfile(member)
                samples.setdefault(clip_id, {})[suffix] = file.read() if file else b""
    except (tarfile.TarError, EOFError) as error:
        yield f"shards/{path.name}: not a whole tar ({error})"
        return
    for clip_id in samples.keys() - expected.keys():
        yield f"shards/{path.name}: clip {clip_id} is not in the index"
    with path.open("rb") as tar_file:
        for clip_id, row in expected.items():
            if clip_id not in samples:
                yield f"shards/{path.name}: clip {clip_id} is missing"
                continue
            tar_file.seek(row.offset or 0)
            if hashlib.sha256(tar_file.read(row.length or 0)).hexdigest() != row.sha256:
                yield f"shards/{path.name}: clip {clip_id} is not at its offset, or changed"
            yield from (f"shards/{path.name}: clip {clip_id}: {fault}" for fault in _sample(samples[clip_id], row))


def _sample(files: dict[str, bytes], row: ClipRow) -> Iterator[str]:
    """The files of one sample against each other and the index."""
    missing = {"codes.npy", "words.json", "turns.npy", "json"} - files.keys()
    if missing:
        yield f"lacks {', '.join(sorted(missing))}"
        return
    try:
        codes = np.load(io.BytesIO(files["codes.npy"]), allow_pickle=False)
        turns = np.load(io.BytesIO(files["turns.npy"]), allow_pickle=False)
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
    if len(words) != 2:
        yield "words are not of two channels"
    stated = json.loads(json.dumps(to_dict(row.info)))
    if any(facts.get(key) != value for key, value in stated.items()):
        yield "its JSON differs from the index"
