"""`fit speaker` on nine made voices: three networks, halves that never hear each other, a card."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from model.fitting import FitConfig, FitError, read_state
from model.speaker import train
from model.speaker.fit import SpeakerRecipe, speech_of
from model.speaker.train import fit_speaker, load_speaker, speaker_of
from model.speech_audio import SpeechError
from model.training_sets import TrainingFolders, half_of

CONFIG = FitConfig(steps=5, warmup_steps=1)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Figures of one length only; who was heard in each training."""
    heard: list[set[str]] = []

    class Noted(SpeakerRecipe):
        def __post_init__(self) -> None:
            super().__post_init__()
            heard.append({speaker_of(name) for name in self.voices})

    monkeypatch.setattr(train, "CROP_S", (1,))
    monkeypatch.setattr(train, "equal_error", lambda _net, voices, frames: 0.25 if len(voices) == 3 else frames)
    monkeypatch.setattr(train, "SpeakerRecipe", Noted)
    return heard


def test_three_networks_and_a_card(voice_folder: Path, tmp_path: Path, short: list[set[str]]) -> None:
    lines: list[str] = []
    weights = fit_speaker(voice_folder, tmp_path, config=CONFIG, report=lines.append)
    everyone, first, second = short
    assert first | second == everyone and not first & second
    assert {half_of(name) for name in first} == {0} and {half_of(name) for name in second} == {1}
    files = [weights, *(tmp_path / f"speaker-half-{half}.safetensors" for half in (0, 1))]
    nets = [load_speaker(path) for path in files]
    assert all(str(t.dtype) == "torch.float16" for t in load_file(weights).values() if t.is_floating_point())
    assert len({float(net.embed.weight.sum()) for net in nets}) == 3
    assert [read_state(tmp_path / s)["progress"]["step"] for s in (".", "half-0", "half-1")] == [5, 3, 3]
    card = (tmp_path / "speaker.md").read_text(encoding="utf-8")
    for words in ("5 steps", "half-0: 3 steps", "| read | 6 | CC0-1.0 | someone/voices |", "| 3 | 25.0 % |"):
        assert words in card
    figures = json.loads((tmp_path / "speaker.json").read_text(encoding="utf-8"))
    assert figures["check"] == {"voices": 3.0, "equal_error_1s": 0.25}


def test_a_second_run_only_measures_and_other_settings_are_refused(
    voice_folder: Path, tmp_path: Path, short: list[set[str]]
) -> None:
    before = fit_speaker(voice_folder, tmp_path, config=CONFIG, report=lambda _: None).read_bytes()
    assert fit_speaker(voice_folder, tmp_path, config=CONFIG, report=lambda _: None).read_bytes() == before
    with pytest.raises(FitError, match="other settings"):
        fit_speaker(voice_folder, tmp_path, config=FitConfig(steps=6), report=lambda _: None)


def test_the_same_seed_gives_the_same_weights(voice_folder: Path, tmp_path: Path, short: list[set[str]]) -> None:
    config = FitConfig(steps=2, warmup_steps=1)
    made = [fit_speaker(voice_folder, tmp_path / name, config=config, report=lambda _: None) for name in "ab"]
    assert made[0].read_bytes() == made[1].read_bytes()


def test_the_equal_error_rate_of_strangers_is_measured(voice_folder: Path) -> None:
    held = speech_of(voice_folder, held=True)
    assert len(held) == 3
    assert not set(held) & {speaker_of(name) for name in speech_of(voice_folder, held=False)}


def test_rooms_are_not_among_what_is_used(voice_folder: Path) -> None:
    folders = TrainingFolders(speech=voice_folder, rooms=voice_folder)
    assert len(train.sources(folders)) == 6


def test_sounds_are_heard_in_the_mel_domain() -> None:
    from model.simulate.sounds import Sounds

    random = np.random.default_rng(0)
    sounds = Sounds(noises=(random.standard_normal(72_100).astype(np.float32), np.ones(100, np.float32)))
    (power,) = train.mel_powers(sounds)
    assert power.shape == (300, 68) and (power > 0).all()


@pytest.mark.parametrize(
    ("name", "speaker"), [("a x0.89", "a"), ("a", "a"), ("a x b", "a x b"), ("a x b x1.12", "a x b")]
)
def test_a_voice_at_another_speed_is_its_speakers(name: str, speaker: str) -> None:
    assert speaker_of(name) == speaker


def test_too_few_voices_and_absent_weights_are_one_line(lone_voice: Path, tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="1 voices to train on, too few to halve"):
        fit_speaker(lone_voice, tmp_path / "out", config=CONFIG)
    assert not (tmp_path / "out").exists()
    with pytest.raises(FitError, match="train them with `duplexset fit speaker`"):
        load_speaker(tmp_path / "speaker.safetensors")
