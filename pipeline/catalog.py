"""The indexes of a dataset as a database that can be asked and not changed: DuckDB over the two Parquet files.

Views: `clips` has what an auditor asks in flat columns, and `info` whole; `recordings` is the other index, `losses` a
row for every stretch of a recording that was lost. The database lies in memory, reads these two files and no other,
and its settings are locked. SQL that a person writes goes through `pipeline.catalog_query`.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import duckdb

from schemas.errors import UserError
from schemas.licence import Licence
from schemas.withdrawn import NAME, clips_of, text_of

MEMORY: Final = "640MiB"
TIMEOUT_S: Final = 20.0
_LIMITS: Final = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "memory_limit": MEMORY,
    "max_temp_directory_size": "0KB",
    "temp_directory": "",  # else DuckDB lets files in ./.tmp be read
    "threads": "2",
}
_Schema = dict[str, Any]
"""Name -> the names below it, none of what is no struct."""
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
_LISTS: Final = ("speakers", "stated_speakers", "jurisdiction")
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


def open_catalog(out: Path, *, ordered: bool = True) -> duckdb.DuckDBPyConnection:
    """A connection with the views over OUT's indexes. Raises CatalogError.

    ordered: rows of a question without ORDER BY come as in the index; else as they are read, which is faster.
    """
    return open_catalogs({"main": out}, ordered=ordered)


def open_catalogs(folders: Mapping[str, Path], *, ordered: bool = True) -> duckdb.DuckDBPyConnection:
    """The same of several datasets at once, the views of each in a schema of its name. Raises CatalogError."""
    files = {name: [index_file(out, index) for index in ("clips", "recordings")] for name, out in folders.items()}
    withdrawn = {name: _withdrawn(root_of(out) / NAME) for name, out in folders.items()}
    catalog = duckdb.connect(":memory:", config={**_LIMITS, "preserve_insertion_order": str(ordered).lower()})
    at = next(iter(folders.values()))
    try:
        paths = sorted({str(path) for pair in files.values() for path in pair})
        catalog.execute(f"SET allowed_paths = [{', '.join(map(_text, paths))}]")
        catalog.execute("SET enable_external_access = false")
        catalog.execute("SET parquet_metadata_cache = true")
        for name, (clips, recordings) in files.items():
            at = folders[name]
            catalog.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
            catalog.execute(f"CREATE TABLE {name}.withdrawn (clip_id VARCHAR)")
            catalog.execute(f"INSERT INTO {name}.withdrawn SELECT unnest(?::VARCHAR[])", [withdrawn[name]])
            gone = f"{name}.withdrawn" if withdrawn[name] else ""
            for view, sql in _views(_schema(catalog, clips), clips, recordings, gone):
                catalog.execute(f"CREATE VIEW {name}.{view} AS {sql}")
        catalog.execute("SET lock_configuration = true")
    except duckdb.Error as error:
        catalog.close()
        raise CatalogError(f"{at}/index: cannot be read ({one_line(error)}); run `duplexset verify`") from error
    return catalog


def root_of(out: Path) -> Path:
    """The folder that holds a dataset's files: OUT, also where its `index` is given; a copy of an index itself."""
    return out.resolve().parent if out.resolve().name == "index" and (out / "clips.parquet").is_file() else out


def index_file(out: Path, name: str) -> Path:
    """The file of an index, "clips" or "recordings". Raises CatalogError where there is none."""
    folder = root_of(out).resolve()
    for path in (folder / "index" / f"{name}.parquet", folder / f"{name}.parquet"):
        if path.is_file():
            return path
    if out.is_file():
        raise CatalogError(f"{out} is a file: give the OUT folder of a build")
    raise CatalogError(f"{out} has no index/{name}.parquet: it is no dataset, or its build did not end; build again")


def _withdrawn(path: Path) -> list[str]:
    return sorted(clips_of(text_of(path), str(path)))


def _views(schema: _Schema, clips: Path, recordings: Path, withdrawn: str) -> Iterator[tuple[str, str]]:
    """schema: of the index of clips. withdrawn: the table of what is withdrawn, "" where nothing is."""
    source = f"read_parquet({_text(str(clips))}, file_row_number = true)"
    yield "clips", f"SELECT {', '.join(_columns(schema, withdrawn))} FROM {source} AS c"
    yield "recordings", f"SELECT *, [one.reason FOR one IN lost] AS reasons FROM {_file(recordings)}"
    lost = f"SELECT uri, recording_id, licence, unnest(lost) AS loss FROM {_file(recordings)}"
    parts = "loss.stage AS stage, loss.reason AS reason, loss.detail AS detail, loss.start_s AS start_s"
    times = "loss.end_s AS end_s, loss.end_s - loss.start_s AS length_s"
    yield "losses", f"SELECT uri, recording_id, licence, {parts}, {times} FROM ({lost})"


def _columns(schema: _Schema, withdrawn: str) -> Iterator[str]:
    """The columns of `clips`; what is said of a licence is taken whatever its fields are."""
    names = dict.fromkeys([*(f.name for f in fields(Licence)), *(_field(schema, "info.licence") or ())])
    stated = {name: f"info.licence.{name}" for name in names if name not in ("spdx", "rights")}
    taken = {f"licence_{name}" if name in _PATHS else name: path for name, path in stated.items()}
    for name, path in {**_PATHS, **taken, "rights": "info.licence.rights"}.items():
        lacking = "NULL::VARCHAR[]" if name in _LISTS else "NULL"
        yield f"{_sql(path) if _field(schema, path) is not None else lacking} AS {name}"
    for name, (form, path) in _MADE.items():
        yield f"{form.format(_sql(path)) if _field(schema, path) is not None else 'NULL'} AS {name}"
    yield f"{'clip_id IN (SELECT clip_id FROM ' + withdrawn + ')' if withdrawn else 'false'} AS withdrawn"
    yield "file_row_number"
    yield "info"


def _schema(catalog: duckdb.DuckDBPyConnection, path: Path) -> _Schema:
    """The names in a Parquet file, those in structs below them."""
    found = catalog.sql(f"SELECT * FROM {_file(path)}")
    return {name: _names(kind) for name, kind in zip(found.columns, found.types, strict=True)}


def _names(kind: Any) -> _Schema:
    return {name: _names(inner) for name, inner in kind.children} if kind.id == "struct" else {}


def _field(schema: _Schema, path: str) -> _Schema | None:
    """What is below a path such as `info.licence.spdx`; None where there is no such path."""
    at: _Schema | None = schema
    for name in path.split("."):
        at = None if at is None else at.get(name)
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
        damaged = type(error) is duckdb.Error or isinstance(error, duckdb.IOException | duckdb.SerializationException)
        what = "; check the dataset with `duplexset verify`" if damaged else ""
        raise CatalogError(f"the index cannot answer: {one_line(error)}{what}") from error
    finally:
        timer.cancel()
        cursor.close()
