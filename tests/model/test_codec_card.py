"""The figures: right where the answer is known, and the card's are what the weights give."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.codec import load_codec
from model.codec_builtin import BUILTIN_WEIGHTS
from model.codec_card import Figures, busiest, check_set, measure, table
from model.codec_types import FloatArray
from model.speech_metrics import level_db, mel_distance_db, optional, pitch_errors, quality, stoi, yin_pitch_hz

RATE = 24_000
SPEECH = Path(__file__).resolve().parents[2].parent / "shared/data/speech"


def glide(start_hz: float, end_hz: float, length_s: float = 2.0) -> tuple[FloatArray, NDArray[np.float64]]:
    """Twelve harmonics of a gliding pitch, and that pitch every 240 samples."""
    pitch_hz = start_hz * (end_hz / start_hz) ** np.linspace(0, 1, int(length_s * RATE))
    orders = np.arange(1, 13)[:, None]
    audio = (np.cos(2 * np.pi * orders * np.cumsum(pitch_hz) / RATE) / orders).sum(0)
    return (0.1 * audio).astype(np.float32), pitch_hz[::240]


@pytest.fixture
def noise() -> FloatArray:
    return np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32) * np.float32(0.1)


@pytest.mark.parametrize(("start_hz", "end_hz"), [(70.0, 140.0), (150.0, 300.0), (400.0, 200.0)])
def test_yin_finds_the_pitch(start_hz: float, end_hz: float) -> None:
    audio, pitch_hz = glide(start_hz, end_hz)
    found_hz = yin_pitch_hz(audio)[: pitch_hz.size]
    assert np.abs(found_hz / pitch_hz - 1)[4:-4].max() < 0.03


def test_noise_and_silence_have_no_pitch(noise: FloatArray) -> None:
    assert (yin_pitch_hz(noise) > 0).mean() < 0.1
    assert not (yin_pitch_hz(np.zeros(RATE, np.float32)) > 0).any()


def test_an_octave_error_is_gross_and_noise_is_a_voicing_error(noise: FloatArray) -> None:
    audio, _ = glide(120, 160)
    assert pitch_errors(audio, audio) == (0.0, 0.0)
    gross, voicing = pitch_errors(audio, glide(240, 320)[0])
    assert gross > 0.95 and voicing < 0.05
    assert pitch_errors(audio, noise)[1] > 0.85


def test_mel_distance_and_level_follow_the_gain(noise: FloatArray) -> None:
    half = noise * np.float32(0.5)
    assert mel_distance_db(noise, noise) == 0.0
    assert mel_distance_db(noise, half) == pytest.approx(6.02, abs=0.05)
    assert level_db(noise) - level_db(half) == pytest.approx(6.02, abs=0.01)
    assert level_db(np.zeros(10, np.float32)) == pytest.approx(-120.0)


def test_stoi_is_one_for_the_same_and_low_for_noise(noise: FloatArray) -> None:
    pytest.importorskip("pystoi")
    audio, _ = glide(120, 160)
    audio = audio * np.float32(0.5) * (1 + np.sin(2 * np.pi * 4 * np.arange(audio.size, dtype=np.float32) / RATE))
    assert stoi(audio, audio) == pytest.approx(1.0, abs=1e-6)
    assert stoi(audio, noise) < 0.5


def test_a_package_that_is_absent_gives_no_figure(monkeypatch: pytest.MonkeyPatch, noise: FloatArray) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    measured = quality(noise, noise)
    assert np.isnan([measured.stoi, measured.estoi, measured.pesq_wb]).all()
    assert measured.level_db == 0.0


def test_the_busiest_stretch_is_chosen() -> None:
    audio = np.zeros(60 * RATE, np.float32)
    audio[30 * RATE : 45 * RATE] = 0.1 * np.sin(np.arange(15 * RATE) / 20).astype(np.float32)
    assert np.count_nonzero(busiest(audio)) > 14.9 * RATE
    assert busiest(audio).size == 20 * RATE


def test_a_codec_measured_on_nothing_says_so() -> None:
    figures = measure(load_codec("builtin"), {})
    assert figures.sets == []
    assert isinstance(figures, Figures)
    assert "0 (0.0)" in table(figures)


def test_the_card_is_of_these_weights() -> None:
    digest = load_codec("builtin").digest
    assert json.loads(BUILTIN_WEIGHTS.with_name("codec.json").read_text(encoding="utf-8"))["digest"] == digest
    assert digest in BUILTIN_WEIGHTS.with_name("codec.md").read_text(encoding="utf-8")


@pytest.mark.shared
@pytest.mark.skipif(not SPEECH.is_dir(), reason="no ../shared/data/speech beside the repository")
def test_the_cards_figures_are_what_the_weights_give() -> None:
    pytest.importorskip("pystoi")
    card = json.loads(BUILTIN_WEIGHTS.with_name("codec.json").read_text(encoding="utf-8"))
    stated = next(row["quality"] for row in card["sets"] if row["name"] == "check")
    found = measure(load_codec("builtin"), {"check": check_set(SPEECH)}).sets[0].quality
    assert found.stoi == pytest.approx(stated["stoi"], abs=0.01)
    assert found.estoi == pytest.approx(stated["estoi"], abs=0.015)
    assert found.pitch_gross == pytest.approx(stated["pitch_gross"], abs=0.02)
    assert found.voicing_error == pytest.approx(stated["voicing_error"], abs=0.02)
    assert found.mel_db == pytest.approx(stated["mel_db"], abs=0.2)
    assert found.level_db == pytest.approx(stated["level_db"], abs=0.3)
    if optional("pesq"):
        assert found.pesq_wb == pytest.approx(stated["pesq_wb"], abs=0.1)


@pytest.mark.shared
@pytest.mark.skipif(not SPEECH.is_dir(), reason="no ../shared/data/speech beside the repository")
def test_unseen_speakers_stay_intelligible() -> None:
    pytest.importorskip("pystoi")
    found = measure(load_codec("builtin"), {"check": check_set(SPEECH)}).sets[0].quality
    assert found.stoi > 0.78, "below Codec2 at 1,300 bit/s"
    assert found.estoi > 0.62, "below Codec2 at 1,300 bit/s"
    assert found.pitch_gross < 0.10
