"""`fit enhancer` on nine made voices: weights that load, held-out figures, a card."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from model.enhancer import train
from model.enhancer.apply import load_enhancer
from model.enhancer.sounds import held_piece
from model.enhancer.train import by_background, fit_enhancer
from model.fitting import FitConfig
from model.speech_audio import SpeechError

CONFIG = FitConfig(steps=1, warmup_steps=1)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Three pieces of a second."""
    (tmp_path / "music").mkdir()
    random = np.random.default_rng(0)
    for name in "abc":
        with wave.open(str(tmp_path / "music" / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 24_000, 0, "NONE", ""))
            file.writeframes((3_000 * random.standard_normal(24_000)).astype("<i2").tobytes())
    return tmp_path / "music"


def test_weights_and_a_card(voice_folder: Path, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CROPS", "CHECK_CROPS"):
        monkeypatch.setattr(train, name, 1)
    out = tmp_path / "out"
    weights = fit_enhancer(voice_folder, out, config=CONFIG, music=music, batch=1, crop_s=0.6, report=lambda _: None)
    assert load_enhancer(weights) is not None
    card = (out / "enhancer.md").read_text(encoding="utf-8")
    for words in ("1 steps", "| read | 6 | CC0-1.0 | someone/voices |", "| music | 2 |", "| clean | - | - | - |"):
        assert words in card
    figures = json.loads((out / "enhancer.json").read_text(encoding="utf-8"))
    assert set(figures["sets"]) == {"music", "clean"} and set(figures["check"]) == {"noise_5db", "clean"}


def test_the_piece_that_is_held_out_is_not_named_as_trained_on(voice_folder: Path, music: Path) -> None:
    folders = train.TrainingFolders(speech=voice_folder, music=music)
    pieces = [u.path.stem for u in train.sources(folders) if u.path.parent == music]
    assert pieces == [n for i, n in enumerate("abc") if i != held_piece([f"{n}.wav" for n in "abc"])]


def test_figures_are_laid_out_by_background() -> None:
    assert by_background({"noise_0db": 1.0, "noise_5db": 2.0, "music_0db": 3.0, "clean": 4.0}) == {
        "noise": {"0db": 1.0, "5db": 2.0},
        "music": {"0db": 3.0},
        "clean": {"si_sdr_db": 4.0},
    }


def test_too_few_voices_are_one_line(lone_voice: Path, tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="3 are needed"):
        fit_enhancer(lone_voice, tmp_path / "out", config=CONFIG)
    assert not (tmp_path / "out").exists()
