"""Manifests: CSV, JSON Lines or Parquet, one row per recording."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.licences.fields import FIELDS
from schemas.errors import UserError
from schemas.plain_text import fault_of, writable

COLUMNS = ("path", "path_b", "channels", *FIELDS, "speakers", "role_a", "role_b", "language", "transcript")
SUFFIXES = (".csv", ".jsonl", ".parquet")
_OF_LINES = ("role_a", "role_b")


class ManifestError(UserError):
    """A manifest that cannot be used; the message says which line and what is accepted."""


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """The text of each column of one row ("" where there is none); `origin` names the row for messages.

    `fault`: why its texts cannot be used, None where they can; the fields of licences are looked at elsewhere.
    """

    origin: str
    values: dict[str, str]
    fault: str | None = None


def read_manifest(path: Path) -> Iterator[ManifestRow]:
    """The rows of a manifest. Raises ManifestError for what cannot be read, unknown columns and rows without path."""
    readers = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}
    try:
        for where, values in readers[path.suffix](path):
            texts = _checked(f"{path} {where}", values)
            shown = {name: text if name in FIELDS else writable(text) for name, text in texts.items()}
            yield ManifestRow(writable(f"{path.name} {where}"), shown, _fault(texts))
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"
        ) from error


def _checked(where: str, values: dict[str, Any]) -> dict[str, str]:
    unknown = sorted(str(name) for name in values if name not in COLUMNS)
    if unknown:
        raise ManifestError(f"{where}: unknown column {unknown[0]!r}; known are {', '.join(COLUMNS)}")
    texts = {name: "" if value is None else str(value).strip() for name, value in values.items()}
    if not texts.get("path"):
        raise ManifestError(f"{where}: no path: each row needs the path or URI of its recording")
    return texts


def _fault(texts: dict[str, str]) -> str | None:
    for name, text in texts.items():
        fault = None if name in FIELDS else fault_of(text, allowed="\t\n\r" if name in _OF_LINES else "\t")
        if fault:
            return f"{name} {fault}: write it as plain text"
    return None


def _csv(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restkey="(more fields than columns)", strict=True)
        try:
            for row in reader:
                yield f"line {reader.line_num}", row
        except csv.Error as error:
            raise ManifestError(f"{path} line {reader.line_num}: not CSV ({error})") from error


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ManifestError(f"{path} line {number}: not JSON ({error.msg})") from error
            if not isinstance(row, dict):
                raise ManifestError(f"{path} line {number}: not a JSON object")
            yield f"line {number}", row


def _parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except pa.ArrowInvalid as error:
        raise ManifestError(f"{path} is not Parquet ({error})") from error
