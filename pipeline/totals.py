"""What is in a dataset, summed over its indexes; dataset.json has it, and `verify` asks again."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.index import opened
from schemas.shard import ClipRow, RecordingRow


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
    with opened(out, ClipRow) as file:
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
