"""What the scorer writes: every figure of every recording and of the pools, as JSON."""

import json
import math
from collections.abc import Mapping
from typing import Any

from model.measures.diarization import DiarizationErrors
from model.measures.events import Edges, Found
from model.measures.pooling import CHANNEL_FIGURES
from model.measures.recording import RecordingScore
from pipeline.score import Group, Scoring


def as_json(scoring: Scoring) -> str:
    """Everything that was measured; what cannot be measured is null."""
    whole = {
        "collar_s": scoring.collar_s,
        "by": scoring.by,
        "pooled": _figures(scoring.everything),
        "groups": {group.name: _figures(group) for group in scoring.groups},
        "recordings": [_recording(score) for score in scoring.scores],
        "not_scored": list(scoring.problems),
        "without_output": list(scoring.no_output),
        "without_truth": list(scoring.no_truth),
    }
    return json.dumps(_plain(whole), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _figures(group: Group) -> dict[str, Any]:
    figures = {
        name: {"value": f.value, "low": f.low, "high": f.high} if not math.isnan(f.value) else None
        for name, f in group.figures.items()
    }
    return {"recordings": len(group.scores), **figures}


def _recording(score: RecordingScore) -> dict[str, Any]:
    turns = score.turns
    return {
        "name": score.name,
        "duration_s": score.duration_s,
        "covered_s": score.covered_s,
        "how": dict(score.how),
        "late_ms": score.late_ms,
        "der": _der(score.der),
        "der_collar": _der(score.der_collar),
        "jer": score.jer.rate,
        "wrong_speaker_s": turns.wrong_speaker_s,
        "swaps": turns.swaps.count,
        "swapped_s": turns.swaps.length_s,
        "overlap_recall": _found(turns.overlap_recall),
        "overlap_precision": _found(turns.overlap_precision),
        "short_overlap_recall": _found(turns.short_overlap_recall),
        "backchannel_recall": _found(turns.backchannel_recall),
        "onsets": _edges(turns.onsets),
        "offsets": _edges(turns.offsets),
        "events": {
            kind.value: {"f1": c.f1, "found": c.found, "true": c.true, "made": c.made}
            for kind, c in turns.taking.counts.items()
        },
        "transfer_offset_errors_ms": turns.taking.offset_errors_ms.tolist(),
        "channels": [
            {"speaker": c.speaker, **{name: get(c) for name, get in CHANNEL_FIGURES.items()}} for c in score.channels
        ],
    }


def _der(errors: DiarizationErrors) -> dict[str, float]:
    parts = {name: getattr(errors, name) for name in ("missed_s", "false_s", "confused_s", "speech_s")}
    return {"rate": errors.rate, **parts}


def _found(found: Found) -> dict[str, float]:
    return {"share": found.share, "found": found.found, "of": found.of}


def _edges(edges: Edges) -> dict[str, float]:
    return {
        "median_ms": edges.quantile_ms(0.5),
        "p90_ms": edges.quantile_ms(0.9),
        "unmatched": edges.unmatched_share,
        "edges": edges.errors_ms.size + edges.unmatched,
    }


def _plain(value: Any) -> Any:
    """Floats to six digits behind the point, NaN as None."""
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
