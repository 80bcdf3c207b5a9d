"""dataset.json: a Croissant description of the dataset, with what made it and its totals. Written last of all."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from model.shards import DatasetError
from pipeline.config import BuildConfig, conversation, describe_stages, intake
from pipeline.licences.combine import combine
from pipeline.licences.names import identifiers
from schemas.atomic import write_text
from schemas.recording import FRAME_SAMPLES, SAMPLE_RATE_HZ
from schemas.shard import PackedShard, RecordingRow

# mlcommons.org, Croissant format specification 1.0, appendix "JSON-LD context"; "duplexset" is ours, opaque JSON.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "column": "cr:column",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "recordSet": "cr:recordSet",
    "source": "cr:source",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "duplexset": {"@id": "cr:duplexset", "@type": "@json"},
}
_COLUMNS = {
    "clip_id": "sc:Text",
    "split": "sc:Text",
    "shard": "sc:Text",
    "offset": "sc:Integer",
    "kept": "sc:Boolean",
}


def read_description(out: Path) -> dict[str, Any] | None:
    """The `duplexset` part of dataset.json: configuration, fingerprint, totals. None where there is no such file."""
    path = out / "dataset.json"
    if not path.exists():
        return None
    part: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["duplexset"]
    return part


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBy:
    """What made a dataset. weights: name -> SHA-256 of each network's weights."""

    config: BuildConfig
    weights: dict[str, str]
    fingerprint: str

    def parts(self) -> dict[str, Any]:
        """All of it, as it is written beside the data."""
        return {
            "fingerprint": self.fingerprint,
            "configuration": self.config.written(),
            "stages": describe_stages([*intake(self.config), *conversation(self.config)]),
            "weights": self.weights,
        }


_PARTS = ("fingerprint", "configuration", "stages", "weights")


def describe(
    out: Path, made_by: Mapping[str, Any], recordings: Sequence[RecordingRow], shards: Sequence[PackedShard]
) -> None:
    """Write dataset.json. It holds no date and no path: the same data has the same description.

    made_by: `MadeBy.parts`, or what `made_before` finds.
    """
    indexes = [_file_object(out, f"index/{name}.parquet") for name in ("clips", "recordings")]
    licences = sorted({row.licence for row in recordings if row.n_clips})
    facts = {
        **made_by,
        "licence": combine(licences).written(),
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "frame_rate_hz": SAMPLE_RATE_HZ / FRAME_SAMPLES,
        "totals": {"recordings": recording_totals(recordings), "splits": split_totals(out)},
    }
    croissant = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": "duplexset",
        "description": "Two-person conversations, one channel per speaker on one clock, as codec tokens.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": [licence_address(name) for name in licences],
        "distribution": [*indexes, *(_shard_object(shard) for shard in shards)],
        "recordSet": [_clip_records()],
        "duplexset": facts,
    }
    write_text(out / "dataset.json", json.dumps(croissant, indent=2, ensure_ascii=False) + "\n")


def made_before(out: Path) -> dict[str, Any]:
    """`MadeBy.parts` of a dataset that is described; raises DatasetError where it is not."""
    described = read_description(out)
    if described is None:
        raise DatasetError(f"{out} has no dataset.json: it is no dataset, or its build did not end; build again")
    return {name: described[name] for name in _PARTS}


def licence_address(spdx: str) -> str:
    """Where SPDX has the licence; of an expression, a LicenseRef- or NOASSERTION, which it lacks, the text itself."""
    listed = identifiers().get(spdx.casefold()) == spdx
    return f"https://spdx.org/licenses/{spdx}" if listed else spdx


def _file_object(out: Path, name: str) -> dict[str, Any]:
    data = (out / name).read_bytes()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "contentUrl": name,
        "encodingFormat": "application/vnd.apache.parquet",
        "contentSize": f"{len(data)} B",
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _shard_object(shard: PackedShard) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": f"shards/{shard.name}",
        "contentUrl": f"shards/{shard.name}",
        "encodingFormat": "application/x-tar",
        "contentSize": f"{shard.size_bytes} B",
        "sha256": shard.sha256,
    }


def _clip_records() -> dict[str, Any]:
    source = {"@id": "index/clips.parquet"}
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"clips/{name}",
            "name": f"clips/{name}",
            "dataType": kind,
            "source": {"fileObject": source, "extract": {"column": name}},
        }
        for name, kind in _COLUMNS.items()
    ]
    return {"@type": "cr:RecordSet", "@id": "clips", "name": "clips", "field": fields}


def recording_totals(recordings: Iterable[RecordingRow]) -> dict[str, Any]:
    """Recordings in = kept + rejected; seconds in = kept + lost, by stage and reason."""
    totals: dict[str, Any] = {"count": 0, "kept": 0, "rejected": 0, "seconds": 0.0, "kept_s": 0.0, "unlicensed": 0}
    lost: dict[str, dict[str, Any]] = defaultdict(lambda: {"count": 0, "seconds": 0.0})
    for row in sorted(recordings, key=lambda r: (r.uri, r.origin)):
        totals["count"] += 1
        totals["kept" if row.n_clips else "rejected"] += 1
        totals["seconds"] += row.duration_s
        totals["kept_s"] += row.kept_s
        totals["unlicensed"] += row.unlicensed and row.n_clips > 0
        for loss in row.lost:
            entry = lost[f"{loss.stage}: {loss.reason}"]
            entry["count"] += 1
            entry["seconds"] += loss.end_s - loss.start_s
    return {**totals, "lost": {name: lost[name] for name in sorted(lost)}}


def split_totals(out: Path) -> dict[str, Any]:
    """Clips, frames and seconds of each split, and of what is not kept by its reason, from the index of clips.

    `both_voices`: clips that hold a sample of each speaker's voice.
    """
    totals: dict[str, Any] = {}
    with pq.ParquetFile(out / "index" / "clips.parquet") as file:
        for batch in file.iter_batches(columns=["split", "reason", "n_frames", "duration_s", "info.voices"]):
            for row in batch.to_pylist():
                entry = totals.setdefault(
                    row["split"] or f"not kept: {row['reason']}",
                    {"clips": 0, "frames": 0, "seconds": 0.0, "both_voices": 0},
                )
                entry["both_voices"] += len({voice["channel"] for voice in row["info"]["voices"]}) == 2
                entry["clips"] += 1
                entry["frames"] += row["n_frames"]
                entry["seconds"] += row["duration_s"]
    return {name: totals[name] for name in sorted(totals)}
