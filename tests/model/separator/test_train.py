"""`fit separator` on nine made voices, and its figures where the answer is known."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from model.diarization.networks import Networks
from model.fitting import FitConfig, FitError, save_net
from model.separator import figures, train
from model.separator.figures import conversations, found_frames, gained_db, of_set, pairs_there
from model.separator.fit import SeparatorRecipe
from model.separator.net import SeparatorNet
from model.separator.train import fit_separator
from model.simulate.sounds import Sounds
from model.simulate.voices import Voices
from model.speaker.net import SpeakerNet
from model.training_sets import TrainingFolders, half_of

CONFIG = FitConfig(steps=1, warmup_steps=1)


@pytest.fixture(scope="module")
def held(voice_folder: Path) -> Voices:
    voices = TrainingFolders(speech=voice_folder).held_voices()
    assert voices is not None
    return voices


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `fit speaker` leaves it; each embedding's bias tells which it is."""
    folder = tmp_path_factory.mktemp("speaker")
    for number, name in enumerate(("speaker-half-0", "speaker-half-1", "speaker")):
        net = SpeakerNet()
        torch.nn.init.constant_(net.embed.bias, float(number))
        save_net(net, folder / f"{name}.safetensors")
    return folder


def test_each_half_gets_the_embedding_that_never_heard_it(
    voice_folder: Path, speaker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[SeparatorRecipe] = []

    class Noted(SeparatorRecipe):
        def make(self, random: np.random.Generator, share_done: float) -> None:
            made.append(self)

        def join(self, parts: Sequence[None], random: np.random.Generator) -> None:
            return None

        def loss(self, batch: None, share_done: float) -> tuple[torch.Tensor, dict[str, float]]:
            return sum(p.square().sum() for p in self.net.parameters()), {}

    monkeypatch.setattr(train, "SeparatorRecipe", Noted)
    monkeypatch.setattr(train, "measure_on", lambda *_: {"all": {"gain_db": 5.0, "examples_gain_db": 3.0}})
    monkeypatch.setattr(train, "of_set", lambda *_: {"gain_db": 4.0, "overlap_s": 1.0})
    fit_separator(voice_folder, tmp_path, config=CONFIG, speaker=speaker, report=lambda _: None)
    recipe = made[0]
    for half, (voices, net) in enumerate(zip(recipe.voices, recipe.speakers, strict=True)):
        assert {half_of(v.name) for v in voices} == {half}
        assert float(net.embed.bias[0]) == 1 - half
    assert float(train.networks_of(tmp_path / "separator.safetensors").speaker.embed.bias[0]) == 2.0
    card = (tmp_path / "separator.md").read_text(encoding="utf-8")
    assert "| all | 5.0 | 3.0 |" in card and "| read | 6 | CC0-1.0 | someone/voices |" in card
    assert json.loads((tmp_path / "separator.json").read_text(encoding="utf-8"))["check"] == {"gain_db": 4.0}


def test_a_step_of_the_recipe_itself(
    voice_folder: Path, speaker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "finish", lambda *_, **__: tmp_path)
    lines: list[str] = []
    fit_separator(voice_folder, tmp_path, config=CONFIG, speaker=speaker, report=lines.append)
    assert "step 1" in lines[-1]
    assert (tmp_path / "separator.safetensors").is_file()


def test_what_is_missing_is_named(voice_folder: Path, speaker: Path, tmp_path: Path) -> None:
    with pytest.raises(FitError, match=r"no weights at .*duplexset fit speaker"):
        fit_separator(voice_folder, tmp_path, config=CONFIG, speaker=tmp_path)
    (tmp_path / "speaker.safetensors").write_bytes((speaker / "speaker.safetensors").read_bytes())
    with pytest.raises(FitError, match=r"no speaker-half-1\.safetensors in .*fit speaker"):
        fit_separator(voice_folder, tmp_path, config=CONFIG, speaker=tmp_path)
    with pytest.raises(FitError, match="duplexset fit separator"):
        train.networks_of(tmp_path / "separator.safetensors")


def test_conversations_are_the_same_in_every_scene(held: Voices) -> None:
    clean, room = (next(conversations(held, Sounds(), scene, "mixed", length_s=8.0)) for scene in ("clean", "reverb"))
    assert [v.name for v in clean.speakers] == [v.name for v in room.speakers]
    assert np.array_equal(clean.activity, room.activity)
    assert not np.array_equal(clean.mixture, room.mixture)
    assert clean.speakers[0].high != clean.speakers[1].high


def test_kinds_of_pairs(held: Voices) -> None:
    high = [v for v in held if v.high]
    low = [v for v in held if not v.high]
    assert pairs_there(held) == ("mixed", "same")
    assert pairs_there(Voices((high[0], low[0]))) == ("mixed",)
    assert pairs_there(Voices((high[0], high[0]))) == ("same",)
    assert pairs_there(Voices((high[0],))) == ()


def test_the_gain_of_the_truth_is_large_and_of_the_mixture_none(held: Voices) -> None:
    made = next(conversations(held, Sounds(), "clean", "same", length_s=8.0))
    truth = (made.images * 32_767).astype(np.int16)
    both = np.stack([(made.mixture * 32_767).astype(np.int16)] * 2)
    assert gained_db(both, made) == pytest.approx(0.0, abs=0.1)
    assert gained_db(truth, made) > 25.0
    assert gained_db(truth[::-1], made) < 0.0


def test_frames_are_counted() -> None:
    truth = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0]], bool)
    found = np.array([[1, 1, 0, 0, 0], [1, 1, 1, 0, 1]], bool)
    assert found_frames(found, truth).tolist() == [[4, 4, 3], [2, 2, 1]]


def test_an_untrained_network_does_as_the_examples_do(held: Voices) -> None:
    torch.manual_seed(0)
    networks = Networks(SpeakerNet().eval().requires_grad_(False), SeparatorNet().eval().requires_grad_(False))
    found = of_set(networks, conversations(held, Sounds(), "clean", "mixed", count=1, length_s=8.0))
    assert found["gain_db"] == pytest.approx(found["examples_gain_db"], abs=1e-6)
    assert found["gain_db"] > 3.0  # tones of other pitch
    assert found["overlap_s"] > 0.5
    assert set(found) == set(train.NETWORK.columns)


def test_sets_are_named_and_empty_ones_have_no_figures(held: Voices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "of_set", lambda _networks, made: {"n": float(len(list(made)))})
    networks = Networks(SpeakerNet(), SeparatorNet())
    monkeypatch.setattr(figures, "LENGTH_S", 4.0)
    found = figures.measure_on(networks, held, Sounds(), count=1)
    assert list(found) == [f"{pair} pairs, {scene}" for pair in ("mixed", "same") for scene in figures.SCENES]
    monkeypatch.undo()
    assert of_set(networks, iter(())) == {}
