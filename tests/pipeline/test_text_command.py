"""`duplexset fit text` and `duplexset train --text` as a person meets them."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipeline import cli

SAID = "one two three yes no well right"


def said(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """The one line on stderr, also of the libraries underneath, of a command that fails with exit code 2."""
    monkeypatch.setattr("sys.argv", ["duplexset", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    out, error = capfd.readouterr()
    assert (left.value.code, error.count("\n")) == (2, 1)
    assert error.startswith("duplexset: ")
    return out + error


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A dataset of one clip of 50 frames."""
    out, rows = tmp_path / "data", []
    (out / "shards").mkdir(parents=True)
    (out / "index").mkdir()
    codes = io.BytesIO()
    np.save(codes, np.zeros((2, 8, 50), np.int16))
    words = [[[word, 0.4 * i, 0.4 * i + 0.2, 1.0] for i, word in enumerate(SAID.split())], []]
    with tarfile.open(out / "shards/train-00000.tar", "w") as tar:
        for name, content in (("c.codes.npy", codes.getvalue()), ("c.words.json", json.dumps(words).encode())):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        rows = [{"clip_id": "c", "split": "train", "shard": "train-00000.tar", "offset": 0, "length": tar.offset}]
    pq.write_table(pa.Table.from_pylist([{**rows[0], "n_frames": 50, "kept": True}]), out / "index/clips.parquet")
    return out


def test_help_fits_in_80_columns() -> None:
    for command in (["fit", "text"], ["train"], ["fit"]):
        result = CliRunner().invoke(cli.app, [*command, "--help"], env={"COLUMNS": "80", "NO_COLOR": "1"})
        assert result.exit_code == 0
        assert max(len(line.rstrip()) for line in result.output.splitlines()) <= 80
        assert "…" not in result.output


def test_fit_text_then_train_with_it(dataset: Path, tmp_path: Path) -> None:
    fit = CliRunner().invoke(cli.app, ["fit", "text", str(dataset), str(tmp_path / "t"), "--vocabulary", "273"])
    assert fit.exit_code == 0, fit.output
    model = tmp_path / "t/text.model"
    assert fit.output == f"{dataset}: 7 words\ntokenizer: {model}\n"
    options = ["--steps", "1", "--eval-every", "0", "--window", "20", "--batch", "1", "--device", "cpu"]
    run = str(tmp_path / "run")
    done = CliRunner().invoke(
        cli.app, ["train", str(dataset), run, *options, "--text", str(model), "--text-rule", "drop"]
    )
    assert done.exit_code == 0, done.output
    config = json.loads((tmp_path / "run/config.json").read_text())["config"]
    assert (config["model"]["text_card"], config["text_rule"]) == (273, "drop")


def test_what_is_wrong_is_one_line(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dataset: Path
) -> None:
    out = str(tmp_path / "t")
    line = said(capfd, monkeypatch, "fit", "text", str(dataset), out)
    assert "7 different words give no vocabulary of 8000: --vocabulary " in line
    (tmp_path / "empty.txt").touch()
    assert "no words to train from" in said(capfd, monkeypatch, "fit", "text", str(tmp_path / "empty.txt"), out)
    assert "is nowhere the output of" in said(capfd, monkeypatch, "fit", "text", "nowhere", out)
    broken = tmp_path / "broken.model"
    broken.write_bytes(b"broken")
    line = said(capfd, monkeypatch, "train", str(dataset), str(tmp_path / "run"), "--text", str(broken))
    assert "broken.model: not a SentencePiece model" in line
    broken.write_bytes(b"")
    assert "not a SentencePiece" in said(capfd, monkeypatch, "train", str(dataset), out, "--text", str(broken))
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("options", "line"), [(["--text-rule", "drop"], "give --text"), (["--prompt-frames", "60"], "give --persona")]
)
def test_an_option_that_would_be_ignored_is_refused(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: list[str],
    line: str,
) -> None:
    assert line in said(capfd, monkeypatch, "train", str(tmp_path), str(tmp_path / "run"), *options)
    assert not (tmp_path / "run").exists()
