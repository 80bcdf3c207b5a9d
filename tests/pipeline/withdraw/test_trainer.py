"""A trainer that reads while a withdrawal runs: it goes on, without the clips and voices that went."""

from typing import Any

import numpy as np
import pytest

from model.loader import WindowReader
from model.shards import Dataset
from model.windows import Windows


def windows_of(world: Any) -> Windows:
    dataset = Dataset(world.out)
    split = world.rows()[world.ids("copy")[1]]["split"]
    return Windows(dataset=dataset, index=dataset.index(split), window_frames=100, seed=3, prompt_frames=60)


def epoch(windows: Windows, monkeypatch: pytest.MonkeyPatch, between: Any = None) -> dict[str, bytes]:
    """Clip id -> its window, of one epoch; between: done after the first one."""
    read: list[str] = []
    items = Windows.items

    def noted(self: Windows, clip: int) -> Any:
        found = items(self, clip)
        read.append(self.index.clip_id(clip))
        return found

    monkeypatch.setattr(Windows, "items", noted)
    found: dict[str, bytes] = {}
    reader = WindowReader(windows)
    for window in reader:
        if reader.state_dict()["epoch"]:
            break
        found[read[-1]] = window.tobytes()
        if between is not None and len(found) == 1:
            between()
    monkeypatch.undo()
    return found


def test_it_reads_on_while_clips_go(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    windows = windows_of(world)
    whole = epoch(windows, monkeypatch)
    assert {*world.ids("anna"), *world.ids("copy")} <= whole.keys()
    gone = {*world.ids("anna"), world.ids("copy")[0]}

    left = epoch(windows_of(world), monkeypatch, lambda: world.withdraw(("speaker", world.anna)))
    first = next(iter(whole))
    assert left.keys() == whole.keys() - (gone - {first})
    borrowers = set(world.ids("copy")[1:])
    assert {one for one in left if left[one] != whole[one]} <= borrowers  # they lost a voice before their windows

    after = epoch(windows_of(world), monkeypatch)
    assert after.keys() == whole.keys() - gone
    assert {one: window for one, window in left.items() if one in after} == after
    assert windows_of(world).index.digest() == windows.index.digest()
    lent = np.frombuffer(world.clips["copy"][0].voices, np.int16).reshape(8, -1)[:, :20].astype(np.int64)

    def borrows(found: dict[str, bytes]) -> bool:
        held = [np.frombuffer(window, np.int64).reshape(17, -1) for window in found.values()]
        return any((window[1:9, at : at + 20] == lent).all() for window in held for at in range(40))

    assert borrows(whole)
    assert not borrows(after)
