"""The indexes of a dataset as a database that can be asked and not changed: DuckDB over the two Parquet files.

Views: `clips` has what an auditor asks in flat columns, and `info` whole; `recordings` is the other index, `losses` a
row for every stretch of a recording that was lost. The database lies in memory, reads these two files and no other,
and its settings are locked. SQL that a person writes goes through `pipeline.catalog_query`.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import UserError

MEMORY: Final = "640MiB"
TIMEOUT_S: Final = 20.0
_LIMITS: Final = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "memory_limit": MEMORY,
    "max_temp_directory_size": "0KB",
    "threads": "2",
}
VIEWS: Final = ("clips", "recordings", "losses")


class CatalogError(UserError):
    """The indexes cannot be asked: what is wrong, and what to do."""


_PATHS: Final = {
    **{
        name: name for name in ("clip_id", "kept", "reason", "detail", "split", "shard", "offset", "length", "sha256")
    },
    **{name: name for name in ("n_frames", "duration_s", "unlicensed")},
    **{name: f"info.{name}" for name in ("recording_id", "start_s", "end_s", "language", "speakers")},
    "stated_speakers": "info.stated_speakers",
    "licence": "info.licence.spdx",
    "commercial_use": "info.licence.rights.commercial_use",
    "derivatives": "info.licence.rights.derivatives",
    "share_alike": "info.licence.rights.share_alike",
    "attribution_required": "info.licence.rights.attribution",
    **{name: f"info.provenance.{name}" for name in ("uri", "uri_b", "container", "layout", "codec", "fingerprint")},
    "separated": "info.provenance.separated",
    "enhanced": "info.provenance.enhanced",
    "overlap_s": "info.quality.overlap_s",
    "silence_s": "info.quality.silence_s",
    "overlap_confidence": "info.quality.overlap_confidence",
    "speech_to_background_db": "info.quality.speech_to_background_db",
    "recogniser": "info.transcript.recogniser",
    "quality": "info.quality",
    "duplicates": "duplicates",
}
"""Column -> where it stands in index/clips.parquet; NULL where a dataset does not have it."""
_MADE: Final = {
    "overlap_share": ("{} / nullif(duration_s, 0)", "info.quality.overlap_s"),
    "silence_share": ("{} / nullif(duration_s, 0)", "info.quality.silence_s"),
    "leakage_db": ("CASE WHEN isfinite(list_max({0})) THEN list_max({0}) END", "info.quality.leakage_db"),
    "level_db": ("CASE WHEN isfinite(list_min({0})) THEN list_min({0}) END", "info.quality.level_db"),
    "speech_s": ("list_sum({})", "info.quality.speech_s"),
    "less_of_speech": ("list_min({0}) / nullif(list_sum({0}), 0)", "info.quality.speech_s"),
    "words": ("list_sum({})::BIGINT", "info.quality.n_words"),
}
"""Column -> what it is made of: shares 0 to 1, the louder leak, the quieter level, words of both channels."""


def open_catalog(out: Path) -> duckdb.DuckDBPyConnection:
    """A connection with the views over OUT's indexes. Raises CatalogError."""
    clips, recordings = (_index(out, name) for name in ("clips", "recordings"))
    withdrawn = sorted(_withdrawn(out / "withdrawn.jsonl"))
    catalog = duckdb.connect(":memory:", config=dict(_LIMITS))
    try:
        catalog.execute(f"SET allowed_paths = [{', '.join(_text(str(path)) for path in (clips, recordings))}]")
        catalog.execute("SET enable_external_access = false")
        catalog.execute("CREATE TABLE withdrawn (clip_id VARCHAR)")
        catalog.execute("INSERT INTO withdrawn SELECT unnest(?::VARCHAR[])", [withdrawn])
        for view, sql in _views(clips, recordings, bool(withdrawn)):
            catalog.execute(f"CREATE VIEW {view} AS {sql}")
        catalog.execute("SET lock_configuration = true")
    except duckdb.Error as error:
        catalog.close()
        raise CatalogError(f"{out}/index: cannot be read ({one_line(error)}); run `duplexset verify`") from error
    return catalog


