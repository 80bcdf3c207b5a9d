"""Two people on one track, through a whole build without any option; and what is no such thing, with its reason."""

import io
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from rich.console import Console

from cluster.engine import open_engine
from model.resample import Resampler
from pipeline.build import BuildResult, build, made_by_of, select_and_pack
from pipeline.config import BuildConfig, conversation, intake
from pipeline.licences.expressions import rights_of
from pipeline.prepare import Prepared
from pipeline.sources import read_sources
from pipeline.verify import verify
from pipeline.view import View
from schemas.clip import Clip
from schemas.licence import Licence
from schemas.prepared import PreparedFile
from schemas.recording import Recording, Source
from schemas.shard import NearDuplicates, RecordingRow
from stages.decode import decode
from stages.enhance import ENHANCE_BELOW_DB, Enhance
from stages.separate import Separate
from stages.voices import FindVoices

Float = NDArray[np.floating]

DEMO = Path(__file__).parents[2] / "demo" / "recordings"
RATE = 24_000
CONFIG = BuildConfig(
    split_percent=(100, 0, 0),
    max_span_s=20.0,
    max_leakage_db=0.0,
    flac=True,
    near_duplicates=NearDuplicates.KEEP,  # one conversation, disturbed in many ways
)


def read(name: str, name_b: str | None = None) -> Float:
    """A demo recording at 24 kHz, float32 [channels, n]."""
    source = Source(uri=str(DEMO / name), uri_b=str(DEMO / name_b) if name_b else None, origin="test")
    with av.open(source.uri) as file:
        rate_hz = file.streams.audio[0].rate
    audio = np.concatenate(list(decode(source)), axis=1)
    resampler = Resampler(rate_hz, RATE, audio.shape[0])
    return np.concatenate([resampler.push(audio), resampler.flush()], axis=1)


def write(path: Path, audio: Float, rate_hz: int = RATE) -> None:
    """A 16-bit file of audio [channels, n] or [n]."""
    audio = np.atleast_2d(audio)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(audio.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.clip(np.rint(audio * 32_767), -32_768, 32_767).astype("<i2").T.tobytes())


def telephone(audio: Float) -> Float:
    """At 8 kHz, [1, n]."""
    resampler = Resampler(RATE, 8_000, 1)
    return np.concatenate([resampler.push(audio[None]), resampler.flush()], axis=1)


