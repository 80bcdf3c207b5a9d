import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from model.simulate.phrases import HOP, SAMPLE_RATE_HZ, SPEECH_DBFS, cut_speech, find_phrases, runs_of
from model.simulate.voices import Voices
from model.speech_audio import SpeechError, held_out


def test_phrases_end_where_speech_ends() -> None:
    random = np.random.default_rng(0)
    audio = 1e-4 * random.standard_normal(6 * SAMPLE_RATE_HZ)
    truth_s = [(0.5, 1.3), (1.4, 2.1), (2.6, 3.0), (3.5, 5.4)]  # 0.1 s is no pause, 0.5 s is one
    for start_s, end_s in truth_s:
        span = slice(int(start_s * SAMPLE_RATE_HZ), int(end_s * SAMPLE_RATE_HZ))
        audio[span] += 0.2 * np.sin(2 * np.pi * 200 * np.arange(audio.size)[span] / SAMPLE_RATE_HZ)
    spans_s = find_phrases(audio.astype(np.float32)) / SAMPLE_RATE_HZ
    assert spans_s == pytest.approx(np.array([(0.5, 2.1), (2.6, 3.0), (3.5, 5.4)]), abs=0.03)


def test_speech_is_brought_to_its_level() -> None:
    audio = np.zeros(3 * SAMPLE_RATE_HZ, np.float32)
    audio[SAMPLE_RATE_HZ : 2 * SAMPLE_RATE_HZ] = 0.01 * np.sin(np.arange(SAMPLE_RATE_HZ) * 0.05)
    speech = cut_speech(audio + 0.1)  # an offset is taken out
    assert speech is not None
    (start, end), *rest = speech.spans
    assert not rest
    rms = np.sqrt(np.square(speech.cut(int(start), int(end)), dtype=np.float64).mean())
    assert 20 * np.log10(rms) == pytest.approx(SPEECH_DBFS, abs=0.2)


@pytest.mark.parametrize("audio", [np.zeros(0), np.zeros(100), np.zeros(24_000), np.full(24_000, np.nan)])
def test_nothing_is_no_speech(audio: np.ndarray) -> None:
    assert cut_speech(audio.astype(np.float32)) is None


def test_runs() -> None:
    assert runs_of(np.array([1, 1, 0, 1, 0], bool)).tolist() == [[0, 2], [3, 4]]
    assert runs_of(np.zeros(3, bool)).shape == (0, 2)


def test_a_folder_becomes_voices_with_their_pitch(speech_folder: Path) -> None:
    voices = Voices.load(speech_folder)
    assert [v.name for v in voices] == [f"speaker{n}" for n in range(4)]
    for voice, pitch_hz in zip(voices, (110.0, 130.0, 200.0, 230.0), strict=True):
        assert voice.pitch_hz == pytest.approx(pitch_hz, rel=0.05)
        assert voice.high == (pitch_hz > 165.0)
        assert 7.0 < voice.speech_s < 21.0
        assert sum(p.size for p in voice.phrases) == pytest.approx(voice.speech_s * SAMPLE_RATE_HZ)
        assert all(0.15 <= p.size / SAMPLE_RATE_HZ < 2.0 for p in voice.phrases)  # stretches of 0.4 to 1.6 s
        assert all(span % HOP == 0 for s in voice.speech for span in s.spans.ravel())


def test_held_out_speakers_are_the_others(speech_folder: Path, tmp_path: Path) -> None:
    names = [f"p{n}" for n in range(60)]
    held = next(n for n in names if held_out(n))
    kept = next(n for n in names if not held_out(n))
    for name in (held, kept, "unknown"):
        shutil.copytree(speech_folder / "speaker0", tmp_path / name)
    assert [v.name for v in Voices.load(tmp_path, held=True)] == [held]
    assert [v.name for v in Voices.load(tmp_path, held=False)] == [kept]
    both = Voices.load(tmp_path)
    assert {v.name for v in both} == {held, kept}
    assert both.left_out == {"unknown": "many people under one name"}


def test_speech_that_is_too_little_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="no audio file in"):
        Voices.load(tmp_path)
    with wave.open(str(tmp_path / "silence.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(64_000))
    with pytest.raises(SpeechError, match="no speaker with 4 s of speech in"):
        Voices.load(tmp_path)
