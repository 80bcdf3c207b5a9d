"""What is known of how people take turns, to put figures beside."""

import json
from pathlib import Path
from typing import Final

from model.turns.statistics import Statistics, from_json

BUILTIN: Final = "primock57"
"""45 of the 57 consultations of PriMock57 (two people, video calls, utterances marked by hand, CC-BY-4.0), counted
with `duplexset stats`."""
PUBLISHED: Final[dict[str, dict[str, float]]] = {
    "PriMock57": {
        "overlap_of_time": 0.0574,
        "silence_of_time": 0.083,
        "overlapped_changes": 0.366,
        "fto_median_s": 0.19,
        "fto_p5_s": -1.047,
        "fto_p95_s": 1.381,
    },
    "AMI": {
        "overlap_of_time": 0.1127,
        "silence_of_time": 0.169,
        "overlapped_changes": 0.44,
        "fto_median_s": 0.13,
        "fto_p5_s": -2.11,
        "fto_p95_s": 2.64,
    },
}
"""Whole corpora, computed from their references: 57 consultations of two; 170 meetings of four (words only)."""


def builtin() -> Statistics:
    """The statistics that come with the project."""
    return from_json(json.loads(Path(__file__).with_name(f"{BUILTIN}.json").read_text(encoding="utf-8")))
