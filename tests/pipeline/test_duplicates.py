"""Near duplicates among made landmarks: which one is kept, what is told, and that the order changes nothing."""

import gc
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import duplicates
from pipeline.config import BuildConfig
from pipeline.duplicates import MOST_ALIKE
from pipeline.select import Selection, select
from schemas.clip import Clip, ClipInfo
from schemas.licence import SpeakersConsent
from schemas.policy import DEFAULT, Asks, Rule
from schemas.prepared import PreparedFile, PreparedWriter
from schemas.recording import Recording
from schemas.shard import NearDuplicates
from schemas.withdrawn import Mark, Withdrawn

UInt32 = np.ndarray
Corpus = Callable[..., list[PreparedFile]]
CONFIG = BuildConfig(split_percent=(34, 33, 33), shard_mb=1)
CONSENTED = replace(DEFAULT, rules=(Rule(asks=Asks.SPEAKERS_CONSENT, accepts=("given",)),))


def made(seed: int, seconds: float = 60.0) -> UInt32:
    """Three landmarks a second, anywhere."""
    rng = np.random.default_rng(seed)
    times, tones = rng.integers(0, int(seconds * 125), int(3 * seconds)), rng.integers(75, 750, int(3 * seconds))
    return np.unique(times << 10 | tones).astype(np.uint32)


def cut(marks: UInt32, start_s: float = 0.0, end_s: float = 1e4, lost: float = 0.0, seed: int = 0) -> UInt32:
    """A part of it, on its own clock, and not all of that."""
    times = marks >> 10
    there = np.random.default_rng(seed).random(len(marks)) >= lost
    inside = (times >= start_s * 125) & (times < end_s * 125) & there
    return (marks[inside] - (np.uint32(start_s * 125) << np.uint32(10))).astype(np.uint32)


def joined(one: UInt32, other: UInt32, at_s: float) -> UInt32:
    """The second from `at_s` on."""
    return np.unique(np.concatenate([one, other + (np.uint32(at_s * 125) << np.uint32(10))]))


@pytest.fixture
def corpus(
    tmp_path: Path, make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]
) -> Callable[..., list[PreparedFile]]:
    """corpus(name=(landmarks, seconds, separated, leakage in dB), ...): a prepared file of one clip for each."""

    def make(**clips: tuple[UInt32, float, bool, float]) -> list[PreparedFile]:
        files = []
        for name, (marks, seconds, separated, leakage_db) in clips.items():
            recording = make_recording(name)
            clip = make_clip(recording)
            info = replace(
                clip.info,
                end_s=clip.info.start_s + seconds,
                quality=replace(clip.info.quality, leakage_db=(leakage_db, -60.0)),
                provenance=replace(clip.info.provenance, separated=separated),
            )
            path = tmp_path / f"{name}.parquet"
            writer = PreparedWriter(path, recording, "f" * 64)
            writer.add(replace(clip, info=info, landmarks=marks.astype("<u4").tobytes()))
            writer.close()
            files.append(PreparedFile(path, recording.licence))
        return files

    return make


def plain(marks: UInt32, seconds: float = 60.0) -> tuple[UInt32, float, bool, float]:
    return marks, seconds, False, -40.0


def kept(selection: Selection) -> dict[str, str]:
    """Name -> split of the clips that are kept."""
    return {Path(m.prepared).stem: plan.split.value for plan in selection.plans for m in plan.members}


def dropped(selection: Selection) -> dict[str, str]:
    """Name -> reason."""
    return {row.info.provenance.uri: row.reason or "" for row in selection.dropped}


def run(files: Sequence[PreparedFile], withdrawn: Sequence[str] = (), **fields: object) -> Selection:
    return select(files, Withdrawn(clips={one: Mark(None) for one in withdrawn}), replace(CONFIG, **fields))


def test_the_better_one_is_kept_and_the_other_says_why(corpus: Corpus) -> None:
    sound = made(1)
    for better, worse in (
        ((sound, 60.0, False, -20.0), (sound, 60.0, True, -90.0)),  # came on two channels
        ((sound, 60.0, False, -20.0), (cut(sound, 5.0), 55.0, False, -90.0)),  # longer
        ((sound, 60.0, False, -30.0), (sound, 60.0, False, -20.0)),  # leaks less
    ):
        for names in (("a", "b"), ("b", "a")):
            selection = run(corpus(**dict(zip(names, (better, worse), strict=True)), other=plain(made(2))))
            assert set(kept(selection)) == {names[0], "other"}
            (row,) = selection.dropped
            assert (row.info.provenance.uri, row.reason) == (names[1], "near_duplicate")
            (mine,) = selection.duplicates[row.clip_id]
            assert f"100% of its speech is in clip {mine.clip_id} ({names[0]}, " in (row.detail or "")


