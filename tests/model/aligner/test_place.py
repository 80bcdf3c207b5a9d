"""Utterances into words: as many come out as went in, whatever the aligner finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.aligner.contract import SAMPLE_RATE_HZ
from model.aligner.fill import spread
from model.aligner.place import PAD_S, place, place_all, too_many
from model.resample import Float32
from schemas.transcript import TimedWord, Utterance

LENGTH_S = 6.0
AUDIO = np.zeros(round(LENGTH_S * SAMPLE_RATE_HZ), np.float32)
WORDS = ["so", "--", "we'd", "rather", "你好", "go", "[laughter]", "home"]


@dataclass
class Scripted:
    """Places the words that it is told to, evenly over the audio."""

    placed: Sequence[bool]
    name: str = "scripted"
    digest: str = "0" * 64
    heard: Float32 | None = None

    def missing(self, language: str | None) -> str | None:
        return None

    def align(self, audio: Float32, words: Sequence[str], *, language: str | None) -> list[TimedWord | None]:
        self.heard = audio
        step_s = audio.size / SAMPLE_RATE_HZ / max(1, len(words))
        return [
            TimedWord(text=word, start_s=i * step_s, end_s=(i + 0.8) * step_s, confidence=0.9)
            if self.placed[i]
            else None
            for i, word in enumerate(words)
        ]


def said(start_s: float | None, end_s: float | None, words: Sequence[str] = WORDS) -> Utterance:
    return Utterance(speaker="a", start_s=start_s, end_s=end_s, text=" ".join(words))


times = st.none() | st.floats(-3.0, 10.0)


@given(times, times, st.lists(st.booleans(), min_size=len(WORDS), max_size=len(WORDS)))
def test_nothing_is_lost_and_all_is_in_order_inside_the_audio(
    start_s: float | None, end_s: float | None, placed: list[bool]
) -> None:
    found = place(AUDIO, said(start_s, end_s), "en", aligner=Scripted(placed))
    assert [word.text for word in found] == WORDS
    assert [word.confidence for word in found] == [0.9 if one else 0.0 for one in placed]
    assert all(0.0 <= word.start_s <= word.end_s <= LENGTH_S for word in found)
    assert all(a.end_s <= b.start_s for a, b in pairwise(found))


def test_a_word_without_a_place_lies_between_its_neighbours() -> None:
    placed = [True, False, True, True, False, True, True, True]
    found = place(AUDIO, said(1.0, 5.0), "en", aligner=Scripted(placed))
    assert (found[1].start_s, found[1].end_s) == (found[0].end_s, found[2].start_s)
    assert found[4].start_s == found[3].end_s < found[4].end_s == found[5].start_s


def test_without_any_place_the_words_share_the_utterances_time() -> None:
    found = place(AUDIO, said(1.0, 3.0), "en", aligner=Scripted([False] * len(WORDS)))
    assert found == spread(WORDS, 1.0, 3.0)


def test_words_are_looked_for_a_little_around_the_utterance() -> None:
    aligner = Scripted([True] * len(WORDS))
    ramp = np.arange(AUDIO.size, dtype=np.float32)
    place(ramp, said(1.0, 3.0), "en", aligner=aligner)
    assert aligner.heard is not None
    assert aligner.heard[0] == round((1.0 - PAD_S) * SAMPLE_RATE_HZ)
    assert aligner.heard[-1] == round((3.0 + PAD_S) * SAMPLE_RATE_HZ) - 1


def test_int16_is_heard_as_float() -> None:
    aligner = Scripted([True])
    place(np.full(AUDIO.size, -16_384, np.int16), said(None, None, ["hello"]), None, aligner=aligner)
    assert aligner.heard is not None
    assert aligner.heard.dtype == np.float32
    assert set(aligner.heard.tolist()) == {-0.5}
    assert aligner.heard.size == AUDIO.size


def test_words_that_have_times_keep_them() -> None:
    words = (TimedWord(text="hello", start_s=0.25, end_s=0.5, confidence=0.75),)
    utterance = Utterance(speaker="", start_s=0.0, end_s=1.0, text="hello", words=words)
    assert place(AUDIO, utterance, "en", aligner=Scripted([])) == words


def test_an_utterance_without_text_has_no_words() -> None:
    assert place(AUDIO, said(0.0, 1.0, []), "en", aligner=Scripted([])) == ()


def test_words_share_the_time_by_their_letters() -> None:
    assert spread(["a", "bcd,", "--"], 1.0, 6.0) == (
        TimedWord(text="a", start_s=1.0, end_s=2.0, confidence=0.0),
        TimedWord(text="bcd,", start_s=2.0, end_s=5.0, confidence=0.0),
        TimedWord(text="--", start_s=5.0, end_s=6.0, confidence=0.0),
    )


@given(st.lists(st.text(min_size=1, max_size=9), max_size=30), st.floats(0, 1e5), st.floats(0, 1e4))
def test_sharing_out_is_in_order_and_ends_at_the_end(words: list[str], start_s: float, length_s: float) -> None:
    found = spread(words, start_s, start_s + length_s)
    assert [word.text for word in found] == words
    assert all(word.start_s <= word.end_s for word in found)
    assert all(a.end_s == b.start_s for a, b in pairwise(found))
    if found:
        assert found[0].start_s == start_s
        assert found[-1].end_s == pytest.approx(start_s + length_s)


@dataclass
class Early:
    """Places all words from the start of what it hears on, 0.2 s each; it says what it was given."""

    name: str = "early"
    digest: str = "0" * 64

    def __post_init__(self) -> None:
        self.heard: list[tuple[int, list[str]]] = []

    def missing(self, language: str | None) -> str | None:
        return None

    def align(self, audio: Float32, words: Sequence[str], *, language: str | None) -> list[TimedWord | None]:
        self.heard.append((audio.size, list(words)))
        return [TimedWord(text=w, start_s=0.2 * i, end_s=0.2 * i + 0.2, confidence=0.5) for i, w in enumerate(words)]


def test_neighbours_nearer_than_the_margins_are_looked_for_together() -> None:
    aligner = Early()
    rows = [said(1.0, 1.5, ["a", "b"]), said(1.3, 1.8, ["c"]), said(4.0, 4.5, ["d"])]
    found = place_all(AUDIO, rows, "en", aligner=aligner)
    assert aligner.heard == [(round(1.4 * SAMPLE_RATE_HZ), ["a", "b", "c"]), (round(1.1 * SAMPLE_RATE_HZ), ["d"])]
    assert [word.text for word in found] == ["a", "b", "c", "d"]


def test_words_that_stray_from_their_utterance_are_looked_for_where_it_is() -> None:
    aligner = Early()
    rows = [said(1.0, 1.5, ["a"]), said(1.6, 2.2, ["b"]), said(2.5, 3.0, ["c"]), said(3.0, 3.5, ["d"])]
    found = place_all(AUDIO, rows, "en", aligner=aligner)
    assert [words for _, words in aligner.heard] == [
        ["a", "b", "c", "d"],
        ["a", "b"],
        ["a"],
        ["b"],
        ["c", "d"],
        ["c"],
        ["d"],
    ]
    assert all(row.start_s - PAD_S <= word.start_s for row, word in zip(rows, found, strict=True) if row.start_s)
    assert all(a.end_s <= b.start_s for a, b in pairwise(found))


def timed(*words: tuple[str, float, float]) -> Utterance:
    given = tuple(TimedWord(text=text, start_s=a, end_s=b) for text, a, b in words)
    text = " ".join(word.text for word in given)
    return Utterance(speaker="a", start_s=given[0].start_s, end_s=given[-1].end_s, text=text, words=given)


def test_words_between_given_ones_are_looked_for_between_them_and_those_stay() -> None:
    aligner = Early()
    parts = [timed(("hey", 1.0, 1.4)), said(1.4, 1.9, ["12"]), timed(("is", 1.9, 2.1), ("all", 2.1, 2.5))]
    found = place_all(AUDIO, parts, "en", aligner=aligner)
    assert aligner.heard == [(round(0.5 * SAMPLE_RATE_HZ), ["12"])]
    assert [(w.text, w.start_s, w.confidence) for w in found] == [
        ("hey", 1.0, 1.0),
        ("12", 1.4, 0.5),
        ("is", 1.9, 1.0),
        ("all", 2.1, 1.0),
    ]


def test_where_given_words_leave_no_room_their_edges_do() -> None:
    parts = [timed(("hey", 1.0, 1.4)), said(1.4, 1.4, ["12"]), timed(("all", 1.4, 1.41))]
    found = place_all(AUDIO, parts, "en", aligner=Early())
    assert [(w.text, w.confidence) for w in found] == [("hey", 1.0), ("12", 0.0), ("all", 1.0)]
    assert [w.start_s for w in found] == pytest.approx([1.0, 1.395, 1.405])
    assert all(word.start_s < word.end_s for word in found)
    assert all(a.end_s <= b.start_s for a, b in pairwise(found))


def test_more_words_than_anyone_says_stay_in_their_utterance() -> None:
    aligner = Early()
    many = said(1.0, 4.6, ["no"] * 6_000)
    found = place_all(AUDIO, [said(0.5, 1.0, ["so"]), many, said(4.6, 5.0, ["yes"])], "en", aligner=aligner)
    assert [words for _, words in aligner.heard] == [["so"], ["yes"]]
    assert too_many(many) and not too_many(said(1.0, 1.05, ["a"]))
    crowd = found[1:-1]
    assert (crowd[0].start_s, crowd[-1].end_s) == (1.0, 4.6)
    assert all(1.0 <= w.start_s < w.end_s <= 4.6 and w.confidence == 0.0 for w in crowd)
    assert all(a.end_s <= b.start_s for a, b in pairwise(found))


spans = st.lists(st.tuples(st.floats(0.0, 5.9), st.floats(0.0, 3.0), st.integers(1, 4), st.booleans()), max_size=6)


@given(spans, st.lists(st.booleans(), min_size=24, max_size=24))
def test_the_words_of_a_channel_are_in_order_disjoint_and_have_a_duration(
    rows: list[tuple[float, float, int, bool]], placed: list[bool]
) -> None:
    utterances = [said(a, min(a + length, LENGTH_S), WORDS[:n]) for a, length, n, _ in sorted(rows)]
    found = place_all(AUDIO, utterances, "en", aligner=Scripted(placed))
    assert [w.text for w in found] == [word for u in utterances for word in u.text.split()]
    assert all(0.0 <= w.start_s < w.end_s <= LENGTH_S + 1e-9 for w in found)
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(found))
