"""Licences beside an export: LICENSES.tsv, NOTICE.txt, and what `duplexset build` needs to take it in again."""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from pipeline.audit.notice import notice
from pipeline.audit.written import cell
from pipeline.export.folder import kept_if_same, put_text
from pipeline.licences.fields import FIELDS, FILE_NAME
from pipeline.licences.forms import is_address
from schemas.licence import Licence
from schemas.shard import ClipRow

TABLE: Final = "LICENSES.tsv"
NOTICE: Final = "NOTICE.txt"
MANIFEST: Final = "manifest.csv"
_COLUMNS: Final = (
    *("clip_id", "split", "files", "spdx", "taken", "licence_text", "licence_text_sha256"),
    *("holder", "attribution", "source_url", "retrieved", "evidence", "evidence_sha256", "evidence_date"),
    *("consent", "speakers_consent", "jurisdiction", "retain_until"),
    *("recording_id", "recording", "recording_b", "start_s", "end_s", "sample_sha256"),
)


def write_table(folder: Path, rows: Iterable[ClipRow], files: Callable[[ClipRow], Sequence[str]]) -> None:
    """LICENSES.tsv: a row per clip, with its files (separated by spaces) and where it came from.

    recording_id is the SHA-256 of the recording's bytes, sample_sha256 that of the clip in the dataset's shard;
    start_s and end_s are the clip's place in the recording, seconds. Texts are as a spreadsheet may have them: see
    `pipeline.audit.written.cell`.
    """
    with kept_if_same(folder / TABLE) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, dialect="excel-tab", lineterminator="\n")
        table.writerow(_COLUMNS)
        for row in rows:
            info, licence = row.info, row.info.licence
            values = [
                *(row.clip_id, row.split, " ".join(files(row))),
                *(licence.spdx, licence.taken, licence.licence_text, licence.licence_text_sha256),
                *(licence.holder, licence.attribution, licence.source_url, licence.retrieved),
                *(licence.evidence, licence.evidence_sha256, licence.evidence_date),
                *(licence.consent.value, licence.speakers_consent.value),
                *(",".join(licence.jurisdiction), licence.retain_until),
                *(info.recording_id, info.provenance.uri, info.provenance.uri_b),
                *(info.start_s, info.end_s, row.sha256),
            ]
            table.writerow(map(cell, values))


def write_notice(folder: Path, out: Path, splits: Iterable[str]) -> None:
    """NOTICE.txt: whom the licences ask to credit, and the texts of contracts, as `duplexset audit notice` has them.

    Raises CatalogError.
    """
    with kept_if_same(folder / NOTICE) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in notice(out, tuple(splits)).lines())


def write_sources(folder: Path, rows: Iterable[ClipRow], channel: int, name: Callable[[ClipRow], str]) -> None:
    """manifest.csv, a row per clip as `duplexset build` reads it; LICENSE.toml where one licence is that of all.

    channel: the dataset's channel that is on channel 0 of the file. name: that file, relative to the folder.
    """
    licences: set[Licence] = set()
    with kept_if_same(folder / MANIFEST) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("path", *FIELDS, "speakers", "role_a", "role_b", "language", "transcript"))
        for row in rows:
            path, licence = name(row), row.info.licence
            if len(licences) < 2:
                licences.add(licence)
            first, second = row.info.speakers[channel], row.info.speakers[1 - channel]
            speakers = "" if "|" in first else f"{first}|{second}"
            roles = [row.info.roles[c] or "" for c in (channel, 1 - channel)]
            transcript = str(Path(path).with_suffix(".json"))
            table.writerow((path, *_fields(licence).values(), speakers, *roles, row.info.language or "", transcript))
    fields = _fields(licences.pop()) if len(licences) == 1 else {}
    if fields.get("licence"):
        put_text(folder / FILE_NAME, "".join(f"{key} = {_toml(text)}\n" for key, text in fields.items() if text))
    else:
        (folder / FILE_NAME).unlink(missing_ok=True)


def _fields(licence: Licence) -> dict[str, str]:
    """A licence as a manifest states it; all empty where there is none.

    Evidence that was a file is not in the export: LICENSES.tsv stands for it, with its name and digest, and for a
    licence text.
    """
    if licence.unlicensed:
        return dict.fromkeys(FIELDS, "")
    is_file = licence.evidence is not None and not is_address(licence.evidence)
    special = {
        "licence": licence.spdx,
        "licence_text": "",
        "evidence": TABLE if is_file else licence.evidence or "",
        "evidence_sha256": "" if is_file else licence.evidence_sha256 or "",
        "jurisdiction": ",".join(licence.jurisdiction),
    }
    return {name: special[name] if name in special else str(getattr(licence, name) or "") for name in FIELDS}


def _toml(text: str) -> str:
    """A TOML basic string: JSON's escapes are among TOML's, which wants one more character escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
