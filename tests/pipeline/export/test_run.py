"""An export as it goes on: repeated, interrupted, on a full disk, grown, with clips withdrawn."""

import errno
import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.audit.notice import notice
from pipeline.export import run
from pipeline.export.plan import FORMATS
from pipeline.export.samples import read_sample
from schemas.shard import ClipRow

NAMES = "abc"


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def times_of(folder: Path) -> dict[str, int]:
    found = {p.relative_to(folder).as_posix(): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}
    return {name: time for name, time in found.items() if name != ".lock"}


def named_in(folder: Path) -> set[str]:
    """Every text in which a clip id could stand: names, manifests, sidecars, tables, columns."""
    texts = set(files_of(folder))
    for path in folder.rglob("*"):
        if path.suffix in {".json", ".jsonl", ".tsv", ".csv", ".md"}:
            texts.add(path.read_text(encoding="utf-8"))
        elif path.suffix == ".gz":
            texts.add(gzip.decompress(path.read_bytes()).decode())
        elif path.suffix == ".parquet":
            texts |= set(pq.read_table(path).column(0).to_pylist())
    return texts


def broken_off(after: int) -> Callable[..., Any]:
    """Reads samples, and is stopped instead of reading one more."""
    read = 0

    def reader(out: Path, row: ClipRow, codec: object = None) -> object:
        nonlocal read
        read += 1
        if read > after:
            raise KeyboardInterrupt
        return read_sample(out, row, codec)  # type: ignore[arg-type]

    return reader


@pytest.mark.parametrize("to", FORMATS)
def test_the_same_dataset_gives_the_same_bytes_and_a_second_run_writes_nothing(world: Any, to: str) -> None:
    first, _ = world.export(to, "one")
    second, _ = world.export(to, "two")
    assert files_of(first) == files_of(second)
    before = times_of(first)
    _, again = world.export(to, "one")
    assert (again.written, again.removed) == (0, 0)
    assert times_of(first) == before


