"""Write the provenance of a clip, or of every clip of a dataset, whatever its size."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.audit.show import record_of
from pipeline.audit.written import STDOUT, check_targets
from pipeline.catalog import CatalogError, index_file, one_line, root_of
from pipeline.dataset_json import listed_files, read_description, read_whole
from pipeline.provenance.chain import PREFIXES, Chain
from pipeline.provenance.document import Document, name
from schemas.atomic import whole_file

_ROWS: Final = 500
_COLUMNS: Final = (
    *("clip_id", "kept", "reason", "split", "shard", "sha256", "n_frames", "duration_s"),
    *(f"info.{part}" for part in ("recording_id", "start_s", "end_s", "licence", "provenance", "transcript.file")),
    "info.voices.list.element.clip_id",
)


def write_provenance(out: Path, clip: str | None, target: str) -> None:
    """PROV-JSON of a clip, by its id or how that begins, or of all; target: a file, or `-` for standard output.

    Raises CatalogError, ShowError, DescriptionError, OutputError, OSError.
    """
    check_targets(to=target)
    rows = [record_of(out, clip)] if clip is not None else _rows(index_file(out, "clips"))
    with Document(PREFIXES) as document:
        _fill(document, rows, _description(root_of(out)), whole=clip is None)
        if target == STDOUT:
            document.write(sys.stdout)
            return
        with whole_file(Path(target)) as temporary, temporary.open("w", encoding="ascii") as file:
            document.write(file)


def _fill(
    document: Document, rows: Iterable[Mapping[str, Any]], description: Mapping[str, Any], *, whole: bool
) -> None:
    """whole: all clips are there, so that every stretch is described by its own."""
    chain = Chain(document, description)
    chain.making()
    for row in rows:
        chain.clip(row)
        if not whole:
            others = {voice["clip_id"] for voice in row["info"].get("voices") or ()} - {row["clip_id"]}
            for other in sorted(others):
                document.add("entity", name("stretch", other))


def _description(root: Path) -> Mapping[str, Any]:
    """dataset.json whole, looked at; nothing where it is not there. Raises DescriptionError."""
    if read_description(root) is None:
        return {}
    listed_files(root)
    return read_whole(root) or {}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of the index, with what the document needs of them. Raises CatalogError."""
    try:
        with pq.ParquetFile(path) as file:
            kinds = {column.name: column.type for column in file.schema_arrow}
            if kinds.get("clip_id") != pa.string() or not pa.types.is_struct(kinds.get("info", pa.null())):
                raise CatalogError(f"{path} is no index of clips: check it with `duplexset verify`")
            for batch in file.iter_batches(batch_size=_ROWS, columns=list(_COLUMNS), use_threads=False):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise CatalogError(f"{path} cannot be read ({one_line(error)}): check it with `duplexset verify`") from error
