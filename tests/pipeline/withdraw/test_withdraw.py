"""What goes, what stays, and that a dataset is whole afterwards."""

import json
from typing import Any

import pytest

from pipeline.licences.evidence import FOLDER
from pipeline.verify import verify
from pipeline.withdraw.finish import finish
from pipeline.withdraw.proof import remains
from schemas.errors import DatasetError
from schemas.withdrawn import NAME, read_withdrawn


def test_the_world_has_a_near_duplicate_and_lent_voices(world: Any) -> None:
    (first, *_), (like, *others) = world.ids("anna"), world.ids("copy")
    index = world.rows()
    assert [d["clip_id"] for d in index[first]["duplicates"]] == [like]
    assert like in {v["clip_id"] for v in index[others[0]]["info"]["voices"]}
    assert list(verify(world.out)) == []
    assert list(remains(world.out)) == []


def test_a_person_goes_with_all_that_is_like_her(world: Any) -> None:
    before = world.digests("shards")
    held = world.samples()
    shards = {row["shard"] for one, row in world.rows().items() if one in (*world.ids("anna"), *world.ids("copy"))}
    like, *others = world.ids("copy")
    world.withdraw(("speaker", world.anna))
    left, index = world.samples(), world.rows()
    assert held.keys() - left.keys() == {*world.ids("anna"), like}
    for clip_id, files in left.items():
        same = [suffix for suffix, data in files.items() if data == held[clip_id][suffix]]
        changed = clip_id in others
        assert set(files) - set(same) == ({"voices.npy", "json"} if changed else set())
    lent = {v["clip_id"] for one in others for v in json.loads(left[one]["json"])["voices"]}
    assert lent == set(others)
    after = world.digests("shards")
    assert {n for n in before if before[n] != after.get(n)} == {f"shards/{name}" for name in shards}
    assert {one for one, row in index.items() if row["reason"] == "withdrawn"} == {*world.ids("anna"), like}
    assert list(verify(world.out)) == []
    assert list(remains(world.out)) == []


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("recording", "id"),
        ("recording", "uri"),
        ("recording", "prefix"),
        ("source", "https://example.org/gil"),
        ("licence", "mit"),
        ("clip", "prefix"),
    ],
)
def test_every_kind_takes_its_clips_and_no_others(world: Any, kind: str, name: str) -> None:
    names = {
        ("recording", "id"): world.recording("gil"),
        ("recording", "uri"): "gil-gil.wav",
        ("recording", "prefix"): world.recording("gil")[:8],
        ("clip", "prefix"): world.ids("gil")[1][:12],
    }
    world.withdraw((kind, names.get((kind, name), name)))
    gone = {one for one, row in world.rows().items() if not row["kept"]}
    assert gone == ({world.ids("gil")[1]} if kind == "clip" else set(world.ids("gil")))
    assert list(verify(world.out)) == []
    assert list(remains(world.out)) == []


def test_several_together_are_all_taken(world: Any) -> None:
    world.withdraw(("speaker", "eve"), ("clip", world.ids("gil")[0]), ("licence", "GPL-3.0-only"))
    gone = {one for one, row in world.rows().items() if not row["kept"]}
    assert gone == {*world.ids("eve"), world.ids("gil")[0]}
    (unread,) = [row for row in world.recordings() if row["licence"] == "GPL-3.0-only"]
    assert (unread["uri"][:10], unread["stated"], unread["origin"]) == ("withdrawn/", None, "")
    assert list(remains(world.out)) == []


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (("speaker", "nobody"), "--speaker nobody: nothing in the dataset is so"),
        (("speaker", "x\x1b[31m\n' OR 1=1 --"), r"--speaker x\\u001b\[31m ' OR 1=1 --: nothing"),
        (("clip", "ab"), "give 8 digits at least"),
        (("recording", "nowhere.wav"), "nothing in the dataset has this name"),
        (("licence", "mine"), "'mine' is not known"),
        (("source", "\0"), "--source: give a name of 1 to"),
    ],
)
def test_what_names_nothing_changes_nothing(world: Any, selection: tuple[str, str], words: str) -> None:
    before = world.digests()
    with pytest.raises(Exception, match=words) as raised:
        world.withdraw(("speaker", "eve"), selection)
    assert "\n" not in str(raised.value)
    assert world.digests() == before


