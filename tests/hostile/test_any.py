"""What holds of anything at all, whoever made it: it is read as it stands, or refused in a line."""

import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.sample_files import SampleError, array_of, codes_of, facts_of, read_files, words_of
from model.shards import Dataset
from pipeline.browse.filters import CHOICES, FLAGS, RANGES, filter_of
from pipeline.catalog import open_catalog
from pipeline.catalog_query import ask
from pipeline.dataset_json import listed_files, read_description
from pipeline.index import clip_columns, kept_clips
from pipeline.licences.expressions import normalise, taken_of
from pipeline.licences.policy_file import policy_of
from pipeline.manifest import COLUMNS, read_manifest
from pipeline.report.clips import clips_of
from pipeline.visible import printable, shown
from schemas.arrow import schema_of, to_dict
from schemas.clip import Clip
from schemas.errors import UserError
from schemas.recording import Recording
from schemas.shard import ClipRow, Split
from schemas.withdrawn import parse_withdrawn
from stages.pack import sample_files, tar_entry
from stages.transcripts.read import SUFFIXES, read_transcript
from tests.hostile.inputs import TEXTS
from tests.hostile.judge import OBEYED, judge_line, snapshot

MakeRecording = Callable[..., Recording]
MakeClip = Callable[..., Clip]
ANYTHING = settings(
    max_examples=1_000 if os.environ.get("HOSTILE") == "all" else 60, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
NUMBERS = st.one_of(st.floats(), st.integers(-(2**63), 2**63 - 1))
TEXT = st.one_of(st.text(max_size=60), st.sampled_from(list(TEXTS.values())).map(lambda text: text[:300]))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)
WORDS = st.sampled_from(
    ["SELECT", "*", "FROM", "clips", "info", "(", ")", ",", "'", '"', ";", "--", "UNION", "read_text",
     "'/etc/passwd'",
     "COPY", "TO", "ATTACH", "PRAGMA", "SET", "1", "/", "count(*)", "WHERE", "licence", "=", "range(9)", "INSTALL",
     "httpfs", "glob('/*')", "EXPLAIN", "WITH", "AS", "x", "recordings", "losses", "getenv('HOME')", "LIMIT", "NULL"]
)  # fmt: skip


def refused(read: Callable[[], object]) -> bool:
    """Whether it is refused; only ever in a line."""
    try:
        found = read()
        if isinstance(found, Iterator):
            list(found)
    except UserError as error:
        judge_line(error)
        return True
    return False


@pytest.fixture
def row(make_recording: MakeRecording, make_clip: MakeClip) -> ClipRow:
    """A clip that is kept, with everything a row can have."""
    info = make_clip(make_recording("a"), 0, 100).info
    return ClipRow(
        clip_id=info.clip_id, kept=True, reason=None, split=Split.TRAIN, shard="train-00000.tar", offset=0,
        length=1_024, sha256="0" * 64, n_frames=100, duration_s=8.0, unlicensed=False, info=info,
    )  # fmt: skip


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the single values of a row or a JSON lie."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if isinstance(inner, (dict, list)) and inner:
            yield from leaves(inner, (*path, key))
        yield (*path, key)


def forged(whole: Any, path: tuple[Any, ...], value: object) -> Any:
    """A copy with another value at one place."""
    copy = json.loads(json.dumps(whole))
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return copy


@ANYTHING
@given(data=st.data())
def test_a_row_of_the_index(tmp_path: Path, row: ClipRow, data: st.DataObject) -> None:
    whole = to_dict(row)
    path = data.draw(st.sampled_from(sorted(leaves(whole), key=str)))
    value = data.draw(st.one_of(NUMBERS, TEXT, st.none(), st.lists(NUMBERS, max_size=3), st.booleans()))
    (tmp_path / "index").mkdir(exist_ok=True)
    try:
        table = pa.Table.from_pylist([forged(whole, path, value)], schema=schema_of(ClipRow))
        pq.write_table(table, tmp_path / "index" / "clips.parquet")
    except (pa.ArrowException, TypeError, UnicodeEncodeError, OverflowError):
        return  # no Parquet file of these columns has it
    if not refused(lambda: kept_clips(tmp_path)):
        clips_of(tmp_path, frozenset())
    refused(lambda: clip_columns(tmp_path, ["clip_id", "kept", "shard"]))
    refused(lambda: Dataset(tmp_path).index("train"))


