"""Voices that clips of a recording take from one another: the same person, from kept clips, the best two."""

import random
from collections.abc import Callable
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.borrow import borrowed
from pipeline.config import BuildConfig
from pipeline.select import select
from schemas.clip import Clip
from schemas.prepared import PreparedFile
from schemas.recording import Recording
from schemas.withdrawn import Mark, Withdrawn

people = st.permutations(["r/0", "r/1", "r/2"]).map(lambda names: (names[0], names[1]))
voices = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.1, 0.5, 0.9])), max_size=5)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # they only make values
@given(found=st.lists(st.tuples(people, voices), max_size=6), rng=st.randoms())
def test_the_best_two_of_the_same_person_elsewhere(
    make_recording: Callable[..., Recording],
    make_clip: Callable[..., Clip],
    found: list[tuple[tuple[str, str], list[tuple[int, float]]]],
    rng: random.Random,
) -> None:
    recording = make_recording("a.wav")
    clips = []
    for group, (speakers, samples) in enumerate(found):
        info = make_clip(recording, group).info
        given_voices = tuple(replace(info.voices[0], channel=c, quality=q) for c, q in samples)
        clips.append((group, replace(info, speakers=speakers, voices=given_voices)))
    taken = borrowed(clips)
    for (group, info), refs in zip(clips, taken, strict=True):
        for channel, person in enumerate(info.speakers):
            mine = [r for r in refs if r.channel == channel]
            theirs = [
                (-v.quality, other.clip_id, number, place)
                for place, other in clips
                if place != group
                for number, v in enumerate(other.voices)
                if other.speakers[v.channel] == person
            ]
            assert [(r.row_group, r.number) for r in mine] == [(p, n) for _, _, n, p in sorted(theirs)[:2]]
    order = list(range(len(clips)))
    rng.shuffle(order)
    assert borrowed([clips[i] for i in order]) == [taken[i] for i in order], "whatever the order"


def test_a_clip_that_is_not_kept_gives_no_voice(prepared: Callable[..., PreparedFile]) -> None:
    config = BuildConfig(split_percent=(100, 0, 0))
    file = prepared("a.wav", clips=3)
    ids = [info.clip_id for _, info, _ in file.infos()]

    def donors(*gone: str) -> dict[str, set[int]]:
        withdrawn = Withdrawn(clips=dict.fromkeys(gone, Mark(None)))
        (plan,) = select([file], withdrawn, config).plans
        return {m.clip_id: {r.row_group for r in m.voices} for m in plan.members}

    assert donors() == {ids[0]: {1, 2}, ids[1]: {0, 2}, ids[2]: {0, 1}}
    assert donors(ids[1]) == {ids[0]: {2}, ids[2]: {0}}
    assert donors(ids[0], ids[1]) == {ids[2]: set()}


def test_voices_stay_within_a_recording(prepared: Callable[..., PreparedFile]) -> None:
    files = [prepared(name, clips=2, speakers=("anna", "ben")) for name in ("a.wav", "b.wav")]
    selection = select(files, Withdrawn(), BuildConfig(split_percent=(100, 0, 0)))
    for member in selection.plans[0].members:
        assert {r.row_group for r in member.voices} == {1 - member.row_group}
