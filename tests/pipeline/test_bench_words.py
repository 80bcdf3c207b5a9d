"""The bench of word times: what it takes for true, how it makes it harder, and its table."""

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.aligner.place import PAD_S
from pipeline.bench_words import HEADER, WIDER_S, Errors, rows, trust
from pipeline.bench_words_audio import CONDITIONS, SNR_DB, Voice, demo_voices, folder_voice, hardened, speech_edges
from pipeline.score_audio import ScoreError
from schemas.recording import SAMPLE_RATE_HZ
from schemas.transcript import TimedWord

DEMO = Path(__file__).parents[2] / "demo" / "recordings"
Float32 = NDArray[np.float32]


def tone(*parts_s: float) -> Float32:
    """Silence and tone in turn."""
    parts = [np.full(round(s * SAMPLE_RATE_HZ), n % 2, np.float32) for n, s in enumerate(parts_s)]
    level = np.concatenate(parts)
    return level * np.sin(np.arange(level.size, dtype=np.float32)) * np.float32(0.5)


def voice(name: str = "a 0") -> Voice:
    audio = tone(1.0, 0.5, 1.0, 1.0, 1.0)
    said = (
        (TimedWord(text="hello", start_s=1.0, end_s=1.5),),
        (TimedWord(text="you", start_s=2.5, end_s=3.0), TimedWord(text="there", start_s=3.0, end_s=3.5)),
    )
    return Voice(name, audio, said, tone(0.0, 1.0))


class Late:
    """Gives the words of one utterance their true times, 10 ms late, and no others a place."""

    name = "late"
    digest = ""

    def missing(self, language: str | None) -> str | None:
        return None

    def align(self, audio: Float32, words: Sequence[str], *, language: str | None) -> list[TimedWord | None]:
        if list(words) != ["you", "there"]:
            return [None] * len(words)
        begin_s = WIDER_S + PAD_S + 0.01
        return [
            TimedWord(text=word, start_s=begin_s + 0.5 * i, end_s=begin_s + 0.5 * (i + 1), confidence=0.7)
            for i, word in enumerate(words)
        ]


def test_the_table_has_a_row_for_each_condition_and_the_baseline() -> None:
    made = list(rows("made", [voice()], Late(), seed=0))
    lines = [line for line, _ in made]
    columns = HEADER.splitlines()[0].count("|")
    assert [line.count("|") for line in lines] == [columns] * (len(CONDITIONS) + 4)
    assert lines[0].startswith("| made | clean | late | 3 | 66.7 | ")
    assert lines[-1].startswith("| made | any | spread | 3 | 0.0 | ")
    np.testing.assert_allclose(made[0][1].late_ms[1:], 10.0, atol=1e-6)
    assert made[0][1].audio_s == pytest.approx(0.9 + 1.4)


def test_the_trust_table_counts_what_is_known() -> None:
    errors = Errors()
    nan = float("nan")
    errors.late_ms = [(5.0, 5.0), (150.0, 0.0), (nan, 0.0), (nan, nan)]
    errors.confidence = [0.97, 0.97, 0.97, 0.97]
    assert trust([errors]).splitlines()[-1] == "| 0.95 to 1 | 3 | 0.97 | 67 |"


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_same_seed_makes_it_as_hard(condition: str) -> None:
    voices = [voice("a 0"), voice("b 0")]
    first, again = ([audio for _, audio in hardened(voices, condition, 1)] for _ in range(2))
    assert np.array_equal(first, again)
    added = first[0] - voices[0].audio
    if condition == "clean":
        assert not added.any()
    else:
        assert 20 * np.log10(voices[0].speech().std() / added.std()) == pytest.approx(SNR_DB, abs=0.5)


def test_speech_begins_and_ends_where_it_is_loud() -> None:
    begin, end = speech_edges(tone(0.5, 0.25, 0.3))
    assert (begin, end) == (0.5 * SAMPLE_RATE_HZ, 0.75 * SAMPLE_RATE_HZ)
    assert speech_edges(np.zeros(100, np.float32)) == (0, 100)


def test_a_folder_of_speech_has_known_ends(tmp_path: Path) -> None:
    for n in range(4):
        with wave.open(str(tmp_path / f"{n}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE_HZ)
            file.writeframes((tone(0.5, 1.0, 0.1) * 32_767).astype("<i2").tobytes())
        (tmp_path / f"{n}.txt").write_text("good day\n" if n else "hello\n")
    made = folder_voice(tmp_path)
    assert [[word.text for word in words] for words in made.utterances] == [
        ["hello", "good", "day", "good", "day"],
        ["good", "day"],
    ]
    known = [word for words in made.utterances for word in words if not np.isnan(word.start_s)]
    assert len(known) == 4
    for word in known:
        begin = round(word.start_s * SAMPLE_RATE_HZ)
        assert speech_edges(made.audio[begin - 2_400 : begin + 2_400])[0] == 2_400
    assert made.utterances[0][0].end_s == pytest.approx(made.utterances[0][0].start_s + 1.0)


def test_a_folder_without_texts_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match=r"NAME\.txt"):
        folder_voice(tmp_path)


def test_every_demo_recording_with_known_words_has_two_voices() -> None:
    voices = demo_voices(DEMO)
    assert len(voices) == 2 * len(list((DEMO / "truth").glob("*.json")))
    assert all(words for made in voices for words in made.utterances)
    for made in voices:
        assert made.utterances[-1][-1].end_s <= made.audio.size / SAMPLE_RATE_HZ