def music(seconds: int) -> Float:
    """Notes that are struck and fade, with rests."""
    time_s = np.arange(seconds * RATE) / RATE
    notes = np.random.default_rng(0).integers(0, 12, 2 * seconds)
    hertz = 220 * 2 ** (np.repeat(notes, RATE // 2) / 12)
    tones = sum(np.sin(2 * np.pi * np.cumsum(k * hertz) / RATE) / k for k in (1, 2, 3, 4))
    return 0.1 * np.exp(-4 * (time_s % 0.5)) * (time_s % 4 > 1) * np.asarray(tones)


def noise(seconds: int) -> Float:
    """Gusts."""
    random = np.random.default_rng(1)
    swell = np.repeat(random.uniform(0.0, 1.0, seconds) ** 3, RATE)
    return 0.1 * swell * random.standard_normal(seconds * RATE)


def inputs(folder: Path) -> None:
    """The conversation, and everything that a track can be instead."""
    kitchen = read("studio-kitchen.left.flac", "studio-kitchen.right.flac")
    write(folder / "talk.wav", kitchen.sum(axis=0) / 2)
    short = kitchen[:, 14 * RATE : 24 * RATE]
    mono = short.sum(axis=0) / 2
    write(folder / "stereo.wav", np.array([[0.7, 0.4], [0.4, 0.7]]) @ short)
    write(folder / "one-side.wav", np.stack([np.zeros_like(mono), mono]))
    loud = np.quantile(np.abs(mono[np.abs(mono) > 0.01]), 0.7)
    write(folder / "clipped.wav", 0.9 * np.clip(mono / loud, -1, 1))
    write(folder / "offset.wav", 0.7 * mono + 0.25)
    write(folder / "telephone.wav", telephone(mono), 8_000)
    write(folder / "far.wav", (short[0] + 0.01 * short[1]) / 2)
    write(folder / "one.wav", kitchen[0, : 20 * RATE])
    write(folder / "twins.wav", kitchen[0, : 10 * RATE] + kitchen[0, 15 * RATE : 25 * RATE])
    people = [kitchen[0], kitchen[1], *read("telephone-parcel.wav"), read("videocall-budget.ogg")[0]]
    write(folder / "five.wav", np.concatenate([voice[16 * RATE : 20 * RATE] for voice in people]))
    write(folder / "music.wav", music(8))
    write(folder / "noise.wav", noise(8))
    little = 1e-4 * np.random.default_rng(2).standard_normal((1, 600 * 8_000))
    little[:, 300 * 8_000 : 303 * 8_000] += telephone(mono)[:, : 3 * 8_000]
    write(folder / "little.wav", little, 8_000)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BuildResult, str]:
    """The dataset of all inputs, its result and what a person saw."""
    folder = tmp_path_factory.mktemp("mixtures")
    (folder / "in").mkdir()
    inputs(folder / "in")
    rows = [f"{path.name},{'anna|ben' if path.name == 'talk.wav' else ''}" for path in (folder / "in").iterdir()]
    (folder / "in" / "manifest.csv").write_text("\n".join(["path,speakers", *rows]) + "\n")
    said = io.StringIO()
    with View(Console(file=said, width=1_000), interactive=False) as view:
        sources = read_sources([str(folder / "in" / "manifest.csv")], {"licence": "CC0-1.0"})
        result = build(sources, folder / "out", CONFIG, engine=open_engine("inline", None), view=view)
    return folder / "out", result, said.getvalue()


def row_of(result: BuildResult, name: str) -> RecordingRow:
    (row,) = (row for row in result.recordings if row.uri == name)
    return row


def clips_of(out: Path, name: str) -> list[dict[str, Any]]:
    rows = pq.read_table(out / "index" / "clips.parquet").to_pylist()
    mine = [row for row in rows if row["info"]["provenance"]["uri"] == name]
    return sorted(mine, key=lambda row: row["info"]["start_s"])


def test_no_second_of_any_of_them_is_lost(made: tuple[Path, BuildResult, str]) -> None:
    out, result, said = made
    assert list(verify(out)) == []
    assert result.quarantined == []
    assert len(result.recordings) == 13
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("music", {"no_speech"}),
        ("noise", {"no_speech"}),
        ("little", {"no_speech"}),
        ("one", {"one_speaker"}),
        ("twins", {"one_speaker"}),
    ],
)
def test_what_is_no_conversation_has_one_reason(
    made: tuple[Path, BuildResult, str], name: str, reasons: set[str]
) -> None:
    row = row_of(made[1], f"{name}.wav")
    assert row.n_clips == 0, clips_of(made[0], f"{name}.wav")
    (loss,) = row.lost
    assert loss.reason in reasons, loss
    assert any(digit.isdigit() for digit in loss.detail)  # the figure that says why
    assert sum(f"{name}.wav" in line for line in made[2].splitlines()) == 1


@pytest.mark.parametrize("name", ["stereo", "one-side", "clipped", "offset", "telephone", "far"])
def test_a_disturbed_conversation_is_one_still(made: tuple[Path, BuildResult, str], name: str) -> None:
    row = row_of(made[1], f"{name}.wav")
    assert row.n_clips == 1 and not row.lost
    (clip,) = clips_of(made[0], f"{name}.wav")
    assert {s["channel"] for s in clip["info"]["segments"]} == {0, 1}


def test_five_people_give_clips_or_a_reason(made: tuple[Path, BuildResult, str]) -> None:
    row = row_of(made[1], "five.wav")
    assert {loss.reason for loss in row.lost} <= {"third_voice", "too_short", "no_pause", "silence"}
    assert row.n_clips or row.lost