def _index(out: Path, name: str) -> Path:
    path = out.resolve() / "index" / f"{name}.parquet"
    if not path.is_file():
        raise CatalogError(
            f"{out} has no index/{name}.parquet: it is no dataset, or its build did not end; build again"
        )
    return path


def _withdrawn(path: Path) -> set[str]:
    """Read here once more, since this must start without PyTorch."""
    if not path.is_file():
        return set()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return {str(json.loads(line)["clip_id"]) for line in lines if line.strip()}
    except (ValueError, TypeError, KeyError) as error:
        raise CatalogError(f"{path}: a line is not JSON with a clip_id ({error}); mend it by hand") from error


def _views(clips: Path, recordings: Path, withdrawn: bool) -> Iterator[tuple[str, str]]:
    source = f"read_parquet({_text(str(clips))}, file_row_number = true)"
    yield "clips", f"SELECT {', '.join(_columns(_schema(clips), withdrawn))} FROM {source} AS c"
    yield "recordings", f"SELECT *, [one.reason FOR one IN lost] AS reasons FROM {_file(recordings)}"
    lost = f"SELECT uri, recording_id, licence, unnest(lost) AS loss FROM {_file(recordings)}"
    parts = "loss.stage AS stage, loss.reason AS reason, loss.detail AS detail, loss.start_s AS start_s"
    times = "loss.end_s AS end_s, loss.end_s - loss.start_s AS length_s"
    yield "losses", f"SELECT uri, recording_id, licence, {parts}, {times} FROM ({lost})"


def _columns(schema: pa.Schema, withdrawn: bool) -> Iterator[str]:
    """The columns of `clips`; what is said of a licence is taken whatever its fields are."""
    licence = _field(schema, "info.licence")
    stated = {f.name: f"info.licence.{f.name}" for f in (licence or []) if f.name not in ("spdx", "rights")}
    taken = {f"licence_{name}" if name in _PATHS else name: path for name, path in stated.items()}
    for name, path in {**_PATHS, **taken, "rights": "info.licence.rights"}.items():
        yield f"{_sql(path) if _field(schema, path) is not None else 'NULL'} AS {name}"
    for name, (form, path) in _MADE.items():
        yield f"{form.format(_sql(path)) if _field(schema, path) is not None else 'NULL'} AS {name}"
    yield f"{'clip_id IN (SELECT clip_id FROM withdrawn)' if withdrawn else 'false'} AS withdrawn"
    yield "file_row_number"
    yield "info"


def _schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise CatalogError(f"{path} cannot be read ({one_line(error)}); check it with `duplexset verify`") from error


def _field(schema: pa.Schema, path: str) -> pa.DataType | None:
    """The type at a path such as `info.licence.spdx`; None where there is none."""
    at: Any = pa.struct(list(schema))
    for name in path.split("."):
        if not pa.types.is_struct(at) or at.get_field_index(name) < 0:
            return None
        at = at.field(name).type
    return at


def _sql(path: str) -> str:
    return "c." + ".".join(f'"{name}"' for name in path.split("."))


def _file(path: Path) -> str:
    return f"read_parquet({_text(str(path))})"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def one_line(error: BaseException) -> str:
    """The first line of what a library says, without characters that a terminal obeys."""
    line = next(iter(str(error).splitlines()), "") or type(error).__name__
    return "".join(letter if letter.isprintable() else " " for letter in line)[:400]


@contextmanager
def bounded(catalog: duckdb.DuckDBPyConnection, seconds: float = TIMEOUT_S) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor whose work is broken off after a time. Raises CatalogError for what the database refuses."""
    cursor = catalog.cursor()
    timer = threading.Timer(seconds, cursor.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield cursor
    except duckdb.InterruptException as error:
        raise CatalogError(f"the index could not answer within {seconds:g} s: ask for less") from error
    except duckdb.Error as error:
        raise CatalogError(f"the index cannot answer: {one_line(error)}") from error
    finally:
        timer.cancel()
        cursor.close()
