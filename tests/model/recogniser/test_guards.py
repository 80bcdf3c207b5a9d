"""The guards against words that nobody said: each rule by an example, and what holds of all of them for any words."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.recogniser.contract import Heard
from model.recogniser.guards import (
    AROUND_S,
    Kept,
    Words,
    compression,
    without_bleed,
    without_doubt,
    without_repeats,
    without_rush,
    without_silence,
)
from schemas.transcript import TimedWord


def said(text: str, start_s: float = 0.0, each_s: float = 0.3, gap_s: float = 0.0) -> Words:
    """The words of a text one after the other."""
    step_s = each_s + gap_s
    return tuple(
        TimedWord(text=w, start_s=start_s + i * step_s, end_s=start_s + i * step_s + each_s, confidence=0.5)
        for i, w in enumerate(text.split())
    )


def text(words: Words) -> str:
    return " ".join(word.text for word in words)


def test_words_in_silence_go_and_those_in_speech_stay() -> None:
    words = said("thank you for watching", 0.0, 0.5)
    kept, removed = without_silence(words, [(0.9, 1.5)])
    assert (text(kept), removed) == ("you for", 2)


def test_a_word_that_reaches_into_silence_is_cut_to_the_speech() -> None:
    (word,), removed = without_silence(said("well", 0.0, 2.0), [(1.5, 1.9)])
    assert removed == 0
    assert (word.start_s, word.end_s) == (pytest.approx(1.5 - AROUND_S), 2.0)


def test_without_activity_there_are_no_words() -> None:
    assert without_silence(said("you"), []) == ((), 1)


@pytest.mark.parametrize(
    "spoken",
    [
        "no no no no no no",
        "yeah yeah yeah yeah I know",
        "come on come on come on",
        "I mean I mean you know you know",
        "ha ha ha ha ha ha ha ha",
        "it was very very very good really really good",
    ],
)
def test_what_people_say_again_stays(spoken: str) -> None:
    assert without_repeats(said(spoken)) == (said(spoken), 0)


@pytest.mark.parametrize(
    ("loop", "kept"),
    [
        ("so " + "you " * 40, "so you"),
        ("Thank you. thank you " * 6, "Thank you."),
        ("I'm going to " * 5 + "I'm going", "I'm going to"),
        ("the end " + "of the day at the " * 4 + "of the", "the end of the day at the"),
        ("no " * 12 + "not really", "no not really"),
    ],
)
def test_loops_are_cut_to_their_first_round(loop: str, kept: str) -> None:
    words = said(loop)
    left, removed = without_repeats(words)
    assert text(left) == kept
    assert removed == len(words) - len(left)


def test_fast_speech_is_speech() -> None:
    assert without_rush(said("I don't know what you are going to do about that", each_s=0.14))[1] == 0
    assert without_rush(said("to a", each_s=0.0))[1] == 0  # unstressed words may last less than a frame
    assert without_rush(said("strengths", each_s=0.18))[1] == 0


def test_a_pile_of_words_at_one_moment_was_not_said() -> None:
    piled = said("and then we went to the station to see", 29.9, 0.0)
    assert text(without_rush(piled)[0]) == "and then we"
    after = said("this is real", 31.0)
    assert text(without_rush((*piled, *after))[0]) == "and then we this is real"


def test_a_long_word_in_no_time_was_not_said() -> None:
    assert without_rush(said("internationalisation", each_s=0.02)) == ((), 1)


@pytest.mark.parametrize(
    ("no_speech", "log_probability", "stays"),
    [(0.9, -1.5, False), (0.9, -0.4, True), (0.1, -1.5, True), (None, None, True), (None, -3.0, True)],
)
def test_a_stretch_that_the_recogniser_doubts(
    no_speech: float | None, log_probability: float | None, stays: bool
) -> None:
    heard = Heard(said("you know"), no_speech=no_speech, log_probability=log_probability)
    assert without_doubt(heard) == ((heard.words, 0) if stays else ((), 2))


def test_a_text_that_says_the_same_in_ever_new_turns_is_doubted() -> None:
    loop = " ".join(f"we are going to go to the next slide {n} and we are going to go" for n in range(12))
    assert compression(said(loop)) > 2.4
    assert without_doubt(Heard(said(loop)))[0] == ()
    real = (
        "well I was thinking about that the other day when my sister came round because she had just been to see "
        "the doctor and he told her that there was nothing wrong with the knee but that she should rest it anyway"
    )
    assert without_doubt(Heard(said(real)))[1] == 0


ACTIVE = [(0.0, 10.0)]


def levels(*of_channel: float) -> Callable[[int, float, float], float]:
    return lambda channel, start_s, end_s: of_channel[channel]


def test_the_others_words_heard_through_go() -> None:
    words = said("did you call"), said("Did you, call!", 0.05)
    (first, second), removed = without_bleed(words, (ACTIVE, ACTIVE), levels(-20.0, -41.0), (-120.0, -20.0))
    assert (text(first), second, removed) == ("did you call", (), 3)


def test_the_same_word_of_both_at_their_own_levels_stays() -> None:
    words = said("okay"), said("okay", 0.05)
    assert without_bleed(words, (ACTIVE, ACTIVE), levels(-20.0, -30.0), (-25.0, -20.0)) == (words, 0)
    assert without_bleed(words, (ACTIVE, ACTIVE), levels(-20.0, -20.0), (0.0, 0.0)) == (words, 0)


def test_where_only_the_other_is_active_his_word_is_his() -> None:
    words = said("okay", 1.0), said("okay", 1.0)
    kept, removed = without_bleed(words, (ACTIVE, [(1.5, 3.0)]), levels(-20.0, -30.0), (-120.0, -120.0))
    assert (kept, removed) == ((words[0], ()), 1)


def test_another_word_or_another_time_is_no_bleed() -> None:
    quiet = levels(-20.0, -45.0)
    for other in (said("right"), said("okay", 0.9)):
        words = said("okay"), other
        assert without_bleed(words, (ACTIVE, ACTIVE), quiet, (-120.0, -20.0)) == (words, 0)


times = st.floats(0.0, 30.0, allow_nan=False)
spoken_words = st.lists(
    st.builds(
        lambda w, a, d: (w, a, d),
        st.sampled_from(["no", "yeah", "thank", "you", "strengths", "a", "b"]),
        times,
        st.floats(0.0, 1.0),
    ),
    max_size=40,
).map(
    lambda parts: tuple(
        TimedWord(text=w, start_s=a, end_s=min(a + d, b), confidence=0.5)
        for (w, a, d), (_, b, _) in pairwise([*sorted(parts, key=lambda p: p[1]), ("", 40.0, 0.0)])
    )
)
intervals = st.lists(times, max_size=12).map(lambda t: list(zip(sorted(t)[::2], sorted(t)[1::2], strict=False)))
GUARDS: dict[str, Callable[[Words, list[tuple[float, float]]], Kept]] = {
    "silence": without_silence,
    "repeats": lambda words, _: without_repeats(words),
    "rush": lambda words, _: without_rush(words),
    "doubt": lambda words, _: without_doubt(Heard(words, no_speech=0.7, log_probability=-0.5)),
}


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS.keys())
@given(words=spoken_words, active=intervals)
def test_guards_only_take_away_keep_the_order_count_and_are_done_at_once(
    guard: Callable[[Words, list[tuple[float, float]]], Kept], words: Words, active: list[tuple[float, float]]
) -> None:
    kept, removed = guard(words, active)
    assert len(kept) + removed == len(words)
    left = iter(words)
    for word in kept:  # a subsequence, each at most as long as it was
        assert any(
            w.text == word.text
            and w.start_s <= word.start_s <= word.end_s <= w.end_s
            and w.confidence == word.confidence
            for w in left
        )
    assert all(a.end_s <= b.start_s for a, b in pairwise(kept))
    assert guard(kept, active) == (kept, 0)


@given(spoken_words, spoken_words, intervals, intervals, st.floats(-60.0, 0.0), st.floats(-120.0, 0.0))
def test_bleed_is_taken_from_one_side_only_and_at_once(
    one: Words, other: Words, active: list[tuple[float, float]], active_2: list[tuple[float, float]],
    level_db: float, leakage_db: float,
) -> None:  # fmt: skip
    def level(channel: int, start_s: float, end_s: float) -> float:
        return level_db if (channel == 0) == (int(start_s) % 2 == 0) else -30.0

    sides = (active, active_2)
    kept, removed = without_bleed((one, other), sides, level, (leakage_db, leakage_db))
    assert len(kept[0]) + len(kept[1]) + removed == len(one) + len(other)
    assert set(kept[0]) <= set(one) and set(kept[1]) <= set(other)
    assert without_bleed(kept, sides, level, (leakage_db, leakage_db)) == (kept, 0)
    mirrored, again = without_bleed(
        (other, one), (active_2, active), lambda c, a, b: level(1 - c, a, b), (leakage_db, leakage_db)
    )
    assert (mirrored, again) == ((kept[1], kept[0]), removed)