def test_of_equals_the_smallest_id_is_kept(corpus: Corpus) -> None:
    selection = run(corpus(**{name: plain(made(1)) for name in "abcde"}))
    (member,) = (m for plan in selection.plans for m in plan.members)
    assert member.clip_id < min(row.clip_id for row in selection.dropped)
    assert len(selection.dropped) == 4


def test_the_index_tells_both_how_much_the_other_holds_and_where(corpus: Corpus) -> None:
    sound = made(3, 120.0)
    selection = run(corpus(whole=plain(sound, 120.0), part=plain(cut(sound, 40.0, 100.0, lost=0.2))))
    (part,) = selection.dropped
    (mine,) = selection.duplicates[part.clip_id]
    (theirs,) = selection.duplicates[mine.clip_id]
    assert theirs.clip_id == part.clip_id
    assert (mine.likeness, mine.offset_s) == (1.0, pytest.approx(-40.0, abs=0.01))
    assert (theirs.likeness, theirs.offset_s) == (pytest.approx(0.5, abs=0.05), pytest.approx(40.0, abs=0.01))


@given(st.randoms())
def test_the_order_of_files_changes_nothing(rng: random.Random) -> None:
    files = _FILES[:]
    expected = run(files)
    rng.shuffle(files)
    assert run(files) == expected
    assert len(kept(expected)) < len(files)


def test_parts_of_several_clips_are_dropped_too(corpus: Corpus) -> None:
    sound = made(4, 240.0)
    one, other = cut(sound, 0.0, 118.0), cut(sound, 118.0, 240.0)
    selection = run(
        corpus(one=plain(one, 118.0), other=plain(other, 122.0), across=plain(cut(sound, 80.0, 160.0), 80.0))
    )
    assert set(kept(selection)) == {"one", "other"}
    assert "in 2 clips" in (selection.dropped[0].detail or "")


def test_clips_that_share_less_stay_and_lie_in_one_split(corpus: Corpus) -> None:
    for seed in range(10, 30, 2):
        sound = made(seed, 100.0)
        half = joined(cut(sound, 0.0, 50.0), made(seed + 1, 50.0), 50.0)
        selection = run(corpus(**{f"a{seed}": plain(sound, 100.0), f"b{seed}": plain(half, 99.0)}))
        assert len(set(kept(selection).values())) == 1
        assert len(kept(selection)) == 2
        likenesses = [d.likeness for found in selection.duplicates.values() for d in found]
        assert likenesses == pytest.approx([0.5, 0.5], abs=0.1)  # stretches of 4 s count whole
        assert max(likenesses) < MOST_ALIKE


def test_a_greeting_that_all_have_makes_no_duplicates(corpus: Corpus) -> None:
    greeting = made(5, 12.0)
    calls = {f"call{n}": plain(joined(greeting, made(50 + n, 60.0), 12.0), 72.0) for n in range(20)}
    selection = run(corpus(**calls))
    assert not selection.duplicates
    assert len(kept(selection)) == 20
    assert len(set(kept(selection).values())) == 3


def test_a_phrase_at_many_places_makes_no_duplicates(corpus: Corpus) -> None:
    phrase = made(6, 3.0)
    calls = {}
    for n in range(6):
        sound = made(70 + n)
        for at_s in np.random.default_rng(n).uniform(0, 57, 6):
            sound = joined(sound, phrase, float(at_s))
        calls[f"call{n}"] = plain(sound)
    assert not run(corpus(**calls)).duplicates


def test_clips_without_speech_are_no_duplicates(corpus: Corpus) -> None:
    assert len(kept(run(corpus(**{name: plain(made(1)[:0]) for name in "abc"})))) == 3


