"""build --recogniser: words where no transcript is, their network among the weights, and what the report says."""

import json
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console
from typer.testing import CliRunner

from cluster.engine import open_engine
from model.recogniser.contract import RecogniserError
from model.recogniser.load import load_recogniser
from pipeline.build import build, dry_run, made_by_of
from pipeline.cli import app
from pipeline.config import BuildConfig
from pipeline.sources import read_sources
from pipeline.verify import verify
from pipeline.view import View

CALL = Path(__file__).parents[2] / "demo" / "recordings" / "telephone-parcel.wav"
LICENCE = {"licence": "CC0-1.0", "holder": "Example Lab", "consent": "synthetic"}
VOCABULARY = {"<pad>": 0, "|": 1, "a": 2, "b": 3}


@pytest.fixture(scope="module")
def name(save_ctc: Callable[..., Path]) -> str:
    """A tiny network, as --recogniser names it. It writes letters, if no sense."""
    return f"ctc:{save_ctc(VOCABULARY, 40.0)}"


def test_a_recording_without_a_transcript_gets_words_and_the_dataset_says_from_where(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(CALL, tmp_path / "in")
    out, config = tmp_path / "out", BuildConfig(recogniser=name)
    opened = open_engine("inline", None)
    try:
        with View(Console(quiet=True), interactive=False) as view:
            build(read_sources([str(tmp_path / "in")], LICENCE, None), out, config, engine=opened, view=view)
    finally:
        opened.close()
    assert list(verify(out)) == []
    facts = json.loads((out / "dataset.json").read_text())["duplexset"]
    assert facts["weights"][f"recogniser {name}"] == load_recogniser(name).digest
    (row,) = pq.read_table(out / "index" / "clips.parquet").to_pylist()
    transcript, n_words = row["info"]["transcript"], row["info"]["quality"]["n_words"]
    assert (transcript["file"], transcript["recogniser"], transcript["certain"]) == (None, name, True)
    assert set(transcript["removed"]) == {"silent", "repeats", "rushed", "doubtful", "bleed"}
    with tarfile.open(out / "shards" / row["shard"]) as shard:
        member = shard.extractfile(f"{row['clip_id']}.words.json")
        assert member is not None
        words = json.load(member)
    assert [len(side) for side in words] == n_words
    assert sum(n_words) > 0
    page = re.sub(r"\s+", " ", (out / "report.html").read_text("utf-8"))
    assert "No clip has a transcript. With recognised words, not written ones: 1 clip, 100.0 % of the time," in page
    assert f"of the time, {sum(n_words)} words by {name}." in page
    assert f"It heard {sum(transcript['removed'].values())} more, which were taken out" in page


def test_without_one_nothing_about_it_is_in_the_weights(name: str) -> None:
    plain, heard = made_by_of(BuildConfig()), made_by_of(BuildConfig(recogniser=name))
    assert set(heard.weights) - set(plain.weights) == {f"recogniser {name}"}
    assert not any(key.startswith("recogniser") for key in plain.weights)
    assert plain.fingerprint != heard.fingerprint


@pytest.mark.parametrize("wrong", ["ctc:{}", "whisper:{}", "torchaudio:NO_SUCH", "sphinx"])
def test_one_that_cannot_be_loaded_is_said_before_any_work(wrong: str, tmp_path: Path) -> None:
    sources = read_sources([str(CALL)], LICENCE, None)
    config = BuildConfig(recogniser=wrong.format(tmp_path))
    with View(Console(quiet=True), interactive=False) as view:
        for run in (build, dry_run):
            with pytest.raises(RecogniserError):
                run(sources, tmp_path / "out", config, engine=open_engine("inline", None), view=view)
    assert not (tmp_path / "out").exists()


def test_the_option_is_in_the_help() -> None:
    shown = CliRunner().invoke(app, ["build", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    assert "--recogniser" in shown
    assert "whisper:FOLDER_OR_HUB_NAME" in re.sub(r"\s+", " ", shown)
