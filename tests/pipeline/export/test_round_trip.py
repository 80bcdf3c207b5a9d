"""From recordings to a dataset, out to moshi-finetune, and in again."""

import io
import wave
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from cluster.engine import open_engine
from pipeline.build import BuildResult, build
from pipeline.config import BuildConfig
from pipeline.export.plan import ExportConfig
from pipeline.export.run import export
from pipeline.sources import SourceError, read_sources
from pipeline.view import View

DEMO = Path(__file__).parents[3] / "demo" / "recordings"


def built(source: Path, out: Path, *, flac: bool = False) -> BuildResult:
    sources = read_sources([str(source)], {})
    with View(Console(file=io.StringIO()), interactive=False) as view:
        return build(sources, out, BuildConfig(flac=flac), engine=open_engine("inline", None), view=view)


def excerpt(name: str, path: Path) -> None:
    """The first 15 s of a demo recording."""
    with av.open(str(DEMO / name)) as container:
        rate_hz = container.streams.audio[0].rate
        packed = av.AudioResampler(format="s16", layout="stereo")
        blocks = [b.to_ndarray() for f in container.decode(audio=0) for b in packed.resample(f)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.concatenate(blocks, axis=1)[:, : 2 * 15 * rate_hz].tobytes())


def test_an_export_is_built_again_clip_by_clip(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    excerpt("telephone-parcel.wav", calls / "one.wav")
    excerpt("interview-lighthouse.m4a", calls / "two.wav")
    (calls / "manifest.csv").write_text(
        "path,licence,holder,evidence,consent,speakers,language\n"
        "one.wav,CC-BY-4.0,Ann,https://example.org/deed,contract,anna|ben,en\n"
        "two.wav,CC0-1.0,,,synthetic,,\n"
    )
    first = built(calls / "manifest.csv", tmp_path / "first", flac=True)
    count = sum(row.n_clips for row in first.recordings)
    assert count == 2
    folder = tmp_path / "moshi"
    export(ExportConfig(to="moshi-finetune"), tmp_path / "first", folder, lambda _: None)

    again = built(folder / "manifest.csv", tmp_path / "again")
    assert sum(row.n_clips for row in again.recordings) == count
    assert again.quarantined == []
    columns = ["clip_id", "duration_s", "info"]
    before, after = (
        pq.read_table(tmp_path / name / "index" / "clips.parquet", columns=columns).to_pylist()
        for name in ("first", "again")
    )
    for row in before:
        (same,) = (new for new in after if row["clip_id"] in new["info"]["provenance"]["uri"])
        assert same["duration_s"] == pytest.approx(row["duration_s"])
        assert same["info"]["speakers"] == row["info"]["speakers"]
        assert same["info"]["licence"] == row["info"]["licence"]
        assert same["info"]["provenance"]["layout"] == "separate"

    with pytest.raises(SourceError, match="with clips in it twice"):
        read_sources([str(folder)], {})

    one_side = tmp_path / "one-side"
    export(ExportConfig(to="moshi-finetune", model_channel="0"), tmp_path / "first", one_side, lambda _: None)
    (one_side / "LICENSE.toml").write_text('licence = "CC-BY-4.0"\n')  # two licences: none was written
    assert sum(row.n_clips for row in built(one_side, tmp_path / "folder").recordings) == count
