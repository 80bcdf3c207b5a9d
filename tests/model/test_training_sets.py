"""What is trained on, what is held out, and what the card is told of it."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from model.fitting import FitError
from model.simulate.voices import Voices
from model.speech_audio import SpeechError, held_out
from model.training_sets import TrainingFolders, check_halves, files_of, half_of, halves, usable


def test_training_and_held_out_voices_share_nobody(voice_folder: Path) -> None:
    folders = TrainingFolders(speech=voice_folder)
    trained, held = folders.voices(), folders.held_voices()
    assert held is not None
    assert {held_out(v.name) for v in trained} == {False} and {held_out(v.name) for v in held} == {True}
    assert (len(trained), len(held)) == (6, 3)
    used = folders.used(files_of(trained))
    assert {u.speaker for u in used} == {v.name for v in trained}
    assert {u.licence for u in used} == {"CC0-1.0 (LICENSE)"}


def test_halves_are_told_by_a_digest_of_the_name(voice_folder: Path) -> None:
    first, second = halves(TrainingFolders(speech=voice_folder).voices())
    assert {int(hashlib.sha256(v.name.encode()).hexdigest(), 16) % 2 for v in first} == {0}
    assert {half_of(v.name) for v in second} == {1}
    with pytest.raises(SpeechError, match="2 voices to train on, too few to halve"):
        check_halves(["a", "b"])
    with pytest.raises(SpeechError):
        halves(Voices(tuple(first)))


def test_too_few_voices_are_one_line(lone_voice: Path) -> None:
    with pytest.raises(SpeechError, match=r"1 of the speakers in .* can be trained on, 3 are needed"):
        TrainingFolders(speech=lone_voice).voices()
    assert TrainingFolders(speech=lone_voice).held_voices() is None


def test_of_many_noises_some_are_not_used(voice_folder: Path, tmp_path: Path) -> None:
    audio = (voice_folder / "read").glob("*.wav").__next__().read_bytes()
    for kind, count in (("noise", 20), ("music", 2)):
        (tmp_path / kind).mkdir()
        for number in range(count):
            (tmp_path / kind / f"sound{number}.wav").write_bytes(audio)
    folders = TrainingFolders(speech=voice_folder, noise=tmp_path / "noise", music=tmp_path / "music")
    used = [u.path for u in folders.used({})]
    assert sorted(p.stem for p in used if p.parent.name == "noise") == sorted(
        f"sound{n}" for n in range(20) if not held_out(f"sound{n}")
    )
    assert sum(p.parent.name == "music" for p in used) == 2  # two thirds of each
    trained, held = folders.sounds(held=False), folders.sounds(held=True)
    assert len(trained.noises) + len(held.noises) == 20
    assert np.array_equal(np.concatenate([trained.music[0], held.music[0]]), folders.sounds(held=False).noises[0])


def test_checks_read_the_folder_with_most_held_out_speakers(voice_folder: Path, tmp_path: Path) -> None:
    for path in (voice_folder / "read").iterdir():
        kind = "few" if held_out(path.stem) and not any((tmp_path / "few").glob("*")) else "most"
        (tmp_path / kind / path.stem).mkdir(parents=True)
        (tmp_path / kind / path.stem / path.name).write_bytes(path.read_bytes())
    assert TrainingFolders(speech=tmp_path).for_checks().speech == tmp_path / "most"
    read = voice_folder / "read"
    assert TrainingFolders(speech=read).for_checks().speech == read


def test_devices() -> None:
    assert usable("cpu") == "cpu"
    with pytest.raises(FitError, match="give cpu or cuda"):
        usable("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(FitError, match="give --device cpu"):
            usable("cuda")
