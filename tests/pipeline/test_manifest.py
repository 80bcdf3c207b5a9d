"""Manifests as sources: every kind says the same, a wrong row costs itself, a broken file is one line."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.manifest import ManifestError
from pipeline.sources import read_sources
from schemas.rejection import Reason
from tests.pipeline.test_sources import touch

NONE: dict[str, str | None] = {}


ROWS = [
    {"path": "a.wav", "licence": "CC0-1.0", "speakers": "anna|ben", "language": "en", "channels": "2,3"},
    {"path": "l.wav", "path_b": "r.wav", "licence": "", "transcript": "t/x.json"},
    {"path": "s3://bucket/c.wav", "licence": "CC-BY-4.0"},
]


def write_manifest(path: Path, rows: list[dict[str, str]]) -> Path:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".csv":
        lines = [",".join(columns)] + [",".join(f'"{row.get(c, "")}"' for c in columns) for row in rows]
        path.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("\n\n".join(json.dumps(row) for row in rows))
    else:
        pq.write_table(pa.table({c: [row.get(c) for row in rows] for c in columns}), path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_every_kind_of_manifest_says_the_same(tmp_path: Path, suffix: str) -> None:
    path = write_manifest(tmp_path / f"m{suffix}", ROWS)
    found = read_sources([str(path)], {"licence": "MIT"})
    one, two, three = found.usable
    assert (one.uri, one.name) == (str(tmp_path / "a.wav"), "a.wav")
    assert (one.speakers, one.language, one.channels) == (("anna", "ben"), "en", (2, 3))
    assert (two.name, two.name_b, two.transcript) == ("l.wav", "r.wav", (str(tmp_path / "t/x.json"),))
    assert [s.licence.spdx for s in found.usable if s.licence] == ["CC0-1.0", "MIT", "CC-BY-4.0"]
    assert (three.uri, three.name) == ("s3://bucket/c.wav", None)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_role_may_hold_any_punctuation(tmp_path: Path, suffix: str) -> None:
    role = "You are Anna's clerk; brief, kind | firm: 50 % \\ done – 'yes'?"
    rows = [{"path": "a.wav", "role_a": role, "role_b": " "}, {"path": "b.wav", "role_b": role}]
    one, two = read_sources([str(write_manifest(tmp_path / f"m{suffix}", rows))], NONE).usable
    assert one.roles == (role, None)
    assert two.roles == (None, role)


@pytest.mark.parametrize(
    ("row", "reason", "words"),
    [
        ({"licence": "free"}, Reason.NO_LICENCE, "'free' is not known"),
        ({"consent": "maybe", "licence": "MIT"}, Reason.NO_LICENCE, "'maybe' is not known"),
        ({"evidence": "gone.txt", "licence": "MIT"}, Reason.EVIDENCE, "gone.txt cannot be read"),
        ({"evidence": "good.wav", "evidence_sha256": "a" * 64, "licence": "MIT"}, Reason.EVIDENCE, "another file"),
        ({"licence_text": "/etc/hostname", "licence": "MIT"}, Reason.EVIDENCE, "lies outside"),
        ({"channels": "1"}, Reason.MANIFEST, "give two different numbers"),
        ({"speakers": "anna"}, Reason.MANIFEST, "give two different names"),
    ],
)
def test_a_wrong_row_is_rejected_alone(tmp_path: Path, row: dict[str, str], reason: Reason, words: str) -> None:
    touch(tmp_path, "good.wav")
    path = write_manifest(tmp_path / "m.csv", [{"path": "good.wav"}, {"path": "bad.wav", **row}])
    found = read_sources([str(path)], NONE)
    assert [s.name for s in found.usable] == ["good.wav"]
    ((_, rejection),) = found.rejected
    assert rejection.reason is reason
    assert rejection.detail.startswith("m.csv line 3: ")
    assert words in rejection.detail


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"role_a": "\ud800x"}, "role_a is not valid Unicode (a lone surrogate, U+D800)"),
        ({"speakers": "anna|\udc00"}, "speakers is not valid Unicode (a lone surrogate, U+DC00)"),
        ({"holder": "\ud800", "licence": "MIT"}, "holder '\\ud800'"),
        ({"path": "\ud800.wav"}, "path is not valid Unicode"),
        ({"transcript": "x\ud800.json"}, "transcript is not valid Unicode"),
        ({"role_b": "a\0b"}, "role_b has a control character (U+0000)"),
        ({"speakers": "anna|\x1b[31mben"}, "speakers has a control character (U+001B)"),
        ({"speakers": "anna|be\nn"}, "speakers has a control character (U+000A)"),
        ({"path_b": "x\0.wav"}, "path_b has a control character (U+0000)"),
    ],
)
def test_a_row_whose_texts_no_file_can_hold_is_rejected_alone(
    tmp_path: Path, row: dict[str, str], words: str
) -> None:
    rows = [{"path": "good.wav", "role_a": "one\n\ttwo"}, {"path": "bad.wav", **row}]
    found = read_sources([str(write_manifest(tmp_path / "m.jsonl", rows))], NONE)
    assert [(s.name, s.roles) for s in found.usable] == [("good.wav", ("one\n\ttwo", None))]
    ((source, rejection),) = found.rejected
    assert words in rejection.detail
    assert rejection.detail.startswith("m.jsonl line 3: ")
    for text in (source.uri, source.name, source.origin, rejection.uri, rejection.detail):
        assert text is not None and text.encode() and "\n" not in text


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.csv", b"path,colour\na.wav,red\n", "line 2: unknown column 'colour'; known are path, path_b"),
        ("m.csv", b"path,language\n,en\n", "line 2: no path"),
        ("m.csv", b"path,language\na.wav,en,extra\n", "more fields than columns"),
        ("m.csv", b"path\n\xff.wav\n", "is not UTF-8"),
        ("m.jsonl", b'{"path": "a.wav"}\n{"path": ', "line 2: not JSON"),
        ("m.jsonl", b"[1]\n", "line 1: not a JSON object"),
        ("m.jsonl", b"\n" + b"[" * 100_000, "line 2: has too many brackets"),
        ("m.jsonl", b'{"path": ' + b"1" * 5_000 + b"}", "line 1: has a number too long"),
        ("m.jsonl", b'{"path": "a", "licence": "CC0-1.0", "licence": "MIT"}', "line 1: 'licence' is there 2 times"),
        ("m.csv", b"path,licence,licence\na.wav,CC0-1.0,MIT\n", "m.csv: 'licence' is there 2 times: keep one"),
        ("m.parquet", b"PAR1", "is not Parquet"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        read_sources([str(tmp_path / name)], NONE)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parquet_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    names = pa.array([f"{n}.wav" for n in range(20_000)])
    for table, words in (
        (
            pa.table({"path": names[:2], "retrieved": pa.array([0, 2**62], pa.timestamp("us"))}),
            "row 2: a value cannot",
        ),
        (pa.Table.from_arrays([names, names, names], ["path", "licence", "licence"]), "'licence' is there 2 times"),
        (pa.table({"path": names}), "cannot be read"),  # once its pages are spoiled
    ):
        pq.write_table(table, path)
        if table.num_columns == 1:
            whole = path.read_bytes()
            path.write_bytes(whole[:100] + b"\xff" * 4_000 + whole[4_100:])
        with pytest.raises(ManifestError, match=r"^[^\n]*m\.parquet[^\n]*$") as caught:
            read_sources([str(path)], NONE)
        assert words in str(caught.value)


@pytest.mark.parametrize(("written", "kept"), [("https://x.org/a.vtt", "https://x.org/a.vtt"), ("|", "|")])
def test_a_transcript_that_is_no_file_does_not_cost_the_recording(tmp_path: Path, written: str, kept: str) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"path,licence,transcript\na.wav,CC0-1.0,{written}\n")
    found = read_sources([str(manifest)], {})
    assert found.rejected == []
    assert [Path(text).name for text in found.usable[0].transcript] == [Path(kept).name]


@pytest.mark.parametrize("column", ["path", "path_b", "transcript"])
@pytest.mark.parametrize("how", ["absolute", "above"])
def test_a_manifest_leaves_its_folder_only_where_it_may(tmp_path: Path, column: str, how: str) -> None:
    touch(tmp_path, "set/a.wav", "mine/b.wav", "mine/b.txt", "theirs/c.wav")
    name = "b.txt" if column == "transcript" else "b.wav"
    text = f"{tmp_path}/mine/{name}" if how == "absolute" else f"../mine/{name}"
    row = {"path": "a.wav", "licence": "CC0-1.0", column: text}
    manifest = tmp_path / "set" / "m.jsonl"
    manifest.write_text(json.dumps(row) + "\n")
    for roots in ((), (tmp_path / "theirs",)):
        ((source, why),) = read_sources([str(manifest)], NONE, roots=roots).rejected
        assert why.reason is Reason.MANIFEST
        assert f"{column} {text!r} leads out of the manifest's folder" in why.detail
        assert "--root" in why.detail
    (source,) = read_sources([str(manifest)], NONE, roots=(tmp_path / "theirs", tmp_path / "mine")).usable
    wanted = {"path": source.uri, "path_b": source.uri_b, "transcript": "".join(source.transcript)}[column]
    assert wanted is not None
    assert Path(wanted).resolve() == tmp_path / "mine" / name


def test_a_transcript_may_be_a_link_only_to_where_a_manifest_may_go(tmp_path: Path) -> None:
    touch(tmp_path, "set/a.wav", "mine/b.txt")
    (tmp_path / "set" / "a.txt").symlink_to(tmp_path / "mine" / "b.txt")
    manifest = tmp_path / "set" / "m.csv"
    manifest.write_text("path,licence,transcript\na.wav,CC0-1.0,a.txt\n")
    assert len(read_sources([str(manifest)], NONE).rejected) == 1
    (source,) = read_sources([str(manifest)], NONE, roots=(tmp_path / "mine",)).usable
    assert source.transcript == (str(tmp_path / "mine" / "b.txt"),)
