"""duplexset simulate, as a user runs it: what lies in OUT, what resumes, what is refused."""

import json
import re
import tomllib
import wave
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from model.simulate.scene import SCENES
from model.speech_audio import SpeechError
from pipeline import cli
from pipeline.licences.fields import licence_of, read_licence_file
from pipeline.simulate import SimulateConfig, SimulateError, run
from pipeline.simulate_licence import SourceLicenceError, combined
from pipeline.sources import read_sources

RATE_HZ = 24_000


def speech(folder: Path, licence: str = "CC-BY-4.0 (LICENSE)") -> Path:
    """Three speakers of 14 s each (bursts of a buzz at 110, 150 and 210 Hz) and an INDEX.tsv."""
    folder.mkdir()
    rows = ["path\tspeaker\tlicence\trepo"]
    for number, pitch_hz in enumerate((110, 150, 210)):
        time_s = np.arange(14 * RATE_HZ) / RATE_HZ
        buzz = sum(np.sin(2 * np.pi * k * pitch_hz * time_s) / k for k in range(1, 9))
        pcm = 4_000 * buzz * ((time_s % 1.3) < 0.9) + np.random.default_rng(number).standard_normal(time_s.size)
        with wave.open(str(folder / f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(pcm.astype("<i2").tobytes())
        rows.append(f"{number}.wav\tspeaker {number}\t{licence}\tsome/where")
    (folder / "INDEX.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> SimulateConfig:
    folder = speech(tmp_path_factory.mktemp("simulate") / "speech")
    return SimulateConfig(speech=folder, count=2, length_s=12.0, scene="clean")


def quiet(_: str) -> None:
    """No report."""


def read(path: Path) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp")
        frames = [r.to_ndarray() for f in container.decode(audio=0) for r in resampler.resample(f)]
        return np.concatenate(frames, axis=1), container.streams.audio[0].rate


def files(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def made(config: SimulateConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "out"
    run(config, out, quiet)
    return out


def test_the_folder_is_recordings_and_truth(made: Path) -> None:
    names = ["clean-any-00000", "clean-any-00001"]
    assert sorted(files(made)) == sorted(
        ["simulation.json", "recordings/LICENSE.toml", "recordings/SOURCES.tsv"]
        + [f"recordings/{n}.flac" for n in names]
        + [f"truth/{n}.{kind}" for n in names for kind in ("flac", "json", "rttm")]
    )
    for name in names:
        facts = json.loads((made / "truth" / f"{name}.json").read_text())
        mixture, rate_hz = read(made / "recordings" / f"{name}.flac")
        channels, truth_rate_hz = read(made / "truth" / f"{name}.flac")
        assert (rate_hz, truth_rate_hz) == (RATE_HZ, RATE_HZ)
        assert mixture.shape[1] == channels.shape[1] == round(facts["duration_s"] * RATE_HZ)
        assert np.abs(channels.sum(axis=0) - mixture[0]).max() < 1e-4
        assert facts["name"] == name
        assert len(facts["speakers"]) == len(facts["pitch_hz"]) == 2
        assert {e["kind"] for e in facts["events"]} <= {"turn", "backchannel", "laugh"}
        assert facts["scene"]["name"] == "clean"


def test_rttm_is_what_the_channels_have(made: Path) -> None:
    line = re.compile(r"SPEAKER (\S+) 1 (\d+\.\d{3}) (\d+\.\d{3}) <NA> <NA> (\S+) <NA> <NA>")
    name = "clean-any-00000"
    channels, _ = read(made / "truth" / f"{name}.flac")
    speakers = json.loads((made / "truth" / f"{name}.json").read_text())["speakers"]
    marked = np.zeros(channels.shape, bool)
    starts = []
    for text in (made / "truth" / f"{name}.rttm").read_text().splitlines():
        match = line.fullmatch(text)
        assert match
        assert match[1] == name
        start, length = (round(float(match[k]) * RATE_HZ) for k in (2, 3))
        marked[speakers.index(match[4]), start : start + length] = True
        starts.append(float(match[2]))
    assert starts == sorted(starts)
    energy = np.square(channels)
    for own, channel in zip(marked, energy, strict=True):
        assert channel[own].sum() > 0.98 * channel.sum()


def test_the_same_seed_makes_the_same_bytes(config: SimulateConfig, made: Path, tmp_path: Path) -> None:
    run(config, tmp_path / "out", quiet)
    assert files(tmp_path / "out") == files(made)


def test_what_is_there_is_not_made_again(config: SimulateConfig, made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(replace(config, count=1), out, quiet).made == 1
    first = {path: path.stat().st_mtime_ns for path in out.rglob("*00000*")}
    assert run(config, out, quiet).made == 1
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*00000*")} == first
    assert files(out) == files(made)
    (out / "truth" / "clean-any-00000.json").unlink()  # as if killed before the last file
    assert run(config, out, quiet).made == 1
    assert files(out) == files(made)
    with pytest.raises(SimulateError, match="holds conversations with seed 0, not 1: give another folder"):
        run(replace(config, seed=1), out, quiet)


@pytest.mark.parametrize("kind", ["wav", "mp3", "opus"])
def test_every_kind_of_file_keeps_the_time(config: SimulateConfig, tmp_path: Path, kind: str) -> None:
    run(replace(config, count=1, file_format=kind), tmp_path / "out", quiet)
    (path,) = (tmp_path / "out" / "recordings").glob(f"*.{kind}")
    mixture, rate_hz = read(path)
    channels, _ = read(tmp_path / "out" / "truth" / f"{path.stem}.flac")
    expected = channels.sum(axis=0)
    if rate_hz != RATE_HZ:  # Opus decodes at 48 kHz
        mixture = mixture[:, :: rate_hz // RATE_HZ]
    size = 2 ** int(np.ceil(np.log2(2 * expected.size)))
    cross = np.fft.irfft(np.fft.rfft(mixture[0], size) * np.conj(np.fft.rfft(expected, size)))
    lag = int(cross.argmax())
    assert min(lag, size - lag) < RATE_HZ / 1_000


def test_a_telephone_call_is_a_file_at_8_khz(config: SimulateConfig, tmp_path: Path) -> None:
    run(replace(config, count=1, scene="telephone", file_format="wav"), tmp_path / "out", quiet)
    (path,) = (tmp_path / "out" / "recordings").glob("*.wav")
    mixture, rate_hz = read(path)
    channels, _ = read(tmp_path / "out" / "truth" / f"{path.stem}.flac")
    assert rate_hz == 8_000
    assert mixture.shape[1] * 3 == channels.shape[1]


def test_in_a_room_the_images_add_up_to_the_mixture(config: SimulateConfig, tmp_path: Path) -> None:
    run(replace(config, count=1, scene="reverb"), tmp_path / "out", quiet)
    (path,) = (tmp_path / "out" / "recordings").glob("*.flac")
    images, _ = read(tmp_path / "out" / "images" / path.name)
    channels, _ = read(tmp_path / "out" / "truth" / path.name)
    assert images.shape == channels.shape
    assert np.abs(images.sum(axis=0) - read(path)[0][0]).max() < 2e-3  # hiss of -70 dBFS
    assert np.abs(images - channels).max() > 0.01


def test_twins_have_two_names(config: SimulateConfig, tmp_path: Path) -> None:
    run(replace(config, count=1, pair="twins"), tmp_path / "out", quiet)
    (path,) = (tmp_path / "out" / "truth").glob("*.json")
    first, second = json.loads(path.read_text())["speakers"]
    assert second == f"{first}#2"
    assert " " not in first


def test_the_licence_is_one_that_build_takes(made: Path) -> None:
    path = made / "recordings" / "LICENSE.toml"
    fields = read_licence_file(path)
    licence = licence_of(fields, path.parent)
    assert licence is not None
    assert licence.spdx == "CC-BY-4.0"
    assert licence.attribution == "Simulated conversations out of: some/where (CC-BY-4.0)"
    assert licence.evidence_sha256
    assert tomllib.loads(path.read_text())["consent"] == "public-licence"
    found = read_sources([str(made / "recordings")], {})
    assert len(found.usable) == 2
    assert all(s.licence == licence for s in found.usable)
    assert "voice\tspeaker 1\tCC-BY-4.0 (LICENSE)\tsome/where" in (made / "recordings" / "SOURCES.tsv").read_text()


@pytest.mark.parametrize(
    ("licences", "together"),
    [
        (["CC0-1.0"], "CC0-1.0"),
        (["CC0-1.0", "MIT"], "MIT"),
        (["MIT", "Apache-2.0"], "Apache-2.0 AND MIT"),
        (["CC0-1.0", "Unlicense"], "CC0-1.0"),
        (["CC-BY-SA-3.0", "CC-BY-SA-4.0"], "CC-BY-SA-4.0"),  # 4(b)(ii) of 3.0: a later version
        (["CC-BY-3.0", "CC-BY-4.0", "CC0-1.0"], "CC-BY-4.0"),
        (["CC-BY-4.0", "CC-BY-SA-4.0"], "CC-BY-SA-4.0"),
        (["CC-BY-NC-4.0", "Apache-2.0"], "CC-BY-NC-4.0"),
    ],
)
def test_licences_combine_to_the_one_that_asks_most(licences: list[str], together: str) -> None:
    assert combined(licences) == together


@pytest.mark.parametrize(
    "licences", [["CC-BY-ND-4.0"], ["CC-BY-SA-1.0", "CC-BY-SA-4.0"], ["CC-BY-SA-4.0", "CC-BY-NC-4.0"]]
)
def test_licences_that_cannot_be_combined(licences: list[str]) -> None:
    with pytest.raises(SourceLicenceError, match="leave"):
        combined(licences)


def test_no_licence_is_made_up(config: SimulateConfig, tmp_path: Path) -> None:
    folder = speech(tmp_path / "speech", licence="")
    result = run(replace(config, speech=folder, count=1), tmp_path / "out", quiet)
    assert not result.licensed
    assert not (tmp_path / "out" / "recordings" / "LICENSE.toml").exists()


Changes = dict[str, object]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scene": "moon"}, "--scene 'moon' is not known: give one of train, varied"),
        ({"pair": "odd"}, "--pair 'odd' is not known: give one of any, same"),
        ({"file_format": "ape"}, "--format 'ape' is not known"),
        ({"speakers": 6}, "--speakers 6: give 1 to 5"),
        ({"speakers": 1, "pair": "same"}, "--pair same needs two speakers"),
        ({"speakers": 4}, "4 speakers asked for, .* has 3 with enough speech"),
        ({"length_s": 1.0}, "--length 1: give 5 seconds or more"),
        ({"noise": Path("nowhere")}, "nowhere: no such folder"),
        ({"speakers": 3, "timings": Path("turns.tsv")}, "--timings replays conversations of two"),
    ],
)
def test_what_cannot_be_made_is_one_line(
    config: SimulateConfig, tmp_path: Path, changes: Changes, words: str
) -> None:
    with pytest.raises(SimulateError, match=words) as raised:
        run(replace(config, **changes), tmp_path / "out", quiet)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_leaves_nothing(config: SimulateConfig, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpeechError, match="no audio file in"):
        run(replace(config, speech=tmp_path / "empty"), tmp_path / "out", quiet)
    assert not (tmp_path / "out").exists()


def test_every_scene_is_in_the_help() -> None:
    done = CliRunner().invoke(cli.app, ["simulate", "--help"], env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert set(SCENES) <= set(re.findall(r"\w+", done.output))


def test_the_command_says_what_it_made(config: SimulateConfig, tmp_path: Path) -> None:
    arguments = ["simulate", str(config.speech), str(tmp_path / "out"), "--count", "1", "--length", "12"]
    done = CliRunner().invoke(cli.app, [*arguments, "--scene", "clean", "--speakers", "3"])
    assert done.exit_code == 0, done.output
    assert "out: 1 conversation, 0." in done.output.replace("\n", "")
    assert "1 made now" in done.output.replace("\n", "")
