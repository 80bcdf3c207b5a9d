"""Selection: the same whatever the order, nothing in two splits, shards that stay where they are."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import BuildConfig
from pipeline.select import (
    Candidate,
    assign_splits,
    names_of,
    plan_shards,
    select,
    why_dropped,
)
from schemas.clip import Clip, clip_id_of
from schemas.prepared import PreparedFile
from schemas.recording import Recording
from schemas.rejection import Reason
from schemas.shard import Member, Split
from schemas.withdrawn import Mark, Withdrawn


def candidate(recording: str, speakers: tuple[str, str], number: int = 0, size: int = 1_000) -> Candidate:
    clip_id = clip_id_of(recording, number, number + 1)
    return Candidate(Member(clip_id=clip_id, prepared=recording, row_group=number), recording, speakers, size)


people = st.sampled_from([f"speaker{i}" for i in range(12)])
corpora = st.lists(
    st.tuples(st.sampled_from([f"recording{i}" for i in range(8)]), people, people), min_size=1, max_size=20
)


@given(corpora, st.sampled_from([(80, 10, 10), (34, 33, 33), (0, 50, 50)]))
def test_no_speaker_or_recording_is_in_two_splits(
    corpus: list[tuple[str, str, str]], percent: tuple[int, int, int]
) -> None:
    clips = [candidate(recording, (a, b), i) for i, (recording, a, b) in enumerate(corpus)]
    where: dict[str, set[Split]] = {}
    for clip, split in zip(clips, assign_splits(clips, percent), strict=True):
        for name in (clip.recording_id, *clip.speakers):
            where.setdefault(name, set()).add(split)
    assert all(len(splits) == 1 for splits in where.values())


@given(corpora, st.randoms())
def test_the_order_of_clips_changes_no_split(corpus: list[tuple[str, str, str]], rng: random.Random) -> None:
    clips = [candidate(recording, (a, b), i) for i, (recording, a, b) in enumerate(corpus)]
    expected = dict(zip((c.member for c in clips), assign_splits(clips, (60, 20, 20)), strict=True))
    rng.shuffle(clips)
    assert dict(zip((c.member for c in clips), assign_splits(clips, (60, 20, 20)), strict=True)) == expected


def test_the_shares_come_out_as_asked() -> None:
    clips = [candidate(f"r{i}", (f"a{i}", f"b{i}")) for i in range(3_000)]
    splits = assign_splits(clips, (80, 15, 5))
    shares = [splits.count(s) / len(splits) for s in (Split.TRAIN, Split.VALIDATION, Split.TEST)]
    assert shares == pytest.approx([0.80, 0.15, 0.05], abs=0.02)  # binomial: three sigma are 0.022, 0.020, 0.012


def test_new_clips_move_no_old_one() -> None:
    clips = [candidate(f"r{i}", (f"a{i}", f"b{i}")) for i in range(200)]
    before = assign_splits(clips[:100], (60, 20, 20))
    assert assign_splits(clips, (60, 20, 20))[:100] == before


def test_a_clip_that_goes_changes_only_its_own_shard() -> None:
    clips = [candidate(f"r{i}", (f"a{i}", f"b{i}"), size=1_000) for i in range(1_000)]
    before = {p.name: p for p in plan_shards(clips, Split.TRAIN, 100_000)}
    after = {p.name: p for p in plan_shards(clips[1:], Split.TRAIN, 100_000)}
    assert len(before) == 16  # the power of two that brings 1,000,000 bytes under 100,000 each
    changed = [name for name in before if before[name] != after.get(name)]
    assert len(changed) == 1
    assert clips[0].member in before[changed[0]].members


def test_every_clip_is_in_one_shard() -> None:
    clips = [candidate(f"r{i}", (f"a{i}", f"b{i}")) for i in range(300)]
    members = [m for plan in plan_shards(clips, Split.TEST, 50_000) for m in plan.members]
    assert sorted(members, key=lambda m: m.clip_id) == sorted((c.member for c in clips), key=lambda m: m.clip_id)


def test_withdrawn_clips_are_dropped_with_the_reason(prepared: Callable[..., PreparedFile]) -> None:
    files = [prepared("a.wav"), prepared("b.wav")]
    gone = next(files[0].infos())[1].clip_id
    selection = select(files, Withdrawn(clips={gone: Mark(None)}), BuildConfig(split_percent=(100, 0, 0), shard_mb=1))
    assert [(row.clip_id, row.reason, row.kept) for row in selection.dropped] == [(gone, "withdrawn", False)]
    kept = [m.clip_id for plan in selection.plans for m in plan.members]
    assert len(kept) == 3
    assert gone not in kept


def test_only_separated_clips_are_dropped_for_their_leakage(
    make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]
) -> None:
    info = make_clip(make_recording("a.wav")).info
    leaking = replace(info, quality=replace(info.quality, leakage_db=(-30.0, -14.9)))
    made = replace(leaking, provenance=replace(info.provenance, layout="mixture", separated=True))
    assert why_dropped(leaking, Withdrawn(), -15.0) is None
    assert why_dropped(made, Withdrawn(), -14.8) is None
    reason, detail = why_dropped(made, Withdrawn(), -15.0) or (None, "")
    assert reason is Reason.LEAKAGE
    assert "-14.9 dB" in detail
    assert "-15 dB" in detail


def test_people_whom_a_mixtures_source_names_link_its_clips_too(
    make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]
) -> None:
    info = replace(make_clip(make_recording("a.wav")).info, speakers=("r/0", "r/1"), stated_speakers=("ann", "bo"))
    assert names_of(info) == ("r/0", "r/1", "ann", "bo")
