"""A trainer reads on while clips are withdrawn under it, and finds damage all the same."""

import json
import tarfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from model.loader import WindowReader, held_out_windows
from model.shards import Dataset, WithdrawnClipError
from model.windows import Windows
from schemas.errors import DatasetError

HEAD = {
    "withdrawal": "w", "kind": "clip", "reason": "asked", "date": "2026-01-31", "clips": 1, "seconds": 1.0,
    "recordings": 0, "keep_evidence": False,
}  # fmt: skip


@pytest.fixture
def folder(write_dataset: Callable[..., Path], clip_data: type) -> Path:
    """Nine clips of 40 frames whose codes are all the clip's number, three of a shard."""
    return write_dataset([clip_data(np.full((2, 8, 40), number, np.int16)) for number in range(9)])


def windows_of(folder: Path) -> Windows:
    dataset = Dataset(folder)
    return Windows(dataset=dataset, index=dataset.index("train"), window_frames=40, seed=0)


def name(number: int) -> str:
    return f"clip-{number:03d}"


def mark(folder: Path, *numbers: int) -> None:
    lines = [HEAD, *({"clip_id": name(n), "withdrawal": "w", "split": "train", "n_frames": 40} for n in numbers)]
    aside = folder / "aside"
    aside.write_text("".join(json.dumps(line) + "\n" for line in lines))
    aside.replace(folder / "withdrawn.jsonl")


def remove(folder: Path, *numbers: int, index: bool = False) -> None:
    """Take clips out of the tars and, if told to, out of the index."""
    gone = {name(n) for n in numbers}
    table = pq.read_table(folder / "index" / "clips.parquet").to_pylist()
    for path in sorted((folder / "shards").iterdir()):
        with tarfile.open(path) as old:
            members = [(m, old.extractfile(m)) for m in old.getmembers()]
            aside = folder / "aside.tar"
            with tarfile.open(aside, "w") as new:
                for member, content in members:
                    clip_id = member.name.partition(".")[0]
                    if clip_id not in gone:
                        for row in table:
                            if row["clip_id"] == clip_id and member.name.endswith("codes.npy"):
                                row["offset"] = new.offset
                        new.addfile(member, content)
        aside.replace(path)
    if index:
        kept = [row for row in table if row["clip_id"] not in gone]
        pq.write_table(pa.Table.from_pylist(kept), folder / "index" / "clips.parquet")


def seen(windows: list[np.ndarray]) -> list[int]:
    return [int(window[1, 5]) for window in windows]


def epoch(windows: Windows) -> list[int]:
    reader = WindowReader(windows)
    found = []
    for window in reader:
        if reader.state_dict()["epoch"]:
            break
        found.append(window)
    return seen(found)


def test_what_is_withdrawn_is_left_out_from_the_next_block_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.loader.BLOCK_CLIPS", 3)
    windows = windows_of(folder)
    whole = epoch(windows)
    stream = iter(WindowReader(windows))
    head = seen([next(stream)])
    mark(folder, whole[2], whole[4], whole[7])  # the first is of the block that is being read
    rest = [one for one in whole[1:] if one not in (whole[4], whole[7])]
    assert head + seen(list(islice(stream, len(rest)))) == [whole[0], *rest]


def test_what_is_gone_is_left_out_at_once_and_the_others_are_found(folder: Path) -> None:
    windows = windows_of(folder)
    whole = epoch(windows)
    stream = iter(WindowReader(windows))
    assert seen([next(stream)]) == whole[:1]
    mark(folder, *whole[2:4])
    remove(folder, *whole[2:4])  # between two windows of one block, with the old index in memory
    assert seen(list(islice(stream, 6))) == [whole[1], *whole[4:]]
    (folder / "shards" / "train-00000.tar").unlink()
    with pytest.raises(DatasetError, match="no such shard"):
        seen(list(islice(iter(WindowReader(windows)), 9)))


def test_a_shard_that_is_gone_with_all_its_clips_is_no_damage(folder: Path) -> None:
    windows = windows_of(folder)
    mark(folder, 0, 1, 2)
    (folder / "shards" / "train-00000.tar").unlink()
    assert sorted(epoch(windows)) == [3, 4, 5, 6, 7, 8]
    with pytest.raises(WithdrawnClipError, match="was withdrawn"):
        windows.dataset.read(windows.index, 0, with_words=False)


def test_the_held_out_windows_go_on_without_it(folder: Path) -> None:
    windows = windows_of(folder)
    whole = seen(list(held_out_windows(windows, 18)))
    stream = held_out_windows(windows, 18)
    head = seen([next(stream), next(stream)])
    gone = whole[4]
    mark(folder, gone)
    remove(folder, gone)
    assert head + seen(list(stream)) == [one for one in whole if one != gone]


def test_a_run_goes_on_at_the_same_place_after_a_withdrawal(folder: Path) -> None:
    before = windows_of(folder)
    whole = epoch(before)
    reader = WindowReader(before)
    stream = iter(reader)
    head = seen(list(islice(stream, 3)))
    place = reader.state_dict()
    mark(folder, whole[1], whole[5])
    remove(folder, whole[1], whole[5], index=True)
    after = windows_of(folder)
    assert after.index.digest() == before.index.digest()
    resumed = WindowReader(after)
    resumed.load_state_dict(place)
    assert head + seen(list(islice(iter(resumed), 5))) == [one for n, one in enumerate(whole) if n != 5]
    assert len(after.index) == 9


def test_a_split_of_which_nothing_is_left_has_no_clips(folder: Path) -> None:
    mark(folder, *range(9))
    remove(folder, *range(9), index=False)
    rows = pq.read_table(folder / "index" / "clips.parquet")
    pq.write_table(rows.slice(0, 0), folder / "index" / "clips.parquet")
    assert len(Dataset(folder).index("train")) == 0


@pytest.mark.parametrize("withdrawn", [(), (8,)])
def test_damage_is_still_damage(folder: Path, withdrawn: tuple[int, ...]) -> None:
    if withdrawn:
        mark(folder, *withdrawn)
    path = folder / "shards" / "train-00000.tar"
    windows = windows_of(folder)
    whole = path.read_bytes()
    at = int(windows.index.offsets[1])
    for broken in (
        whole[:at] + b"\xff" * 512 + whole[at + 512 :],  # a header
        whole[:at] + b"\0" * (len(whole) - at),  # the end is lost
        whole[: at + 700],  # cut short
        b"",
        whole.replace(name(1).encode(), b"clip-999"),  # another clip in its place
    ):
        path.write_bytes(broken)
        with pytest.raises(DatasetError, match="clip-001 is damaged") as raised:
            windows_of(folder).dataset.read(windows_of(folder).index, 1, with_words=False)
        assert not isinstance(raised.value, WithdrawnClipError)


def test_the_list_is_read_again_only_where_it_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset(folder)
    mark(folder, 1)
    assert dataset.withdrawn() == {name(1)}
    read: list[str] = []
    local = type(fsspec.filesystem("file"))
    original = local.cat_file
    monkeypatch.setattr(local, "cat_file", lambda self, path, **k: read.append(path) or original(self, path, **k))
    assert dataset.withdrawn() == {name(1)}
    assert read == []
    mark(folder, 1, 2)
    assert dataset.withdrawn() == {name(1), name(2)}
    assert len(read) == 1
