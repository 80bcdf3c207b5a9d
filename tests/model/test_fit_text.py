"""Training a text tokenizer and training the duplex model with it."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from model.duplex import DuplexConfig
from model.fit_text import fit_text, train_pieces
from model.text import TextError, load_text_tokenizer
from model.train import train
from model.train_config import TrainConfig, TrainError
from model.train_log import Progress

SENTENCE = ["so", "how", "are", "you", "today", "doctor", "i", "am", "well", "thank", "you"]
CONFIG = TrainConfig(
    model=DuplexConfig(
        dim=32,
        heads=2,
        layers=1,
        ffn_dim=64,
        depth_dim=16,
        depth_heads=2,
        depth_layers=1,
        depth_ffn_dim=32,
        card=32,
        dropout=0.0,
    ),
    window_frames=40,
    batch_size=4,
    max_steps=60,
    log_every=10,
    eval_every=0,
    warmup_steps=5,
    learning_rate=1e-2,
    device="cpu",
)


def quiet(_: object) -> None:
    pass


@pytest.fixture
def spoken(write_dataset: Callable[..., Path], clip_data: type) -> Path:
    """Eight training clips in which both say the sentence, a word every fourth frame, and one to test with."""
    words = [[word, 0.32 * place, 0.32 * place + 0.3, 1.0] for place, word in enumerate(SENTENCE)]
    rng = np.random.default_rng(0)
    clips = [clip_data(rng.integers(32, size=(2, 8, 50), dtype=np.int16), words=[words, words]) for _ in range(8)]
    other = [["elsewhere", 0.1, 0.2, 1.0]]
    return write_dataset([*clips, clip_data(np.zeros((2, 8, 9), np.int16), "test", words=[other, other])])


def fitted(source: Path, out: Path, vocabulary: int = 280) -> Path:
    return fit_text([str(source)], out, vocabulary=vocabulary, report=quiet)


def test_the_same_words_give_the_same_bytes(spoken: Path, tmp_path: Path) -> None:
    said: list[str] = []
    text = tmp_path / "more.txt"
    text.write_text("Good evening,\nen de rien: naïve 25.\n", encoding="utf-8")
    sources = [str(text), str(spoken)]
    first = fit_text(sources, tmp_path / "a", vocabulary=290, report=said.append)
    again = fit_text(sources[::-1], tmp_path / "b", vocabulary=290, report=said.append)
    assert first.read_bytes() == again.read_bytes()
    assert said[:2] == [f"{spoken}: {16 * len(SENTENCE)} words", f"{text}: 7 words"]
    assert load_text_tokenizer(first).text_card == 290
    card = (tmp_path / "a/text.md").read_text()
    assert "| more.txt | text | 7 |" in card
    assert f"| dataset | dataset, train split | {16 * len(SENTENCE)} |" in card
    assert "17 different words" in card and load_text_tokenizer(first).digest in card
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["text.md", "text.model"]


def test_the_card_says_the_licences_of_the_clips_that_were_used(spoken: Path, tmp_path: Path) -> None:
    fitted(spoken, tmp_path / "out")
    assert "Licences of the clips: not stated." in (tmp_path / "out/text.md").read_text()
    index = spoken / "index/clips.parquet"
    table = pq.read_table(index)
    info = [{"licence": {"spdx": "CC0-1.0" if row < 3 else "CC-BY-4.0"}} for row in range(len(table))]
    pq.write_table(table.append_column("info", pa.array(info)), index)
    (spoken / "withdrawn.jsonl").write_text('{"clip_id": "clip-000"}\n')
    fitted(spoken, tmp_path / "out")
    card = (tmp_path / "out/text.md").read_text()
    assert "Licences of the clips: CC-BY-4.0 (5 clips), CC0-1.0 (2 clips)." in card
    assert f"| {14 * len(SENTENCE)} |" in card


@pytest.mark.parametrize("asked", [8000, 4, 200])
def test_the_vocabulary_that_would_do_is_named_and_does(asked: int) -> None:
    words = dict.fromkeys(SENTENCE, 3)
    with pytest.raises(
        TextError, match=rf"^{len(words)} different words give no vocabulary of {asked}: [^\n]*$"
    ) as no:
        train_pieces(words, asked)
    would_do = int(str(no.value).split("--vocabulary ")[1].split()[0])
    assert train_pieces(words, would_do)


def test_nothing_to_train_from_is_one_line(
    tmp_path: Path, write_dataset: Callable[..., Path], clip_data: type
) -> None:
    silent = write_dataset([clip_data(np.zeros((2, 8, 9), np.int16))])
    with pytest.raises(TextError, match=r"^no words to train from"):
        fitted(silent, tmp_path / "out")
    text = tmp_path / "latin.txt"
    text.write_bytes("naïve".encode("latin-1"))
    with pytest.raises(TextError, match=r"latin\.txt: cannot be read as UTF-8 text"):
        fitted(text, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_text_loss_falls_and_what_is_lost_is_told(spoken: Path, tmp_path: Path) -> None:
    """A word begins every fourth frame: by "drop", of each word of n tokens n - 4 are lost, if any."""
    path = fitted(spoken, tmp_path / "fit")
    losses: list[float] = []

    def on_progress(progress: Progress) -> None:
        losses.append(progress.train.text)

    result = train(
        spoken,
        tmp_path / "run",
        replace(CONFIG, max_steps=100).with_text(str(path), "shift"),
        on_progress=on_progress,
    )
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < losses[0] / 2
    assert losses[0] > 0.5
    written = json.loads((tmp_path / "run/config.json").read_text())["config"]
    tokenizer = load_text_tokenizer(path)
    assert (written["text_sha256"], written["text_rule"]) == (tokenizer.digest, "shift")
    assert written["model"]["text_card"] == tokenizer.text_card == 280
    assert "text" not in written
    config = replace(CONFIG.with_text(str(path), "drop"), max_steps=1, window_frames=50, batch_size=8)
    dropped = train(spoken, tmp_path / "drop", config, on_progress=quiet)
    expected = sum(max(len(tokenizer.encode(word)) - 4, 0) for word in SENTENCE)
    assert dropped.text_tokens_lost == 16 * expected > 0  # eight clips, each with two speakers, once
    assert result.text_tokens_lost >= 0


def test_a_run_goes_on_with_its_own_tokenizer_alone(spoken: Path, tmp_path: Path) -> None:
    path, run = fitted(spoken, tmp_path / "fit"), tmp_path / "run"
    config = replace(CONFIG, max_steps=1).with_text(str(path), "shift")
    train(spoken, run, config, on_progress=quiet)
    moved = path.rename(tmp_path / "moved.model")
    same = replace(config, text=str(moved))
    assert train(spoken, run, same, on_progress=quiet).steps == 1
    other = fitted(spoken, tmp_path / "other", vocabulary=278)
    with pytest.raises(
        TrainError, match=rf"was trained with the text tokenizer of digest {config.text_sha256}, the "
    ):
        train(spoken, run, config.with_text(str(other), "shift"), on_progress=quiet)
    with pytest.raises(TrainError, match=r"\(text_rule differ\)"):
        train(spoken, run, config.with_text(str(moved), "drop"), on_progress=quiet)
    with pytest.raises(TrainError, match="now there is none; give that one"):
        train(spoken, run, replace(CONFIG, max_steps=1), on_progress=quiet)
    moved.write_bytes(other.read_bytes())
    with pytest.raises(TrainError, match=r"moved\.model has digest \w+, not the"):
        train(spoken, run, same, on_progress=quiet)


def test_without_a_tokenizer_the_configuration_is_as_it_was(spoken: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, max_steps=1)
    assert not {"text", "text_sha256", "text_rule"} & config.fixed().keys()
    train(spoken, tmp_path / "run", config, on_progress=quiet)
    path = fitted(spoken, tmp_path / "fit")
    with pytest.raises(TrainError, match="was trained with no text tokenizer, the one of "):
        train(spoken, tmp_path / "run", config.with_text(str(path), "shift"), on_progress=quiet)
