"""`duplexset stats` on datasets, tables of turns and what it wrote itself."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from model.turns.references import PUBLISHED, builtin
from pipeline.cli import app
from pipeline.plot_style import PlotError
from pipeline.statistics import StatisticsError, read
from schemas.arrow import schema_of, to_table
from schemas.clip import Clip
from schemas.errors import DatasetError
from schemas.recording import Recording
from schemas.shard import ClipRow, Split

TURNS = """conversation\tspeaker\tstart_s\tend_s
one\tanna\t0.0\t20.0
one\tben\t10.0\t10.5
one\tben\t21.0\t42.0
one\tanna\t40.0\t60.0
"""


@pytest.fixture
def turns(tmp_path: Path) -> Path:
    path = tmp_path / "talk.tsv"
    path.write_text(TURNS)
    return path


def dataset(folder: Path, make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]) -> Path:
    """An index of three clips of ten seconds, in two splits; the third is not kept."""
    rows = []
    for number, (split, kept) in enumerate(((Split.TRAIN, True), (Split.TEST, True), (None, False))):
        info = make_clip(make_recording(f"{number}.wav"), n_frames=125).info
        rows.append(
            ClipRow(
                clip_id=info.clip_id,
                kept=kept,
                reason=None if kept else "leakage",
                split=split,
                shard="s.tar" if kept else None,
                offset=0,
                length=1,
                sha256="0" * 64,
                n_frames=125,
                duration_s=10.0,
                unlicensed=False,
                info=info,
            )
        )
    (folder / "index").mkdir(parents=True)
    with pq.ParquetWriter(folder / "index" / "clips.parquet", schema_of(ClipRow)) as writer:
        writer.write_table(to_table(ClipRow, rows))
    return folder


def test_a_table_of_turns_is_counted(turns: Path) -> None:
    result = CliRunner().invoke(app, ["stats", str(turns)])
    assert result.exit_code == 0
    assert "1 conversation, 0.02 h" in result.output
    row = re.search(r"changes with overlap, % +([\d.]+)", result.output.replace("│", " | ").replace("|", ""))
    assert row is not None
    assert row[1] == "50.0"


def test_what_json_wrote_is_a_reference(turns: Path, tmp_path: Path) -> None:
    out = tmp_path / "talk.json"
    CliRunner().invoke(app, ["stats", str(turns), "--json", str(out)])
    figures = json.loads(out.read_text())["figures"]
    assert figures["transfers_per_min"] == 2.0
    assert figures["words_per_s"] is None
    again = read(str(out))
    assert again.figures()["fto_median_s"] == read(str(turns)).figures()["fto_median_s"]
    assert again.distributions["unit"].distance_s(read(str(turns)).distributions["unit"]) == 0.0


def test_only_kept_clips_count_and_a_split_alone(
    tmp_path: Path, make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]
) -> None:
    out = dataset(tmp_path / "out", make_recording, make_clip)
    assert read(str(out)).conversations == 2
    assert read(str(out), "test").conversations == 1
    with pytest.raises(StatisticsError, match="split validation, has no clips"):
        read(str(out), "validation")


def test_the_figures_that_come_with_the_project_are_near_the_published_ones() -> None:
    figures, published = builtin().figures(), PUBLISHED["PriMock57"]
    assert builtin().conversations == 45
    assert figures["overlapped_changes"] == pytest.approx(published["overlapped_changes"], abs=0.02)
    assert figures["fto_median_s"] == pytest.approx(published["fto_median_s"], abs=0.02)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_picture_is_the_same_each_time(turns: Path, tmp_path: Path, kind: str) -> None:
    made = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.{kind}"
        assert CliRunner().invoke(app, ["stats", str(turns), "--plot", str(path)]).exit_code == 0
        made.append(path.read_bytes())
    assert made[0] == made[1]
    assert len(made[0]) > 10_000


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none", None, "give the OUT folder of a build, a table of turns"),
        ("bad.tsv", "a\tb\n1\t2\n", "line 2: expected tab-separated conversation, speaker, start_s, end_s"),
        ("three.tsv", TURNS + "one\tcarl\t1.0\t2.0\n", "one has more than two speakers"),
        ("other.json", "{}", "is not what `duplexset stats --json` wrote"),
        ("cut.json", '{"statistics": {"conv', "is not what `duplexset stats --json` wrote"),
    ],
)
def test_what_cannot_be_counted_is_one_line(tmp_path: Path, name: str, content: str | None, said: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    result = CliRunner().invoke(app, ["stats", str(path)])
    assert result.exit_code != 0
    assert said in str(result.exception)
    assert "\n" not in str(result.exception)


@pytest.mark.parametrize("option", ["--json", "--plot"])
def test_where_nothing_can_be_written_is_said_before_anything_is_counted(
    turns: Path, tmp_path: Path, option: str
) -> None:
    (tmp_path / "d.svg").mkdir()
    for path, said in (
        (tmp_path / "d.svg", f"{option} {tmp_path}/d.svg is a folder: name a file in it"),
        (turns / "x.svg", f"{option} {turns}/x.svg: {turns} is no folder, give another place"),
    ):
        result = CliRunner().invoke(app, ["stats", str(turns), option, str(path)])
        assert str(result.exception) == said
        assert result.output == ""


def test_a_folder_that_is_no_dataset_and_a_picture_of_no_kind(turns: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="it is no dataset"):
        read(str(tmp_path))
    with pytest.raises(StatisticsError, match="is no dataset and has no parts"):
        read(str(turns), "train")
    result = CliRunner().invoke(app, ["stats", str(turns), "--plot", "figure.doc"])
    assert isinstance(result.exception, PlotError)