def test_whom_to_credit_goes_along(world: Any) -> None:
    """The attribution file is the dataset's, of the splits that were exported; who is withdrawn is not in it."""
    folder, _ = world.export("nu-dialogue")
    text = (folder / "NOTICE.txt").read_text(encoding="utf-8")
    assert text == "".join(f"{line}\n" for line in notice(world.out).lines())
    assert "CC-BY-4.0" in text
    gone = next(iter(world.clips))
    named = world.info(gone).provenance.uri
    assert named in text
    of_recording = [one for one in world.clips if world.info(one).recording_id == world.info(gone).recording_id]
    (world.out / "withdrawn.jsonl").write_text("".join(f'{{"clip_id": "{one}"}}\n' for one in of_recording))
    world.export("nu-dialogue")
    assert named not in (folder / "NOTICE.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("to", FORMATS)
def test_what_was_interrupted_is_completed(world: Any, to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = world.export(to, "whole")
    with monkeypatch.context() as patch:
        patch.setattr(run, "read_sample", broken_off(3))
        with pytest.raises(KeyboardInterrupt):
            world.export(to)
    folder = world.tmp / "export"
    assert not list(folder.rglob(".*.tmp"))
    assert not list(folder.glob("LICENSES.tsv"))
    assert not list(folder.glob("NOTICE.txt"))
    done = times_of(folder)
    (folder / ".train.jsonl.77.tmp").write_text("of a process that was killed")
    assert 1 < len(done) < len(times_of(whole))
    _, result = world.export(to)
    assert 0 < result.written < result.clips
    assert {name: time for name, time in times_of(folder).items() if name in done} == done
    assert files_of(folder) == files_of(whole)


@pytest.mark.parametrize("to", FORMATS)
def test_a_disk_that_fills_up_leaves_whole_files_only(world: Any, to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = world.export(to, "whole")
    with monkeypatch.context() as patch:
        patch.setattr("schemas.atomic.put_in_place", _no_space)
        patch.setattr("pipeline.export.folder.put_in_place", _no_space)
        with pytest.raises(OSError, match="No space"):
            world.export(to)
    assert files_of(world.tmp / "export").keys() <= {".lock", "export.json"}
    world.export(to)
    assert files_of(world.tmp / "export") == files_of(whole)


def _no_space(temporary: Path, path: Path) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", str(path))


@pytest.mark.parametrize("to", FORMATS)
def test_a_clip_withdrawn_before_is_not_exported_and_one_withdrawn_since_is_lost(world: Any, to: str) -> None:
    first, second, *others = sorted(world.clips)
    world.withdraw(first)
    folder, result = world.export(to)
    assert result.clips == len(world.clips) - 1
    assert not any(first in text for text in named_in(folder))
    assert any(second in text for text in named_in(folder))
    before = times_of(folder)
    world.withdraw(second)
    _, result = world.export(to)
    assert (result.clips, result.removed > 0) == (len(others), to in {"moshi-finetune", "nu-dialogue", "lhotse"})
    assert not any(second in text for text in named_in(folder))
    assert all(any(other in text for text in named_in(folder)) for other in others)
    kept = {name for name in before if any(other in name for other in others)}
    assert {name: times_of(folder)[name] for name in kept} == {name: before[name] for name in kept}
    (world.tmp / "fresh").mkdir()
    world.export(to, "fresh")
    assert files_of(folder) == files_of(world.tmp / "fresh")


@pytest.mark.parametrize("to", FORMATS)
def test_a_split_that_loses_all_its_clips_loses_its_files(world: Any, to: str) -> None:
    folder, _ = world.export(to)
    for row in pq.read_table(world.out / "index" / "clips.parquet", columns=["clip_id", "split"]).to_pylist():
        if row["split"] == "test":
            world.withdraw(row["clip_id"])
    world.export(to)
    assert not any("test" in name for name in files_of(folder))
    assert any("validation" in name for name in files_of(folder))


@pytest.mark.parametrize("to", FORMATS)
def test_a_dataset_that_has_grown_costs_only_the_new_clips(make_world: Any, to: str) -> None:
    small = make_world(NAMES[:2])
    folder, _ = small.export(to)
    before = times_of(folder)
    grown = make_world(NAMES)
    _, result = grown.export(to)
    assert result.clips == len(grown.clips)
    if to in {"moshi-finetune", "lhotse"}:
        assert result.written == len(grown.clips) - len(small.clips)
    kept = {name for name in before if any(clip_id in name for clip_id in small.clips)}
    assert {name: times_of(folder)[name] for name in kept} == {name: before[name] for name in kept}
    fresh, _ = grown.export(to, "fresh")
    assert files_of(folder) == files_of(fresh)


def test_files_of_the_user_in_the_folder_stay(world: Any) -> None:
    folder, _ = world.export("moshi-finetune")
    (folder / "train" / "notes.txt").write_text("mine")
    (folder / "train" / f"{'0' * 32}-0.wav").write_bytes(b"of a clip that is not in the dataset")
    _, result = world.export("moshi-finetune")
    assert result.removed == 1
    assert (folder / "train" / "notes.txt").is_file()


def test_changed_words_are_written_anew_and_the_audio_stays(world: Any, make_world: Any) -> None:
    folder, _ = world.export("lhotse")
    before = times_of(folder)
    make_world(NAMES, words=())
    world.export("lhotse")
    after = times_of(folder)
    changed = {name for name in after if after[name] != before[name]}
    assert {name.split("_")[1] for name in changed if "_" in name} == {"supervisions", "cuts"}
    assert not any(name.endswith(".flac") for name in changed)


def test_memory_does_not_grow_with_the_dataset(make_world: Any) -> None:
    def peak_bytes(names: str) -> int:
        world = make_world(names)
        world.export("moshi-finetune", f"warm-{names}")
        tracemalloc.start()
        world.export("moshi-finetune", f"export-{names}")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    assert peak_bytes("abcdefgh") < 1.1 * peak_bytes("a")
