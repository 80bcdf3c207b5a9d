"""The built-in aligner on a demo recording, whose word times are known, and on what is no speech or no English.

Measured with `python -m pipeline.bench_words`: median 10 ms, 98 % within 80 ms on all of the demo's recordings.
"""

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.aligner.contract import Aligner, AlignerError
from model.aligner.load import load_aligner
from model.aligner.place import place
from model.aligner.sphinx import SphinxAligner
from model.resample import Float32, Resampler
from schemas.recording import SAMPLE_RATE_HZ, Source
from schemas.transcript import TimedWord, Utterance
from stages.decode import decode

DEMO = Path(__file__).parents[3] / "demo" / "recordings"
True_ = list[list[Any]]


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    return load_aligner("builtin")


@pytest.fixture(scope="module")
def audio() -> Float32:
    """A speaker of 41 s; the other one is on another file."""
    source = Source(uri=str(DEMO / "studio-kitchen.left.flac"), origin="test")
    resampler = Resampler(SAMPLE_RATE_HZ, SAMPLE_RATE_HZ, 1)
    return np.concatenate([*(resampler.push(block) for block in decode(source))], axis=1)[0]


@pytest.fixture(scope="module")
def words() -> True_:
    facts = json.loads((DEMO / "truth" / "studio-kitchen.json").read_text())
    said: True_ = facts["words"][0]
    return said


def late_ms(found: list[TimedWord | None], true: True_) -> np.ndarray[Any, np.dtype[np.float64]]:
    """How late each word starts and ends, [words, 2]."""
    pairs = [(f.start_s - t[1], f.end_s - t[2]) for f, t in zip(found, true, strict=True) if f]
    assert len(pairs) == len(true)
    return 1e3 * np.array(pairs)


def ordered(found: list[TimedWord], length_s: float) -> bool:
    inside = all(0.0 <= word.start_s < word.end_s <= length_s for word in found)
    return inside and all(a.end_s <= b.start_s for a, b in pairwise(found))


@pytest.fixture(scope="module")
def found(aligner: Aligner, audio: Float32, words: True_) -> list[TimedWord | None]:
    """The whole channel, longer than a window, from its text alone."""
    return aligner.align(audio, [word[0] for word in words], language="en")


def test_words_are_where_they_are_said(found: list[TimedWord | None], words: True_) -> None:
    off = np.abs(late_ms(found, words))
    assert np.all(np.median(off, axis=0) <= 30.0)
    assert np.all((off <= 80.0).mean(axis=0) >= 0.9)
    assert [word.text for word in found if word] == [word[0] for word in words]


def test_words_are_in_order_and_inside_the_audio(found: list[TimedWord | None], audio: Float32) -> None:
    assert ordered([word for word in found if word], audio.size / SAMPLE_RATE_HZ)


def test_confidence_tells_the_text_from_another(
    aligner: Aligner, audio: Float32, words: True_, found: list[TimedWord | None]
) -> None:
    texts = [word[0] for word in words]
    half = len(texts) // 2
    other = aligner.align(audio, texts[half:] + texts[:half], language="en")
    right, wrong = ([word.confidence for word in side if word] for side in (found, other))
    assert all(0.0 <= c <= 1.0 for c in right + wrong)
    assert np.mean(right) >= 0.8
    assert np.mean(wrong) <= 0.4


def test_an_utterance_is_found_in_bounds_that_are_too_wide(aligner: Aligner, audio: Float32, words: True_) -> None:
    true = words[:6]
    text = " ".join(word[0] for word in true)
    utterance = Utterance(speaker="", start_s=true[0][1] - 0.2, end_s=true[-1][2] + 0.2, text=text)
    off = np.abs(late_ms(list(place(audio, utterance, "en", aligner=aligner)), true))
    assert np.all(np.median(off, axis=0) <= 30.0)


def test_what_nobody_says_and_what_nobody_can_say_has_no_place(
    aligner: Aligner, audio: Float32, words: True_
) -> None:
    true = words[:4]
    first, last = (round(t * SAMPLE_RATE_HZ) for t in (true[0][1] - 0.2, true[-1][2] + 0.2))
    texts = [w[0] for w in true]
    given_words = [texts[0].upper() + "!", "[laughter]", texts[1], "你好", "--", *texts[2:]]
    found = aligner.align(audio[max(0, first) : last], given_words, language="en-GB")
    assert [word.text if word else None for word in found] == [
        given_words[0], None, texts[1], None, None, *texts[2:],
    ]  # fmt: skip
    assert ordered([word for word in found if word], (last - max(0, first)) / SAMPLE_RATE_HZ)


def test_a_word_that_the_dictionary_lacks_is_placed_by_its_letters(
    aligner: Aligner, audio: Float32, words: True_
) -> None:
    longest = max(range(8), key=lambda i: len(words[i][0]))
    texts = [word[0] for word in words[:8]]
    texts[longest] = f"{texts[longest][0]}{texts[longest]}"  # as a stutter is written
    end = round((words[7][2] + 0.2) * SAMPLE_RATE_HZ)
    off = np.abs(late_ms(aligner.align(audio[:end], texts, language=None), words[:8]))
    assert off[longest].max() <= 150.0


def test_other_languages_have_no_words_and_a_reason(aligner: Aligner, audio: Float32) -> None:
    assert aligner.align(audio, ["guten", "Tag"], language="de") == [None, None]
    assert "de" in str(aligner.missing("de"))
    assert aligner.missing(None) is None
    assert aligner.missing("en-US") is None


def test_the_same_again_whatever_came_before(aligner: Aligner, audio: Float32, words: True_) -> None:
    piece, texts = audio[: 6 * SAMPLE_RATE_HZ], [word[0] for word in words if word[2] < 6.0]
    once = aligner.align(piece, texts, language="en")
    aligner.align(audio[10 * SAMPLE_RATE_HZ : 14 * SAMPLE_RATE_HZ], ["something", "else"], language="en")
    assert repr(aligner.align(piece, texts, language="en")) == repr(once)
    assert repr(SphinxAligner().align(piece, texts, language="en")) == repr(once)


def test_it_says_nothing_on_the_terminal(aligner: Aligner, audio: Float32, capfd: pytest.CaptureFixture[str]) -> None:
    aligner.align(audio[:SAMPLE_RATE_HZ], ["hello"] * 3, language="en")
    aligner.align(np.zeros(2_000, np.float32), ["hello"], language="en")
    assert capfd.readouterr() == ("", "")


@settings(max_examples=12)
@given(
    st.lists(st.sampled_from(["hello", "so", "25", "--", "[noise]", "Zsadányi", "好", "a"]), max_size=6),
    st.integers(0, 30_000),
    st.sampled_from([0.0, 1e-4, 0.3]),
)
def test_as_many_words_as_went_in_whatever_the_audio(words: list[str], samples: int, level: float) -> None:
    noise = np.random.default_rng(samples).standard_normal(samples, np.float32) * np.float32(level)
    found = SHARED.align(noise, words, language="en")
    assert len(found) == len(words)
    assert all(word is None or math.isfinite(word.confidence) for word in found)
    assert ordered([word for word in found if word], samples / SAMPLE_RATE_HZ)


SHARED = SphinxAligner()


def test_the_digest_is_of_the_model_and_the_same_again(aligner: Aligner) -> None:
    assert aligner.name == "builtin"
    assert aligner.digest == SphinxAligner().digest
    assert len(bytes.fromhex(aligner.digest)) == 32


def test_a_folder_without_a_model_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(AlignerError, match=r"no English model in .*: install pocketsphinx"):
        SphinxAligner(tmp_path)
