"""Manifests: CSV, JSON Lines or Parquet, one row per recording."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.licences.fields import FIELDS
from schemas.errors import UserError
from schemas.plain_text import fault_of, writable
from stages.transcripts.beside import is_inside

COLUMNS = ("path", "path_b", "channels", *FIELDS, "speakers", "role_a", "role_b", "language", "transcript")
SUFFIXES = (".csv", ".jsonl", ".parquet")
_OF_LINES = ("role_a", "role_b")
_CELL = 100_000  # characters
_PATH, _NAME = 4_000, 255  # characters that no file system takes more of
_LINE = 10_000_000
_ROW_GROUP = 1 << 30  # bytes, unpacked
_ROWS = 64  # of Parquet, in memory


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


def read_manifest(path: Path, roots: Sequence[Path] = ()) -> Iterator[ManifestRow]:
    """The rows of a manifest, which may name files in its folder and in `roots`.

    Raises ManifestError for what cannot be read, unknown columns and rows without path.
    """
    readers = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}
    try:
        for where, values in readers[path.suffix](path):
            texts = _checked(f"{path} {where}", values)
            shown = {name: text if name in FIELDS else writable(text) for name, text in texts.items()}
            fault = _fault(texts) or _outside(texts, path.parent, roots)
            yield ManifestRow(writable(f"{path.name} {where}"), shown, fault)
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"
        ) from error


def _checked(where: str, values: dict[str, Any]) -> dict[str, str]:
    unknown = sorted(str(name) for name in values if name not in COLUMNS)
    if unknown:
        raise ManifestError(f"{where}: unknown column {unknown[0]!r}; known are {', '.join(COLUMNS)}")
    texts = {name: "" if value is None else str(value).strip() for name, value in values.items()}
    if long := [name for name, text in texts.items() if len(text) > _CELL]:
        raise ManifestError(f"{where}: {long[0]} has {len(texts[long[0]]):,} characters: {_CELL:,} at most")
    if not texts.get("path"):
        raise ManifestError(f"{where}: no path: each row needs the path or URI of its recording")
    return texts


def _fault(texts: dict[str, str]) -> str | None:
    for name, text in texts.items():
        fault = None if name in FIELDS else fault_of(text, allowed="\t\n\r" if name in _OF_LINES else "\t")
        if fault:
            return f"{name} {fault}: write it as plain text"
    return None


def _outside(texts: dict[str, str], base: Path, more: Sequence[Path]) -> str | None:
    """What leads out of the manifest's folder and of `more`; a transcript by a link, too: its words would be told.

    Links to recordings are followed: that is how a corpus lies in several places.
    """
    roots = [base.absolute(), *(root.absolute() for root in more)]
    named = [(name, text) for name in ("path", "path_b") if (text := texts.get(name))]
    for name, text in named:
        if "://" not in text and (len(text) > _PATH or max(map(len, text.split("/"))) > _NAME):
            return f"{name} is longer than the path of a file can be"
    for name, text in [*named, *(("transcript", part) for part in parts_of(texts.get("transcript", "")))]:
        path = roots[0] / text
        by_links = name == "transcript" or ".." in path.parts
        inside = any(is_inside(path, root) if by_links else path.is_relative_to(root) for root in roots)
        if "://" not in text and not inside:
            return (
                f"{name} {text!r} leads out of the manifest's folder: put it there, or the manifest above it, "
                "or allow its folder with --root"
            )
    return None


def parts_of(text: str) -> list[str]:
    """The transcripts that a row names. What is no path is kept: it costs the recording its words, nothing else."""
    return [part.strip() for part in text.split("|") if part.strip()] or [text] * bool(text)


def _csv(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(_lines(path, file), restkey="(more fields than columns)", strict=True)
        try:
            _require_once(str(path), reader.fieldnames or ())
            for row in reader:
                yield f"line {reader.line_num}", row
        except csv.Error as error:
            raise ManifestError(f"{path} line {reader.line_num}: not CSV ({error})") from error


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    """The lines of a file, of which none is held that never ends."""
    while line := file.readline(_LINE):
        if len(line) == _LINE:
            raise ManifestError(f"{path}: a line has {_LINE:,} characters or more: is it a manifest?")
        yield line


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(_lines(path, file), start=1):
            if not line.strip():
                continue
            where = f"{path} line {number}"
            try:
                row = json.loads(line, object_pairs_hook=partial(_object, where))
            except json.JSONDecodeError as error:
                raise ManifestError(f"{where}: not JSON ({error.msg})") from error
            except ValueError as error:  # of 5,000 digits
                raise ManifestError(f"{where}: has a number too long to be read: correct it") from error
            except RecursionError as error:
                raise ManifestError(f"{where}: has too many brackets inside one another: correct it") from error
            if not isinstance(row, dict):
                raise ManifestError(f"{where}: not a JSON object")
            yield f"line {number}", row


def _object(where: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _require_once(where, [name for name, _ in pairs])
    return dict(pairs)


def _require_once(where: str, names: Sequence[str]) -> None:
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise ManifestError(f"{where}: {twice[0]!r} is there {names.count(twice[0])} times: keep one")


def _parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        with pq.ParquetFile(path) as file:
            _require_once(str(path), file.schema_arrow.names)
            groups = [file.metadata.row_group(at).total_byte_size for at in range(file.num_row_groups)]
            if max(groups, default=0) > _ROW_GROUP:
                raise ManifestError(f"{path} unpacks to {max(groups) >> 20:,} MiB at once: write smaller row groups")
            number = 0
            for batch in file.iter_batches(_ROWS):
                for at in range(batch.num_rows):
                    number += 1
                    yield f"row {number}", _row(f"{path} row {number}", batch.slice(at, 1))
    except pa.ArrowInvalid as error:
        raise ManifestError(f"{path} is not Parquet ({error})") from error
    except (pa.ArrowException, OSError) as error:
        raise ManifestError(f"{path} cannot be read ({error}): write it again") from error


def _row(where: str, one: pa.RecordBatch) -> dict[str, Any]:
    try:
        (row,) = one.to_pylist()
    except (OverflowError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise
        raise ManifestError(f"{where}: a value cannot be read ({error}): write it as text") from error
    return dict(row)
