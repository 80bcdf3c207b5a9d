"""Everything that can be wrong with a recording, in one build: a line each, and the good one comes through."""

import io
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from rich.console import Console

from cluster.engine import open_engine
from pipeline.build import BuildResult, build
from pipeline.config import BuildConfig
from pipeline.sources import read_sources
from pipeline.verify import verify
from pipeline.view import View

DEMO = Path(__file__).parents[2] / "demo" / "recordings"


def write_pcm(path: Path, samples: np.ndarray, rate_hz: int = 8_000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").T.tobytes())


def empty(path: Path) -> None:
    path.touch()


def text(path: Path) -> None:
    path.write_text("Dear colleague, please find the recording attached.\n" * 40)


def cut_mp3(path: Path) -> None:
    data = (DEMO / "clinic-knee.mp3").read_bytes()
    path.write_bytes(data[: len(data) // 2])


def zero_hz(path: Path) -> None:
    write_pcm(path, np.zeros((2, 80_000)))
    data = bytearray(path.read_bytes())
    data[24:28] = struct.pack("<I", 0)
    path.write_bytes(data)


def not_a_number(path: Path) -> None:
    samples = np.zeros((80_000, 2), dtype="<f4")
    samples[40_000, 1] = np.nan
    body = samples.tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(body),
        b"WAVE",
        b"fmt ",
        16,
        3,
        2,
        8_000,
        64_000,
        8,
        32,
        b"data",
        len(body),
    )
    path.write_bytes(header + body)


def one_sample(path: Path) -> None:
    write_pcm(path, np.ones((2, 1)))


def silence(path: Path) -> None:
    write_pcm(path, np.zeros((2, 160_000)))


def film_of_six_channels(path: Path) -> None:
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as film:
        video = film.add_stream("mpeg4", rate=10)
        video.width = video.height = 32
        audio = film.add_stream("flac", rate=48_000, layout="5.1")
        for i in range(20):
            film.mux(video.encode(av.VideoFrame.from_ndarray(np.full((32, 32, 3), i, np.uint8), format="rgb24")))
        block = rng.integers(-3_000, 3_000, (1, 6 * 4_608)).astype(np.int16)
        for i in range(20):
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="5.1")
            frame.sample_rate = 48_000
            frame.pts = i * 4_608
            film.mux(audio.encode(frame))
        film.mux(video.encode(None))
        film.mux(audio.encode(None))


BAD: dict[str, tuple[Callable[[Path], object] | None, set[str]]] = {
    "empty.wav": (empty, {"not_audio"}),
    "empty.mp3": (empty, {"not_audio"}),
    "scrap.mp3": (lambda path: path.write_bytes(b"TAG"), {"not_audio"}),
    "letter.wav": (text, {"not_audio"}),
    "cut.mp3": (cut_mp3, {"corrupt"}),
    "zero.wav": (zero_hz, {"not_audio", "corrupt"}),
    "nan.wav": (not_a_number, {"not_finite"}),
    "one.wav": (one_sample, {"too_short", "silent"}),
    "silence.wav": (silence, {"silent"}),
    "film.mkv": (film_of_six_channels, {"channels"}),
    "gone.wav": (None, {"missing"}),
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BuildResult, list[str]]:
    folder = tmp_path_factory.mktemp("bad")
    rows = ["path"]
    for name, (make, _) in BAD.items():
        if make is not None:
            make(folder / name)
        rows.append(name)
    (folder / "good.wav").symlink_to(DEMO / "telephone-parcel.wav")
    rows += ["good.wav", "good.wav"]
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    said = io.StringIO()
    with View(Console(file=said, width=1_000), interactive=False) as view:
        sources = read_sources([str(folder / "manifest.csv")], {"licence": "CC0-1.0"})
        engine = open_engine("inline", None)
        result = build(sources, folder / "out", BuildConfig(), engine=engine, view=view)
    return folder / "out", result, said.getvalue().splitlines()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_recording_is_one_clear_line(outcome: tuple[Path, BuildResult, list[str]], name: str) -> None:
    _, result, said = outcome
    (row,) = (row for row in result.recordings if row.uri == name)
    assert {loss.reason for loss in row.lost} <= BAD[name][1]
    assert len(row.lost) == 1
    lines = [line for line in said if f"/{name}" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"rejected ({row.lost[0].reason}) ")
    assert len(row.lost[0].detail) > 20


def test_the_good_recording_is_kept_once_and_its_second_row_is_a_duplicate(
    outcome: tuple[Path, BuildResult, list[str]],
) -> None:
    _, result, _ = outcome
    rows = [row for row in result.recordings if row.uri == "good.wav"]
    assert sorted(
        (row.n_clips > 0, [loss.reason for loss in row.lost if loss.stage == "ingest"]) for row in rows
    ) == [
        (False, ["duplicate"]),
        (True, []),
    ]


def test_nothing_is_lost_and_nothing_quarantined(outcome: tuple[Path, BuildResult, list[str]]) -> None:
    out, result, said = outcome
    assert len(result.recordings) == len(BAD) + 2
    assert result.quarantined == []
    assert list(verify(out)) == []
    assert not any("Traceback" in line for line in said)
