"""How a dataset is forged: functions that change what lies in OUT, with an index that agrees where it can."""

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]
Forge = Callable[[Path], None]


def described(change: Callable[[dict[str, Any]], object]) -> Forge:
    def forge(out: Path) -> None:
        path = out / "dataset.json"
        whole = json.loads(path.read_text())
        change(whole)
        path.write_text(json.dumps(whole))

    return forge


def with_bytes(name: str, data: bytes) -> Forge:
    def forge(out: Path) -> None:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(data)

    return forge


def link(name: str, target: str) -> Forge:
    def forge(out: Path) -> None:
        path = out / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path.symlink_to(out.parent / target)

    return forge


def indexed(name: str, change: Callable[[Row], object], *, as_written: bool = True) -> Forge:
    """The first row changed. as_written: with the columns and types of before."""

    def forge(out: Path) -> None:
        path = out / "index" / f"{name}.parquet"
        table = pq.read_table(path)
        rows = table.to_pylist()
        change(rows[0])
        schema = table.schema if as_written else None
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)

    return forge


def columned(name: str, change: Callable[[pa.Table], pa.Table]) -> Forge:
    def forge(out: Path) -> None:
        path = out / "index" / f"{name}.parquet"
        pq.write_table(change(pq.read_table(path)), path)

    return forge


def sampled(change: Callable[[dict[str, bytes]], object]) -> Forge:
    """The files of each clip changed, with an index that agrees."""

    def forge(out: Path) -> None:
        def repacked(files: dict[str, bytes]) -> bytes:
            change(files)
            return _whole_blocks(files)

        _repack(out, repacked)

    return forge


def _whole_blocks(files: dict[str, bytes]) -> bytes:
    parts = []
    for name, data in files.items():
        info = tarfile.TarInfo(name)
        info.size = len(data)
        parts.append(info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512))
    return b"".join(parts)


def headed(change: Callable[[tarfile.TarInfo], object], kind: int = tarfile.GNU_FORMAT) -> Forge:
    """The header of each clip's first file changed, with an index that agrees."""

    def forge(out: Path) -> None:
        def repacked(files: dict[str, bytes]) -> bytes:
            (name, data), *_ = files.items()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            change(info)
            rest = _whole_blocks({other: files[other] for other in list(files)[1:]})
            return info.tobuf(kind) + data + bytes(-len(data) % 512) + rest

        _repack(out, repacked)

    return forge


def _repack(out: Path, repacked: Callable[[dict[str, bytes]], bytes]) -> None:
    path = out / "index" / "clips.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    shards: dict[str, bytes] = {}
    for row in rows:
        if not row["kept"]:
            continue
        whole = (out / "shards" / row["shard"]).read_bytes()
        sample = whole[row["offset"] : row["offset"] + row["length"]]
        with tarfile.open(fileobj=io.BytesIO(sample)) as tar:
            files = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]
        data = repacked(files)
        before = shards.setdefault(row["shard"], b"")
        row.update(offset=len(before), length=len(data), sha256=hashlib.sha256(data).hexdigest())
        shards[row["shard"]] = before + data
    for name, data in shards.items():
        (out / "shards" / name).write_bytes(data + bytes(1_024))
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def put(suffix: str, data: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        name = next(name for name in files if name.partition(".")[2] == suffix)
        files[name] = data

    return change


def npy(shape: str, descr: str = "<i2", data: bytes = bytes(64)) -> bytes:
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head + data


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise AssertionError('a pickle was run')",))


def pickled() -> bytes:
    sink = io.BytesIO()
    np.save(sink, np.array([Evil()], dtype=object), allow_pickle=True)
    return sink.getvalue()
