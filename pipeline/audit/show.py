"""show: one clip back to the bytes of its source, with what proves it, and whether those bytes are still there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.audit.clip_bytes import shard_fault, source_fault
from pipeline.audit.clip_steps import (
    changed,
    evidence_files,
    licence_facts,
    network_facts,
    speakers,
    stage_facts,
    words,
)
from pipeline.catalog import bounded, index_file, open_catalog, root_of
from pipeline.catalog_row import row_at
from pipeline.clip_trace import Fact, Step, trace
from pipeline.dataset_json import read_description
from pipeline.licences.evidence import Kept, kept_state
from pipeline.visible import shown
from schemas.errors import UserError
from schemas.rejection import Reason


class ShowError(UserError):
    """A clip that cannot be shown; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """`record`: its row of the index, with `withdrawn`. `faults`: bytes that are not those of the index."""

    record: dict[str, Any]
    steps: tuple[Step, ...]
    faults: tuple[str, ...]

    def written(self) -> dict[str, Any]:
        """As JSON: the steps, the faults, and the row itself."""
        facts = [{"title": s.title, "facts": [{"name": n, "value": v} for n, v in s.facts]} for s in self.steps]
        return {
            "clip_id": self.record["clip_id"],
            "steps": facts,
            "faults": list(self.faults),
            "record": self.record,
        }


def show(out: Path, clip: str, source: Sequence[Path] = ()) -> Clip:
    """Everything of a clip, by its id or how that begins. source: the recording's file, both of a pair.

    Raises CatalogError, ShowError, SourceError, DescriptionError, BrowseError.
    """
    record, root = record_of(out, clip), root_of(out)
    description, info = read_description(root_of(out)), record["info"]
    chain = trace(record)
    gone = not record["kept"] and record["reason"] == Reason.WITHDRAWN
    faults = list(_faults(root, record, source))
    standing = tuple(_standing(record, faults[0][1] if record["kept"] else None))
    compared = [(name, fault or "the same, byte for byte") for name, fault in faults if name == "source file"]
    steps = (
        chain[0],
        Step(chain[1].title, (*chain[1].facts, *compared)),
        chain[2],
        Step("Licence", tuple(licence_facts(root, info["licence"], gone=gone))),
        speakers(info),
        Step("Stages", tuple(stage_facts(description, info))),
        Step("Networks", tuple(network_facts(description, info))),
        changed(info),
        words(info),
        Step(chain[-1].title, (*chain[-1].facts, *standing)),
    )
    return Clip(record=record, steps=steps, faults=tuple(f"{name}: {fault}" for name, fault in faults if fault))


def record_of(out: Path, clip: str) -> dict[str, Any]:
    """The row of a clip by its id or how that begins, with `withdrawn`. Raises CatalogError, ShowError."""
    catalog, wanted = open_catalog(out), clip.strip().lower()
    try:
        with bounded(catalog, 60.0) as cursor:
            sql = "SELECT clip_id, file_row_number, withdrawn FROM clips WHERE starts_with(clip_id, ?) LIMIT 6"
            found = cursor.execute(sql, [wanted]).fetchall() if wanted else []
    finally:
        catalog.close()
    if not found:
        raise ShowError(f"{out} has no clip {shown(clip, 40)!r}: give its id, or how it begins")
    if len(found) > 1:
        some = ", ".join(shown(one, 40) for one, _, _ in found[:5])
        raise ShowError(f"several clips begin with {wanted} ({some}{', ...' * (len(found) > 5)}): give more of it")
    with pq.ParquetFile(index_file(out, "clips"), pre_buffer=False) as file:
        return {**row_at(file, found[0][1]), "withdrawn": found[0][2]}


def _faults(root: Path, record: Mapping[str, Any], source: Sequence[Path]) -> Iterator[tuple[str, str | None]]:
    """(what was looked at, what is wrong with it or None): the shard first, of a clip that lies in one."""
    if record["kept"]:
        yield "bytes in the shard", shard_fault(root, record)
    for name in evidence_files(record["info"]["licence"]):
        state = kept_state(root, name)
        yield f"evidence/{name}", None if state is Kept.WHOLE else state.value
    if source:
        yield "source file", source_fault(record, source)


def _standing(record: Mapping[str, Any], fault: str | None) -> Iterator[Fact]:
    """What the clip may be used for no longer, and whether its bytes are there."""
    if record["withdrawn"]:
        yield "withdrawn", "yes: withdrawn.jsonl names it; it may no longer be used"
    if record["kept"]:
        yield "bytes in the shard", fault or "as the index says: their SHA-256 is the same"
    for other in record.get("duplicates") or []:
        yield "shares sound with", f"clip {other['clip_id']}, {100 * other['likeness']:.0f} % of its speech"
