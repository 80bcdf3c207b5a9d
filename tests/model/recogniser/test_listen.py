"""Both channels of a span heard by a recogniser that makes things up: what is left is what was said."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from model.recogniser.contract import MAX_STRETCH_S, SAMPLE_RATE_HZ, Heard
from model.recogniser.listen import level_db, listen
from model.resample import Float32, Int16
from schemas.conversation import Segment
from schemas.transcript import Removed, TimedWord

NO_LEAK = (-120.0, -120.0)


class Fabulist:
    """Writes "hello" every second from 0.3 s on, whatever it is given, and then what else it is told to."""

    name = "fabulist"
    digest = ""

    def __init__(
        self, *more: TimedWord, no_speech: float | None = None, log_probability: float | None = None
    ) -> None:
        self._more, self._no_speech, self._log_probability = more, no_speech, log_probability
        self.given: list[tuple[float, str | None]] = []
        self.asked: list[float] = []

    def missing(self, language: str | None) -> str | None:
        return None

    def language_of(self, audio: Float32) -> str | None:
        self.asked.append(audio.size / SAMPLE_RATE_HZ)
        return "cy"

    def recognise(self, audio: Float32, *, language: str | None) -> Heard:
        length_s = audio.size / SAMPLE_RATE_HZ
        assert length_s <= MAX_STRETCH_S + 1e-3
        self.given.append((length_s, language))
        words = [_word(f"hello{i}", i + 0.3, i + 0.7) for i in range(int(length_s)) if i + 0.7 <= length_s]
        more = [word for word in self._more if word.end_s <= length_s]
        said = tuple(sorted([*words, *more], key=lambda word: word.start_s))
        return Heard(said, no_speech=self._no_speech, log_probability=self._log_probability)


def _word(text: str, start_s: float, end_s: float) -> TimedWord:
    return TimedWord(text=text, start_s=start_s, end_s=end_s, confidence=0.9)


def segment(channel: int, start_s: float, end_s: float) -> Segment:
    return Segment(channel=channel, start_s=start_s, end_s=end_s)


def pcm(length_s: float, *levels: float) -> Int16:
    """Noise on two channels at levels full scale 1."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((2, round(length_s * SAMPLE_RATE_HZ))) * np.array(levels)[:, None] * 32768.0
    return noise.astype(np.int16)


def heard(
    recogniser: Fabulist,
    segments: Sequence[Segment],
    *,
    audio: Int16 | None = None,
    leakage_db: tuple[float, float] = NO_LEAK,
) -> tuple[list[str], list[str], Removed]:
    sound = pcm(60.0, 0.1, 0.1) if audio is None else audio
    words, removed = listen(sound, segments, leakage_db, "en", recogniser)
    for side in words:
        assert all(a.end_s <= b.start_s for a, b in pairwise(side))
    return [w.text for w in words[0]], [w.text for w in words[1]], removed


def test_silence_is_not_listened_to() -> None:
    recogniser = Fabulist()
    assert heard(recogniser, []) == ([], [], Removed())
    assert heard(recogniser, [segment(1, 10.2, 13.0)]) == ([], ["hello0", "hello1", "hello2"], Removed())
    assert recogniser.given == [(pytest.approx(3.2), "en")]


def test_words_are_on_the_spans_clock_and_not_in_pauses() -> None:
    recogniser = Fabulist()
    words, removed = listen(
        pcm(30.0, 0.1, 0.1), [segment(0, 20.2, 21.0), segment(0, 21.95, 23.0)], NO_LEAK, "en", recogniser
    )
    assert [(w.text, w.start_s, w.end_s) for w in words[0]] == [
        ("hello0", pytest.approx(20.3), pytest.approx(20.7)),
        ("hello2", pytest.approx(22.3), pytest.approx(22.7)),
    ]
    assert removed == Removed(silent=1)


def test_loops_piles_and_stretches_that_it_doubts_itself() -> None:
    loop = [_word("you", 0.7 + i / 200, 0.7 + (i + 1) / 200) for i in range(30)]
    assert heard(Fabulist(*loop), [segment(0, 0.0, 2.0)]) == (["hello0", "you", "hello1"], [], Removed(repeats=29))
    pile = [_word(f"and{c}so", 0.8, 0.8) for c in "abcdefgh"]
    first, _, removed = heard(Fabulist(*pile), [segment(0, 0.0, 2.0)])
    assert (first, removed) == (["hello0", "andaso", "hello1"], Removed(rushed=7))
    doubtful = Fabulist(no_speech=0.95, log_probability=-1.2)
    assert heard(doubtful, [segment(0, 0.0, 2.0)]) == ([], [], Removed(doubtful=2))


def test_the_others_words_from_bleed_are_counted_once_for_all() -> None:
    both = [segment(0, 5.2, 8.0), segment(1, 5.2, 8.0)]
    loud, quiet = ["hello0", "hello1", "hello2"], Removed(bleed=3)
    assert heard(Fabulist(), both, audio=pcm(20.0, 0.1, 0.008), leakage_db=(-120.0, -22.0)) == (loud, [], quiet)
    assert heard(Fabulist(), both, audio=pcm(20.0, 0.1, 0.05), leakage_db=(-30.0, -30.0)) == (loud, loud, Removed())


def test_a_long_monologue_is_heard_in_pieces_cut_where_it_is_quiet() -> None:
    audio = pcm(60.0, 0.1, 0.1)
    audio[0, round(26.0 * SAMPLE_RATE_HZ) : round(26.2 * SAMPLE_RATE_HZ)] = 0
    recogniser = Fabulist()
    heard(recogniser, [segment(0, 0.0, 50.0)], audio=audio)
    (first, _), (second, _) = recogniser.given
    assert 26.0 <= first <= 26.2
    assert first + second == pytest.approx(50.2)


def test_the_longest_stretch_tells_a_language_that_is_not_known() -> None:
    recogniser = Fabulist()
    listen(pcm(30.0, 0.1, 0.1), [segment(0, 1.0, 2.0), segment(1, 4.0, 9.0)], NO_LEAK, None, recogniser)
    assert recogniser.asked == [pytest.approx(5.4)]
    assert [language for _, language in recogniser.given] == ["cy", "cy"]


def test_channels_swapped_give_words_swapped() -> None:
    segments = [segment(0, 0.0, 4.0), segment(1, 2.0, 7.0)]
    swapped = [segment(1 - s.channel, s.start_s, s.end_s) for s in segments]
    audio = pcm(20.0, 0.1, 0.02)
    one = heard(Fabulist(), segments, audio=audio, leakage_db=(-40.0, -15.0))
    other = heard(Fabulist(), swapped, audio=audio[::-1].copy(), leakage_db=(-15.0, -40.0))
    assert one == (other[1], other[0], other[2])


def test_levels() -> None:
    audio = pcm(1.0, 0.1, 0.0)
    assert level_db(audio[0], 0.0, 1.0) == pytest.approx(-20.0, abs=0.1)
    assert level_db(audio[1], 0.0, 1.0) == level_db(audio[0], 5.0, 6.0) == -120.0
