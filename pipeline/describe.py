"""dataset.json and DATA_CARD.md: what is in a dataset, what made it, its totals. Written last of all."""

import importlib.metadata
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from model.shards import DatasetError
from pipeline.config import BuildConfig, conversation, describe_stages, intake
from pipeline.description.card import CARD, card
from pipeline.description.croissant import croissant
from pipeline.description.described import Described
from pipeline.description.facts import facts_of
from pipeline.licences.combine import combine
from schemas.atomic import write_text
from schemas.plain_text import writable
from schemas.recording import FRAME_SAMPLES, SAMPLE_RATE_HZ
from schemas.shard import PackedShard, RecordingRow


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
            "software": f"duplexset {importlib.metadata.version('duplexset')}",
            "fingerprint": self.fingerprint,
            "configuration": self.config.written(),
            "stages": describe_stages([*intake(self.config), *conversation(self.config)]),
            "weights": self.weights,
        }


_PARTS = ("software", "fingerprint", "configuration", "stages", "weights")


def describe(
    out: Path, made_by: Mapping[str, Any], recordings: Sequence[RecordingRow], shards: Sequence[PackedShard]
) -> None:
    """Write DATA_CARD.md and dataset.json. They hold no date and no path: the same data has the same description.

    made_by: `MadeBy.parts`, or what `made_before` finds. Raises CatalogError, OSError.
    """
    made = json.loads(json.dumps(made_by))
    described = Described(
        facts=facts_of(out),
        made={
            **made,
            "configuration": {**BuildConfig().written(), **made["configuration"]},
        },  # of older versions, too
        recordings=recording_totals(recordings),
        splits=split_totals(out),
        licences=sorted({row.licence for row in recordings if row.n_clips}),
        taken=sorted({_taken(row) for row in recordings if row.n_clips}),
    )
    written = croissant(described, out, shards)
    facts = {
        **made_by,
        "licence": combine(described.taken).written(),
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "frame_rate_hz": SAMPLE_RATE_HZ / FRAME_SAMPLES,
        "totals": {"recordings": described.recordings, "splits": described.splits},
    }
    write_text(out / CARD, card(described, written["version"], written["citeAs"]))
    text = json.dumps({**written, "duplexset": facts}, indent=2, ensure_ascii=False) + "\n"
    write_text(out / "dataset.json", writable(text))


def _taken(row: RecordingRow) -> str:
    return (row.stated.taken if row.stated else None) or row.licence


def made_before(out: Path) -> dict[str, Any]:
    """`MadeBy.parts` of a dataset that is described; raises DatasetError where it is not."""
    described = read_description(out)
    if described is None:
        raise DatasetError(f"{out} has no dataset.json: it is no dataset, or its build did not end; build again")
    return {name: described[name] for name in _PARTS if name in described}


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
        for batch in file.iter_batches(
            batch_size=10_000, columns=["split", "reason", "n_frames", "duration_s", "info.voices"]
        ):
            flat = [batch.column(name).to_pylist() for name in ("split", "reason", "n_frames", "duration_s")]
            for split, reason, n_frames, seconds, both in zip(*flat, _both_voices(batch), strict=True):
                entry = totals.setdefault(
                    split or f"not kept: {reason}", {"clips": 0, "frames": 0, "seconds": 0.0, "both_voices": 0}
                )
                entry["both_voices"] += both
                entry["clips"] += 1
                entry["frames"] += n_frames
                entry["seconds"] += seconds
    return {name: totals[name] for name in sorted(totals)}


def _both_voices(batch: pa.RecordBatch) -> list[bool]:
    """For each row, whether it has voice samples of both channels."""
    voices = batch.column("info").field("voices")
    channels = voices.values.field("channel").to_numpy()
    upto = np.concatenate([[0], np.cumsum(channels != 0)])
    ends = voices.offsets.to_numpy()
    second, all_of = np.diff(upto[ends]), np.diff(ends)
    both: list[bool] = ((second > 0) & (second < all_of)).tolist()
    return both
