"""dataset.json and DATA_CARD.md: what is in a dataset, what made it, its totals. Written last of all."""

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config import BuildConfig, conversation, describe_stages, intake
from pipeline.dataset_json import described as description_of
from pipeline.description.card import CARD, card
from pipeline.description.croissant import croissant
from pipeline.description.described import Described
from pipeline.description.facts import facts_of
from pipeline.licences.combine import combine
from pipeline.totals import recording_totals, split_totals
from schemas.atomic import write_text
from schemas.plain_text import writable
from schemas.recording import FRAME_SAMPLES, SAMPLE_RATE_HZ
from schemas.shard import PackedShard, RecordingRow


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
    description = description_of(out)
    return {name: description[name] for name in _PARTS if name in description}