def test_each_clip_of_a_mixture_says_how_it_was_made(made: tuple[Path, BuildResult, str]) -> None:
    clips = clips_of(made[0], "talk.wav")
    assert len(clips) > 1
    names = set()
    for clip in clips:
        info = clip["info"]
        assert info["provenance"]["layout"] == "mixture"
        assert info["provenance"]["separated"]
        assert info["stated_speakers"] == ["anna", "ben"]
        names |= set(info["speakers"])
        assert all(speaker.startswith(f"{info['recording_id']}/") for speaker in info["speakers"])
        quality = info["quality"]
        assert info["provenance"]["enhanced"] == (quality["speech_to_background_db"] < ENHANCE_BELOW_DB)
        assert (quality["overlap_confidence"] is None) == (not info["overlaps"])
        assert all(0.0 <= overlap["confidence"] <= 1.0 for overlap in info["overlaps"])
        overlap_s = sum(overlap["end_s"] - overlap["start_s"] for overlap in info["overlaps"])
        assert overlap_s == pytest.approx(quality["overlap_s"], abs=2e-3)
    assert len(names) >= 2


def test_a_speaker_keeps_name_and_channel_across_clips(made: tuple[Path, BuildResult, str]) -> None:
    truth = read("studio-kitchen.left.flac", "studio-kitchen.right.flac")
    whose: dict[str, set[int]] = {}
    for clip in clips_of(made[0], "talk.wav"):
        info = clip["info"]
        for channel, name in enumerate(info["speakers"]):
            alone = [s for s in info["segments"] if s["channel"] == channel and s["end_s"] - s["start_s"] > 0.5]
            energy = np.zeros(2)
            for s in alone:
                start, end = (round((info["start_s"] + s[key]) * RATE) for key in ("start_s", "end_s"))
                energy += np.square(truth[:, start:end]).sum(axis=1)
            whose.setdefault(name, set()).add(int(energy.argmax()))
    assert len(whose) >= 2
    assert all(len(people) == 1 for people in whose.values()), whose


def test_clips_that_leak_too_much_are_left_out_with_the_figure(
    made: tuple[Path, BuildResult, str], tmp_path: Path
) -> None:
    free = Licence(spdx="CC0-1.0", rights=rights_of("CC0-1.0"))
    files = [PreparedFile(path, free) for path in sorted((made[0] / "work" / "prepared").iterdir())]
    files = [file for file in files if file.recording().uri == "talk.wav"]
    made_by = made_by_of(replace(CONFIG, max_leakage_db=-59.0))
    said = io.StringIO()
    with View(Console(file=said, width=1_000), interactive=False) as view:
        engine = open_engine("inline", None)
        result = select_and_pack(Prepared(files=files), tmp_path / "out", made_by, engine=engine, view=view)
    (row,) = result.recordings
    assert row.n_clips == 0
    dropped = clips_of(tmp_path / "out", "talk.wav")
    assert {clip["reason"] for clip in dropped} == {"leakage"}
    for clip in dropped:
        worst_db = max(clip["info"]["quality"]["leakage_db"])
        assert f"{worst_db:.1f} dB" in clip["detail"]
        assert clip["detail"] in said.getvalue()
    assert {loss.reason for loss in row.lost if loss.stage == "select"} == {"leakage"}
    assert list(verify(tmp_path / "out")) == []


def test_what_came_on_two_channels_does_not_meet_the_stages_of_mixtures() -> None:
    engine = open_engine("inline", None)
    pair = [f"studio-kitchen.{side}.flac" for side in ("left", "right")]
    sources = read_sources([str(DEMO / "manifest.csv")], {}).usable
    (source,) = (s for s in sources if s.uri.endswith(pair[0]))
    (recording,) = (row for _, row in engine.run([source], intake(BuildConfig())) if isinstance(row, Recording))
    stages = conversation(BuildConfig())
    before = [s for s in stages if not isinstance(s, Enhance | FindVoices | Separate)]
    now, then = (
        [row for _, row in engine.run([recording], listed) if isinstance(row, Clip)] for listed in (stages, before)
    )
    assert now == then
    assert now[0].info.provenance.layout == "separate"
    assert not now[0].info.provenance.separated
    assert now[0].info.quality.speech_to_background_db is None
    assert now[0].info.speakers == ("tom", "iris")