def test_they_stay_if_they_are_to_but_never_in_two_splits(corpus: Corpus) -> None:
    for seed in range(10):
        files = corpus(**{f"a{seed}": plain(made(seed)), f"b{seed}": plain(cut(made(seed), 3.0), 57.0)})
        selection = run(files, near_duplicates=NearDuplicates.KEEP)
        assert not selection.dropped
        assert len(set(kept(selection).values())) == 1
        assert len(selection.duplicates) == 2


def test_a_copy_of_what_is_withdrawn_does_not_take_its_place(corpus: Corpus) -> None:
    sound = made(7)
    files = corpus(a=plain(sound), b=plain(cut(sound, 4.0), 56.0), other=plain(made(8)))
    first = next(iter(files[0].infos()))[1].clip_id
    copy = next(iter(files[1].infos()))[1].clip_id
    for near_duplicates in NearDuplicates:
        for withdrawn in (first, copy):  # the longer one, or the part of it
            selection = run(files, [withdrawn], near_duplicates=near_duplicates)
            assert {row.clip_id: row.reason for row in selection.dropped} == dict.fromkeys((first, copy), "withdrawn")
            assert set(kept(selection)) == {"other"}
            details = {row.clip_id: row.detail or "" for row in selection.dropped}
            assert withdrawn in details[first if withdrawn == copy else copy]


def saying(file: PreparedFile, word: str) -> PreparedFile:
    return PreparedFile(file.path, replace(file.licence, speakers_consent=SpeakersConsent(word)))


def test_a_copy_of_what_speakers_objected_to_does_not_take_its_place(corpus: Corpus) -> None:
    sound = made(7)
    files = corpus(a=plain(sound), b=plain(cut(sound, 4.0), 56.0), other=plain(made(8)))
    for word, gone in (("withdrawn", True), ("refused", True), ("unknown", False)):
        for at in (0, 1):  # the longer one, or the part of it
            words = ["given"] * at + [word] + ["given"] * (2 - at)
            selection = run(list(map(saying, files, words)), policy=CONSENTED)
            if gone:
                assert dropped(selection) == {"a": "licence_refused", "b": "licence_refused"}
                assert set(kept(selection)) == {"other"}
                assert "whose speakers refused or withdrew" in " ".join(row.detail or "" for row in selection.dropped)
            else:  # it is refused, but nobody objected: the copy's own consent counts
                assert set(kept(selection)) == {"ab".replace("ab"[at], ""), "other"}


def test_a_recording_is_held_by_little_of_it(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is known of a clip, 11 KiB, is not held for those that have a duplicate."""
    held: list[int] = []
    inner = duplicates.held_by_better

    def counted(*arguments: object) -> object:
        held.append(sum(type(one) is ClipInfo for one in gc.get_objects()))
        return inner(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(duplicates, "held_by_better", counted)
    files = corpus(**{name: plain(made(7)) for name in "abcdef"})
    before = sum(type(one) is ClipInfo for one in gc.get_objects())
    assert len(kept(run(files))) == 1
    assert held[0] <= before + 1


def test_one_that_is_not_kept_anyway_holds_nobody_out(corpus: Corpus) -> None:
    sound = made(9)
    selection = run(corpus(leaks=(sound, 60.0, True, -5.0), part=(cut(sound, 8.0), 52.0, True, -30.0)))
    assert dropped(selection) == {"leaks": "leakage"}
    assert set(kept(selection)) == {"part"}
    assert len(selection.duplicates) == 2


def test_many_copies_leave_one(corpus: Corpus) -> None:
    copies = {f"copy{n}": plain(cut(made(1, 90.0), lost=0.2, seed=n), 90.0 - n / 10) for n in range(40)}
    assert set(kept(run(corpus(**copies)))) == {"copy0"}


_FILES: list[PreparedFile] = []


@pytest.fixture(autouse=True)
def _mixed(corpus: Corpus) -> None:
    """Files for the property test, which takes no fixtures of a function's scope."""
    sound, long = made(20), made(21, 150.0)
    _FILES[:] = corpus(
        m1=plain(sound),
        m2=(cut(sound, 2.0, lost=0.3), 58.0, True, -30.0),
        m3=plain(cut(sound, 0.0, 30.0), 30.0),
        m4=plain(long, 150.0),
        m5=plain(cut(long, 50.0, 110.0, lost=0.4)),
        m6=plain(joined(cut(long, 100.0), made(22), 50.0), 110.0),
        m7=plain(made(23)),
    )
