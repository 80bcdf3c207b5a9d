"""Marked, undone, written by hand, withdrawn again, built again."""

from typing import Any

import pytest

from pipeline.verify import verify
from pipeline.withdraw.choose import WithdrawError
from pipeline.withdraw.proof import remains
from pipeline.withdraw.run import undo
from schemas.withdrawn import NAME, State, read_withdrawn


def test_a_build_brings_nothing_back_and_writes_the_same(world: Any) -> None:
    world.withdraw(("clip", world.ids("gil")[1]), ("speaker", "eve"))
    before = world.digests("shards", "index", "dataset.json", "DATA_CARD.md", "evidence")
    world.build()
    after = world.digests("shards", "index", "dataset.json", "DATA_CARD.md", "evidence")
    assert set(world.ids("eve")).isdisjoint(world.samples())
    borrowers = {world.rows()[one]["shard"] for one in world.ids("gil") if world.rows()[one]["kept"]}
    assert {n for n in before if before[n] != after[n]} <= {*(f"shards/{name}" for name in borrowers)} | {
        "index/clips.parquet",
        "dataset.json",
        "DATA_CARD.md",
    }
    assert list(verify(world.out)) == []
    assert list(remains(world.out)) == []


def test_where_no_voices_are_borrowed_a_build_writes_the_very_same(world: Any) -> None:
    world.withdraw(("speaker", "eve"), ("speaker", "p1"))
    before = world.digests("shards", "index", "dataset.json", "DATA_CARD.md", "evidence")
    world.build()
    assert world.digests("shards", "index", "dataset.json", "DATA_CARD.md", "evidence") == before


def test_marked_it_is_out_for_the_loader_and_can_be_undone(world: Any) -> None:
    before = world.digests()
    name = world.mark(("speaker", "eve"))
    assert read_withdrawn(world.out / NAME).clips.keys() == set(world.ids("eve"))
    assert {n for n, d in world.digests().items() if before.get(n) != d} == {NAME}
    assert any("only marked" in line for line in remains(world.out))
    undo(world.out, name[:6], "2026-02-01")
    assert not read_withdrawn(world.out / NAME)
    assert list(remains(world.out)) == []
    with pytest.raises(WithdrawError, match="undone before"):
        undo(world.out, name, "2026-02-01")


def test_marked_and_built_it_comes_back_when_undone(world: Any) -> None:
    world.build()
    before = world.digests("shards", "index")
    name = world.mark(("clip", world.ids("gil")[1]), ("speaker", "eve"))
    world.build()
    assert set(world.ids("eve")).isdisjoint(world.samples())
    assert list(verify(world.out)) == []
    undo(world.out, name, "2026-02-01")
    world.build()
    assert world.digests("shards", "index") == before


def test_once_bytes_go_nothing_is_undone(world: Any) -> None:
    world.withdraw(("speaker", "eve"))
    (name,) = read_withdrawn(world.out / NAME).withdrawals
    with pytest.raises(WithdrawError, match="its removal was done on 2026-02-01, and bytes that are gone do not"):
        undo(world.out, name, "2026-02-02")
    with pytest.raises(WithdrawError, match="no withdrawal has this id"):
        undo(world.out, "nothing", "2026-02-02")


def test_what_was_written_by_hand_is_carried_out(world: Any) -> None:
    (world.out / NAME).write_text(f'{{"clip_id": "{world.ids("anna")[0]}", "why": "asked"}}\n')
    assert any("1 line written by hand" in line for line in remains(world.out))
    world.withdraw()
    gone = {one for one, row in world.rows().items() if not row["kept"]}
    assert gone == {world.ids("anna")[0], world.ids("copy")[0]}
    assert list(remains(world.out)) == []
    assert not world.take()[1]


def test_what_a_build_left_out_for_being_like_it_goes_too(world: Any) -> None:
    (world.out / NAME).write_text(f'{{"clip_id": "{world.ids("anna")[0]}"}}\n')
    world.build()
    world.withdraw()
    assert read_withdrawn(world.out / NAME).clips.keys() == {world.ids("anna")[0], world.ids("copy")[0]}
    assert list(remains(world.out)) == []


def test_a_second_withdrawal_stands_beside_the_first(world: Any) -> None:
    world.withdraw(("speaker", "eve"))
    world.withdraw(("speaker", "gil"))
    states = [one.state for one in read_withdrawn(world.out / NAME).withdrawals.values()]
    assert states == [State.DONE, State.DONE]
    assert list(verify(world.out)) == []
    with pytest.raises(WithdrawError, match="nothing in the dataset is so"):
        world.withdraw(("speaker", "gil"))
    with pytest.raises(WithdrawError, match="withdrawn before"):
        world.withdraw(("clip", world.ids("gil")[0]))


def test_prepared_files_that_no_build_uses_any_more_go_too(world: Any) -> None:
    path = world.out / "work" / "prepared" / f"{world.recording('gil')}.parquet"
    aside = path.read_bytes()
    path.unlink()
    world.build()  # without that recording
    path.write_bytes(aside)
    world.withdraw(("speaker", "gil"))
    assert not path.exists()
    assert list(remains(world.out)) == []


def test_what_is_prepared_anew_is_taken_out_again(world: Any) -> None:
    path = world.out / "work" / "prepared" / f"{world.recording('gil')}.parquet"
    whole = path.read_bytes()
    world.withdraw(("clip", world.ids("gil")[1]))
    path.write_bytes(whole)
    assert [line[:13] for line in remains(world.out)] == ["work/prepared"]
    world.build()
    assert list(remains(world.out)) == []
    assert list(verify(world.out)) == []
