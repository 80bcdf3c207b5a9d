"""After a withdrawal no file of a dataset holds a word about the person, in whatever coding."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq

from pipeline.quarantine import folder_of
from pipeline.report.write import write_report
from pipeline.verify import verify
from pipeline.withdraw.proof import remains

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")


def codings(text: str) -> Iterator[bytes]:
    """A text as a file may hold it."""
    for coding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le"):
        yield text.encode(coding)
    yield text[::-1].encode()
    yield text.encode().hex().encode()
    yield quote(text).encode()
    for before in range(3):  # base64 has three ways, by where it begins
        coded = base64.b64encode(b"x" * before + text.encode())
        yield coded[-(-before * 4 // 3) + (1 if before else 0) : -4]


def parts(path: Path) -> Iterator[bytes]:
    """The bytes of a file, what its Parquet columns and metadata hold, and what stands in it as base64."""
    data = path.read_bytes()
    yield data
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            yield repr(file.read().to_pylist()).encode()
            yield repr(file.metadata.metadata).encode()
            yield repr(file.schema_arrow.metadata).encode()
            statistics = [
                file.metadata.row_group(g).column(c).statistics
                for g in range(file.num_row_groups)
                for c in range(file.metadata.num_columns)
            ]
            yield repr([(s.min, s.max) for s in statistics if s is not None and s.has_min_max]).encode()
    for found in _BASE64.finditer(data):
        text = found.group().rstrip(b"=")
        yield base64.b64decode(text[: len(text) // 4 * 4])


def holding(out: Path, needles: list[bytes]) -> list[str]:
    found = []
    for path in sorted(out.rglob("*")):
        name = str(path.relative_to(out))
        if any(needle.lower() in name.encode().lower() for needle in needles):
            found.append(f"the name {name}")
        if path.is_file():
            held = [part.lower() for part in parts(path)]
            if any(needle.lower() in part for needle in needles for part in held):
                found.append(name)
    return found


def test_no_file_names_the_person_or_holds_her_voice(world: Any) -> None:
    write_report(world.out)
    tokens = [clip.codes for clip in world.clips["anna"]] + [clip.voices for clip in world.clips["anna"]]
    tokens += [world.clips["copy"][0].codes, *(clip.landmarks for clip in world.clips["anna"])]
    needles = [*codings(world.marker), *codings(world.anna)]
    before = holding(world.out, needles)
    assert {name.partition("/")[0] for name in before} >= {"report.html", "index", "shards", "work", "evidence"}
    assert any(name.startswith("work/quarantine") for name in before)
    world.withdraw(("speaker", world.anna))
    assert holding(world.out, needles) == []
    held = b"".join(path.read_bytes() for path in sorted((world.out / "shards").iterdir()))
    for path in sorted((world.out / "work").rglob("*.parquet")):
        with pq.ParquetFile(path) as file:
            held += b"".join(v for row in file.read().to_pylist() for v in row.values() if isinstance(v, bytes))
    assert not [token for token in tokens if token in held]
    assert len(list(folder_of(world.out).glob("*.txt"))) == 1  # that of another recording stays
    assert list(verify(world.out)) == []
    assert list(remains(world.out)) == []


def test_a_build_writes_no_word_about_her_either(world: Any) -> None:
    world.withdraw(("speaker", world.anna))
    world.build()
    write_report(world.out)
    assert holding(world.out, [*codings(world.marker), *codings(world.anna)]) == []
    assert list(remains(world.out)) == []


def test_a_source_goes_with_its_address(world: Any) -> None:
    address = f"https://example.org/{world.marker}"
    world.withdraw(("source", address))
    assert holding(world.out, [*codings(world.marker), *codings(address)]) == []


def test_a_report_that_cannot_be_written_anew_goes(world: Any, monkeypatch: Any) -> None:
    from pipeline.report import write
    from schemas.errors import UserError

    def fail(out: Path) -> Path:
        raise UserError("no fonts")

    write_report(world.out)
    monkeypatch.setattr(write, "write_report", fail)
    done = world.withdraw(("speaker", "eve"))
    assert not (world.out / "report.html").exists()
    assert done.notes == ["report.html is removed, since it could not be written anew (no fonts)"]