def test_seconds_of_a_recording_that_goes_in_part_are_all_accounted_for(world: Any) -> None:
    (before,) = [row for row in world.recordings() if row["recording_id"] == world.recording("gil")]
    world.withdraw(("clip", world.ids("gil")[1]))
    (row,) = [row for row in world.recordings() if row["recording_id"] == world.recording("gil")]
    assert (row["n_clips"], row["uri"]) == (2, before["uri"])
    assert row["duration_s"] == before["duration_s"]
    assert row["kept_s"] + sum(loss["end_s"] - loss["start_s"] for loss in row["lost"]) == pytest.approx(36.0)
    assert [(loss["reason"], loss["start_s"]) for loss in row["lost"]] == [("withdrawn", 10.0), ("silence", 90.0)]


def test_a_recording_all_of_whose_clips_go_goes_whole(world: Any) -> None:
    world.withdraw(*(("clip", one) for one in world.ids("gil")))
    (row,) = [row for row in world.recordings() if row["recording_id"] == world.recording("gil")]
    assert row["uri"] == f"withdrawn/{world.recording('gil')[:16]}"
    assert not (world.out / "work" / "prepared" / f"{world.recording('gil')}.parquet").exists()
    assert world.recording("gil") in read_withdrawn(world.out / NAME).recordings


def test_an_empty_shard_goes(world: Any) -> None:
    (name, ids), *_ = sorted(
        (shard, [one for one, row in world.rows().items() if row["shard"] == shard])
        for shard in {row["shard"] for row in world.rows().values()}
    )
    world.withdraw(*(("clip", one) for one in ids))
    assert not (world.out / "shards" / name).exists()
    assert list(verify(world.out)) == []
    assert list(remains(world.out)) == []


def test_without_work_the_rest_is_done(world: Any) -> None:
    import shutil

    shutil.rmtree(world.out / "work")
    world.withdraw(("speaker", world.anna))
    assert list(verify(world.out)) == []
    assert list(remains(world.out)) == []
    assert not set(world.ids("anna")) & world.samples().keys()


def test_evidence_goes_unless_others_rest_on_it_or_it_is_to_stay(world: Any) -> None:
    before = {path.name for path in (world.out / FOLDER).iterdir()}
    world.withdraw(("speaker", "eve"))
    assert {path.name for path in (world.out / FOLDER).iterdir()} == before  # others have the same papers
    world.withdraw(("speaker", world.anna))
    (hers,) = before - {path.name for path in (world.out / FOLDER).iterdir()}
    assert hers.endswith(".pdf")


def test_evidence_that_is_to_stay_stays(world: Any) -> None:
    before = world.digests(FOLDER)
    world.withdraw(("speaker", world.anna), keep_evidence=True)
    world.build()
    assert world.digests(FOLDER) == before
    assert list(remains(world.out)) == []


def test_every_place_that_still_holds_it_is_told(world: Any) -> None:
    import shutil

    whole = world.out.parent / "whole"
    shutil.copytree(world.out, whole)
    (world.out / "report.html").write_text(" ".join(world.ids("anna")))
    world.mark(("speaker", world.anna))
    assert {line.partition(":")[0].partition(" ")[0] for line in remains(world.out)} >= {
        *("withdrawal", "report.html", "index/clips.parquet", "index/recordings.parquet"),
        *(f"work/prepared/{world.recording(name)}.parquet" for name in ("anna", "copy")),
    }
    finish(world.out, "2026-02-01", lambda line: None)
    assert list(remains(world.out)) == []
    for path in sorted(whole.rglob("*")):
        name = str(path.relative_to(whole))
        if not path.is_file() or name.startswith("work/quarantine"):
            continue
        target = world.out / name
        now = target.read_bytes() if target.exists() else None
        if now == path.read_bytes() or name in ("dataset.json", "DATA_CARD.md", "work/lock"):
            continue
        target.write_bytes(path.read_bytes())
        assert list(remains(world.out)), name
        target.unlink() if now is None else target.write_bytes(now)


def test_an_interrupted_build_is_to_be_ended_first(world: Any) -> None:
    shard = world.rows()[world.ids("eve")[0]]["shard"]
    (world.out / "shards" / shard).write_bytes(b"\0" * 1024)
    world.mark(("speaker", "eve"))
    with pytest.raises(DatasetError, match=r"the last build did not end; run it again, and it will finish"):
        finish(world.out, "2026-02-01", lambda line: None)
    assert any("begun and not done" in line for line in remains(world.out))