@ANYTHING
@given(data=st.data())
def test_a_shard(
    make_recording: Callable[..., Recording], make_clip: Callable[..., Clip], data: st.DataObject
) -> None:
    """Bytes of a sample changed anywhere: the files that are found are the clip's, inside of it, or none is."""
    clip = make_clip(make_recording("a"), 0, 5)
    name = clip.info.clip_id
    whole = bytearray(b"".join(tar_entry(f"{name}.{suffix}", content) for suffix, content in sample_files(clip)))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=6)):
        whole[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    for sample, length in ((bytes(whole), len(whole)), (bytes(whole[:cut]), len(whole))):
        try:
            files = read_files(io.BytesIO(sample), name, 0, length)
            assert all(content in sample for content in files.values())
            codes_of(files["codes.npy"], 5)
            words_of(files["words.json"])
            facts_of(files["json"])
        except (SampleError, KeyError) as error:
            judge_line(error)


@ANYTHING
@given(npy=st.one_of(st.binary(max_size=300), st.text(max_size=100).map(
    lambda head: b"\x93NUMPY\1\0" + len(head.encode()).to_bytes(2, "little") + head.encode())))  # fmt: skip
def test_an_array(npy: bytes) -> None:
    with pytest.raises(SampleError) as error:
        array_of(npy, np.int16, (2, 8, 1_000))
    judge_line(error.value)


@ANYTHING
@given(value=JSON, raw=st.binary(max_size=50))
def test_words(value: object, raw: bytes) -> None:
    for data in (json.dumps(value).encode("ascii"), raw):
        try:
            for words in words_of(data):
                for text, *numbers in words:
                    text.encode()
                    assert np.isfinite(numbers).all()
        except SampleError as error:
            judge_line(error)


@ANYTHING
@given(data=st.data())
def test_a_description(tmp_path: Path, data: st.DataObject) -> None:
    part = {"fingerprint": "f", "software": "duplexset 1",
            "configuration": {"codec": "builtin", "split_percent": [1]},
            "weights": {"builtin": "0"}, "stages": [{"stage": "a", "version": "1"}],
            "totals": {"recordings": {}, "splits": {"train": {"clips": 1}}}}  # fmt: skip
    files = [{"contentUrl": "shards/a.tar", "sha256": "0" * 64, "contentSize": "9 B"}]
    whole = {"duplexset": part, "distribution": files}
    path = data.draw(st.sampled_from(sorted(leaves(whole), key=str)))
    (tmp_path / "dataset.json").write_text(json.dumps(forged(whole, path, data.draw(JSON))))
    for read in (read_description, listed_files):
        if not refused(lambda read=read: read(tmp_path)):  # type: ignore[misc]
            read(tmp_path)
    if not refused(lambda: listed_files(tmp_path)):
        assert all((tmp_path / name).resolve().is_relative_to(tmp_path) for name in listed_files(tmp_path))


@ANYTHING
@given(lines=st.lists(st.one_of(JSON.map(json.dumps), TEXT, st.dictionaries(
    st.sampled_from(["clip_id", "recording_id", "licence", "withdrawal", "state", "salt", "shards"]), JSON).map(
    json.dumps)), max_size=4))  # fmt: skip
def test_withdrawals(lines: list[str]) -> None:
    refused(lambda: parse_withdrawn("\n".join(lines), "withdrawn.jsonl"))


@ANYTHING
@given(rows=st.lists(st.dictionaries(st.sampled_from(COLUMNS), TEXT, min_size=1), max_size=3), text=TEXT)
def test_a_manifest(tmp_path: Path, rows: list[dict[str, str]], text: str) -> None:
    inside = tmp_path / "in"
    inside.mkdir(exist_ok=True)
    lines = "\n".join(json.dumps({"path": "a.wav", **row}) for row in rows)
    for name, content in (("m.jsonl", lines), ("m.csv", text), ("n.jsonl", text)):
        (inside / name).write_bytes(content.encode("utf-8", "surrogatepass"))
        for found in _rows(inside / name):
            if "://" not in found.values["path"] and not found.fault:
                assert Path(os.path.normpath(inside / found.values["path"])).is_relative_to(inside)


def _rows(path: Path) -> list[Any]:
    try:
        return list(read_manifest(path))
    except UserError as error:
        judge_line(error)
        return []


@ANYTHING
@given(text=st.one_of(TEXT, st.lists(st.sampled_from(
    ["CC-BY-4.0", "MIT", "AND", "OR", "WITH", "(", ")", "+", "LicenseRef-a", "cc by", "GPL-2.0-or-later"]),
    max_size=9).map(" ".join)))  # fmt: skip
def test_a_licence(text: str) -> None:
    """What is taken for a licence stays the same licence when it is read again."""
    if not refused(lambda: normalise(text)):
        name = normalise(text)
        assert normalise(name) == name
        assert taken_of(name)


@ANYTHING
@given(text=st.one_of(TEXT, st.dictionaries(st.sampled_from(["allow", "deny", "require", "name"]), JSON).map(
    lambda table: "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items()))))  # fmt: skip
def test_a_policy(text: str) -> None:
    refused(lambda: policy_of(text, "mine.toml"))


@ANYTHING
@given(
    suffix=st.sampled_from(SUFFIXES),
    content=st.one_of(st.binary(max_size=200), JSON.map(json.dumps).map(str.encode), TEXT.map(
        lambda text: text.encode("utf-8", "surrogatepass"))),
    duration_s=st.sampled_from([None, 5.0]),
)  # fmt: skip
def test_a_transcript(tmp_path: Path, suffix: str, content: bytes, duration_s: float | None) -> None:
    path = tmp_path / f"talk{suffix}"
    path.write_bytes(content)
    refused(lambda: read_transcript(path, recording="talk", duration_s=duration_s))


@ANYTHING
@given(
    asked=st.lists(st.tuples(st.sampled_from([*CHOICES, *RANGES, *FLAGS, "text", "sort", "page"]), TEXT), max_size=4)
)
def test_a_filter(asked: list[tuple[str, str]]) -> None:
    """What it asks for goes to the database as values, never as SQL."""
    if not refused(lambda: filter_of(asked)):
        for condition in filter_of(asked).conditions:
            assert not any(len(value) > 3 and value in condition.sql for _, value in asked if " " in value)


@ANYTHING
@given(text=st.text())
def test_what_is_printed(text: str) -> None:
    for line in (printable(text), shown(text)):
        assert not OBEYED.search(line)
        assert len(line.splitlines()) <= 1


@pytest.fixture(scope="module")
def _catalogs() -> Iterator[list[duckdb.DuckDBPyConnection]]:
    made: list[duckdb.DuckDBPyConnection] = []
    yield made
    for catalog in made:
        catalog.close()


@ANYTHING
@given(sql=st.one_of(st.lists(WORDS, max_size=14).map(" ".join), st.text(max_size=80)))
def test_a_question(world: Any, _catalogs: list[duckdb.DuckDBPyConnection], sql: str) -> None:
    if not _catalogs:
        _catalogs.append(open_catalog(world.out))
    before = snapshot(world.out)
    refused(lambda: ask(_catalogs[0], sql, 5, 2.0))
    assert snapshot(world.out) == before
