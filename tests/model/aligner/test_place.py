"""Utterances into words: as many come out as went in, whatever the aligner finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.aligner.contract import SAMPLE_RATE_HZ
from model.aligner.place import PAD_S, place, spread
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
