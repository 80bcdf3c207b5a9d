"""`fit segmentation` on nine made voices: weights that load, held-out figures, a card."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from model.fitting import FitConfig, FitError
from model.segmentation import train
from model.segmentation.feed import FeedConfig
from model.segmentation.fit import SegmentationConfig
from model.segmentation.net import FRAME_CENTRE, WINDOW_FRAMES, WINDOW_SAMPLES
from model.segmentation.train import fit_segmentation, load_segmentation, windows
from model.simulate.sounds import Sounds
from model.speech_audio import SpeechError
from model.training_sets import TrainingFolders

CONFIG = FitConfig(steps=1, warmup_steps=1)
SMALL = {"shape": SegmentationConfig(windows=1, held_windows=1), "feed": FeedConfig(kept=2)}


def test_weights_and_a_card(voice_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WINDOWS", "CHECK_WINDOWS"):
        monkeypatch.setattr(train, name, 1)
    monkeypatch.setattr(train, "SCENES", ("clean",))
    weights = fit_segmentation(voice_folder, tmp_path, config=CONFIG, report=lambda _: None, **SMALL)
    assert load_segmentation(weights) is not None
    card = (tmp_path / "segmentation.md").read_text(encoding="utf-8")
    for words in ("1 steps", "| read | 6 | CC0-1.0 | someone/voices |", "| set | error | missed |", "| clean |"):
        assert words in card
    figures = json.loads((tmp_path / "segmentation.json").read_text(encoding="utf-8"))
    assert figures["check"]["der"] == figures["sets"]["clean"]["der"]  # the same window


def test_windows_are_always_the_same_and_of_held_out_voices(voice_folder: Path) -> None:
    held = TrainingFolders(speech=voice_folder).held_voices()
    assert held is not None
    audio, active = windows(held, Sounds(), "clean", 2)
    assert audio.shape == (2, 1, WINDOW_SAMPLES) and active.shape == (2, WINDOW_FRAMES, 3)
    again, _ = windows(held, Sounds(), "clean", 2)
    assert torch.equal(audio, again)
    level = audio[:, 0].unfold(1, 270, 270).square().mean(2)
    loud = level > 0.02 * level.amax(1, keepdim=True)
    said = active.any(2)[:, : loud.shape[1] - FRAME_CENTRE // 270 - 2]
    shifted = loud[:, FRAME_CENTRE // 270 :][:, : said.shape[1]]
    assert float((said == shifted).float().mean()) > 0.85


def test_too_few_voices_and_absent_weights_are_one_line(lone_voice: Path, tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="3 are needed"):
        fit_segmentation(lone_voice, tmp_path / "out", config=CONFIG, **SMALL)
    with pytest.raises(FitError, match="duplexset fit segmentation"):
        load_segmentation(tmp_path / "segmentation.safetensors")
    assert np.isfinite(train.LEARNING_RATE)
