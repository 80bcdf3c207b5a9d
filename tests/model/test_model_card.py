"""Cards: their tables, their words, and that shipped weights still reach their figures."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from model import model_card
from model.fit_data import WholeBatches
from model.fitting import FitConfig, run, save_net
from model.model_card import NETWORKS, WEIGHTS, CardError, Network, network_of
from model.speech_audio import Utterance
from model.training_sets import TrainingFolders

SHIPPED = ("speaker", "separator", "enhancer")  # segmentation has a recipe and no weights
SPEECH = Path(__file__).resolve().parents[2].parent / "shared/data/speech"
USED = [
    Utterance(path=Path("a/x/1.wav"), speaker="s", licence="CC0-1.0 (LICENSE)", origin="one/voices"),
    Utterance(path=Path("a/x/2.wav"), speaker="s", licence="MIT"),
    Utterance(path=Path("a/y/1.wav"), speaker="t"),
]
TOY = Network(
    name="toy",
    title="The toy",
    about="A toy.",
    limits="- None.",
    columns={"error": ("error", ".1%"), "gain_db": ("gain, dB", "+.1f"), "absent": ("absent", ".0f")},
    measure=lambda _weights, _folders: {"all": {"error": 0.125, "gain_db": 3.0}, "some": {"error": math.nan}},
    check=lambda _weights, _folders: {"error": 0.5},
    check_within=0.1,
    sources=lambda _folders: USED,
)


class Toy(WholeBatches[torch.Tensor]):
    """A recipe of one weight."""

    def __init__(self) -> None:
        self.net = nn.Linear(1, 1)

    def make(self, random: object, share_done: float) -> torch.Tensor:
        return torch.ones(1, 1)

    def loss(self, batch: torch.Tensor, share_done: float) -> tuple[torch.Tensor, dict[str, float]]:
        return self.net(batch).square().sum(), {}


def finished(folder: Path) -> Path:
    recipe = Toy()
    run(recipe, FitConfig(steps=3), folder, lambda _: None)
    save_net(recipe.net, folder / "toy.safetensors")
    folders = TrainingFolders(speech=folder)
    return model_card.finish(TOY, folders, folder, sources=USED, device="cpu", report=lambda _: None)


def test_tables() -> None:
    sets = TOY.measure(Path(), TrainingFolders(speech=Path()))
    assert model_card.table(TOY.columns, sets).splitlines() == [
        "| set | error | gain, dB |",
        "|---|---|---|",
        "| all | 12.5 % | +3.0 |",
        "| some | - | - |",
    ]
    assert model_card.table(TOY.columns, {}).startswith("None")
    assert model_card.data_table(USED).splitlines()[2:] == [
        "| x | 2 | CC0-1.0, MIT | one/voices |",
        "| y | 1 | not stated | not stated |",
    ]


def test_a_card_says_how_long_on_what_and_how_good(tmp_path: Path) -> None:
    weights = finished(tmp_path)
    card = (tmp_path / "toy.md").read_text(encoding="utf-8")
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    for words in ("# The toy\n", "3 steps, 0 min on", "CPU core", "learning_rate=0.001", "held out", "| x | 2 |"):
        assert words in card
    assert f"SHA-256 `{digest}`" in card and "| all | 12.5 % | +3.0 |" in card
    figures = json.loads((tmp_path / "toy.json").read_text(encoding="utf-8"))
    assert figures["sha256"] == digest and figures["check"] == {"error": 0.5} and figures["check_within"] == 0.1
    assert figures["sets"]["some"] == {"error": None}


def test_measuring_again_leaves_the_words_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(tmp_path)
    card = tmp_path / "toy.md"
    card.write_text(card.read_text(encoding="utf-8").replace("- None.", "- Written by hand."), encoding="utf-8")
    better = replace(TOY, measure=lambda _weights, _folders: {"all": {"error": 0.05}})
    monkeypatch.setattr(model_card, "network_of", lambda _name: better)
    arguments = [
        "card",
        "speaker",
        "speech",
        "--weights",
        str(tmp_path / "toy.safetensors"),
        "--write",
        str(tmp_path),
    ]
    monkeypatch.setattr("sys.argv", arguments)
    model_card.main()
    assert "| all | 5.0 % |" in capsys.readouterr().out
    text = card.read_text(encoding="utf-8")
    assert "- Written by hand." in text and "5.0 %" in text and "12.5 %" not in text
    assert text.count("# The toy") == 1 and text.count("## Figures") == 1
    monkeypatch.setattr("sys.argv", [*arguments, "--state", str(tmp_path), "--machine", "a mill"])
    model_card.main()
    text = card.read_text(encoding="utf-8")
    assert "- None." in text and "min on a mill" in text


def test_a_card_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"no toy\.md in .*give --state"):
        model_card.words_kept(TOY, tmp_path)


def test_the_data_of_the_words_is_as_the_folders_say(tmp_path: Path) -> None:
    finished(tmp_path)
    words = model_card.words(TOY, tmp_path / "toy.safetensors", USED, [tmp_path, tmp_path], "one CPU core")
    assert words.startswith("A toy.\n\n0.00 million weights")
    assert words.endswith("## Use and limits\n\n- None.")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_a_card(name: str) -> None:
    network = network_of(name)
    assert network.name == name and network.about and network.limits.startswith("- ")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_is_of_these_weights(name: str) -> None:
    weights = WEIGHTS / f"{name}.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert f"`{digest}`" in (WEIGHTS / f"{name}.md").read_text(encoding="utf-8")
    assert json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))["sha256"] == digest


@pytest.mark.shared
@pytest.mark.skipif(not SPEECH.is_dir(), reason="no speech in ../shared/data")
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_reach_the_figures_of_their_card(name: str) -> None:
    weights = WEIGHTS / f"{name}.safetensors"
    known = json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))
    found = network_of(name).check(weights, TrainingFolders(speech=SPEECH))
    assert found == pytest.approx(known["check"], abs=known["check_within"])
