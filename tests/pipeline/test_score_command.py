"""`duplexset score`: what an output may be, what truth may be, what a person sees, and every broken input's line."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from model.measures.activity import active_frames, merged
from model.measures.rttm import Diarization, write_rttm
from pipeline import cli
from pipeline.decode import write_wav
from pipeline.score import Scoring, score
from pipeline.score_truth import fact
from schemas.conversation import Segment
from schemas.errors import UserError

DEMO = Path(__file__).parents[2] / "demo" / "recordings"
RATE = 24_000
LENGTH_S = 8.0
SEGMENTS = merged(
    Segment(channel=c, start_s=a, end_s=b) for c, a, b in ((0, 0.5, 3.0), (1, 1.2, 1.7), (1, 2.8, 5.0), (0, 5.5, 7.5))
)


def noises(seed: int, segments: tuple[Segment, ...] = SEGMENTS, length_s: float = LENGTH_S) -> np.ndarray:
    active = active_frames(segments, 2, round(length_s * 100))
    noise = np.random.default_rng(seed).normal(scale=0.05, size=(2, active.shape[1] * 240))
    return (noise * np.repeat(active, 240, axis=1)).astype(np.float32)


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def rttm(name: str, speakers: tuple[str, ...] = ("anna", "ben"), segments: tuple[Segment, ...] = SEGMENTS) -> str:
    return write_rttm(name, Diarization(speakers, segments))


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Two recordings: truth/{one,two}.{wav,rttm,json} and recordings/*.wav; out/ has the true channels, turned."""
    for k, name in enumerate(("one", "two")):
        channels = noises(k)
        write_wav(tmp_path / "truth" / f"{name}.wav", channels)
        write_wav(tmp_path / "recordings" / f"{name}.wav", channels.sum(axis=0, keepdims=True))
        put(tmp_path / "truth" / f"{name}.rttm", rttm(name))
        events = [{"channel": 1, "start_s": 1.2, "end_s": 1.7, "kind": "backchannel"}]
        facts = {"name": name, "duration_s": LENGTH_S, "speakers": ["anna", "ben"], "pitch_hz": [110, 120 + 90 * k]}
        put(tmp_path / "truth" / f"{name}.json", json.dumps({**facts, "scene": {"noise": k}, "events": events}))
        write_wav(tmp_path / "out" / f"{name}.wav", channels[::-1])
        put(tmp_path / "out" / f"{name}.rttm", rttm(name, ("x", "y"), SEGMENTS))
    return tmp_path


def run(world: Path, **options: object) -> tuple[Scoring, list[str]]:
    said: list[str] = []
    return score(world / "out", world, say=said.append, **options), said  # type: ignore[arg-type]


def test_perfect_output_with_channels_turned(world: Path) -> None:
    scoring, said = run(world)
    assert said == []
    for one in scoring.scores:
        assert one.der.rate == one.jer.rate == pytest.approx(0.0, abs=1e-9)
        assert one.turns.backchannel_recall.of == 1
        assert [c.si_sdr_db.overall for c in one.channels] == [100.0, 100.0]
        assert [c.speaker for c in one.channels] == ["ben", "anna"]
        assert one.how == {"activity": "RTTM", "audio": "file", "truth": "true channels", "mixture": "file"}
        assert one.late_ms == 0.0
    assert scoring.everything.figures["gain_overlap_db_median"].value == pytest.approx(100.0, abs=3.0)


def test_diarization_alone_and_truth_alone(world: Path) -> None:
    for name in ("one", "two"):
        (world / "out" / f"{name}.wav").unlink()
        (world / "truth" / f"{name}.wav").unlink()
        (world / "truth" / f"{name}.json").unlink()
        (world / "recordings" / f"{name}.wav").unlink()
    scoring, _ = run(world)
    assert scoring.everything.figures["der"].value == pytest.approx(0.0, abs=1e-9)
    assert all(not one.channels and one.how["audio"] == "none" for one in scoring.scores)
    assert all(one.turns.backchannel_recall.of == 1 for one in scoring.scores)  # by rule
    put(world / "out" / "one.rttm", rttm("one", ("x", "y"), (*SEGMENTS, Segment(channel=0, start_s=8.5, end_s=9.0))))
    put(world / "truth" / "one.rttm", rttm("one", segments=SEGMENTS[:1]))
    scoring, _ = run(world)  # nothing tells the length: false and missed speech at the end count
    assert scoring.scores[0].der.false_s == pytest.approx(0.5 + 0.5 + 2.2 + 2.0)


def test_other_rates_are_resampled_and_a_missing_mixture_is_summed(world: Path) -> None:
    low = np.repeat(np.sin(np.arange(8 * 8_000) * 0.3)[None], 2, axis=0).astype(np.float32) * [[0.2], [0.1]]
    _wav(world / "out" / "one.wav", low, 8_000)
    _wav(world / "truth" / "one.wav", low, 8_000)
    _wav(world / "truth" / "two.wav", noises(1), 12_000)  # half the rate: twice as long
    (world / "recordings" / "one.wav").unlink()
    scoring, said = run(world)
    (one,) = scoring.scores
    assert one.how["mixture"] == "sum of the true channels"
    assert one.channels[0].si_sdr_db.overall > 60.0
    assert said == [
        "two: the true channels last 16.00 s, by the truth it is 8.00 s: bring them to one start and length"
    ]


def _wav(path: Path, audio: np.ndarray, rate_hz: int) -> None:
    write_wav(path, audio)
    data = bytearray(path.read_bytes())
    data[24:32] = rate_hz.to_bytes(4, "little") + (rate_hz * 2 * audio.shape[0]).to_bytes(4, "little")
    path.write_bytes(data)


def test_a_late_output_is_pointed_out(world: Path) -> None:
    late = np.pad(noises(0), ((0, 0), (48, 0)))[:, : int(LENGTH_S * RATE)]
    write_wav(world / "out" / "one.wav", late)
    scoring, _ = run(world)
    assert scoring.scores[0].late_ms == pytest.approx(2.0)


def test_room_images_stand_in_for_the_dry_channels(world: Path) -> None:
    write_wav(world / "images" / "one.wav", noises(0)[::-1])
    one, two = run(world, images=True)[0].scores
    assert (one.how["truth"], two.how["truth"]) == ("room images", "true channels")
    assert one.channels[0].speaker == "ben"  # by activity, whatever the sound
    assert one.channels[0].si_sdr_db.overall < 0.0
    assert run(world)[0].scores[0].channels[0].si_sdr_db.overall == 100.0


def test_groups_by_a_field(world: Path) -> None:
    scoring, _ = run(world, by="pair")
    assert [(g.name, len(g.scores)) for g in scoring.groups] == [("mixed", 1), ("same", 1)]
    assert [g.name for g in run(world, by="scene.noise")[0].groups] == ["0", "1"]
    with pytest.raises(UserError, match=r"no truth has this field; there are: .*pair.*scene\.noise"):
        run(world, by="scene.snow")
    assert fact({"pair": "twins", "pitch_hz": [100, 200]}, "pair") == "twins"


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("truth/one.rttm", "SPEAKER one 1 x", "truth/one.rttm, line 1: not RTTM"),
        ("truth/one.rttm", "", "truth/one.rttm has no speech"),
        ("truth/one.json", "{", "truth/one.json, line 1: not JSON"),
        ("truth/one.json", "[]", "truth/one.json is no truth"),
        ("truth/one.json", '{"duration_s": "long"}', "truth/one.json: duration_s is 'long'"),
        ("truth/one.json", '{"speakers": ["anna", "ben"], "events": [{"kind": "backchannel"}]}', "an event without"),
        ("truth/one.wav", "noise", "truth/one.wav is not audio"),
        ("recordings/one.wav", "noise", "recordings/one.wav is not audio"),
        ("out/one.wav", "", "out/one.wav is empty"),
        ("out/one.rttm", "one two three", "out/one.rttm, line 1: not RTTM"),
    ],
)  # fmt: skip
def test_one_broken_file_costs_one_recording_and_one_line(world: Path, file: str, text: str, line: str) -> None:
    put(world / file, text)
    scoring, said = run(world)
    assert [one.name for one in scoring.scores] == ["two"]
    assert said == list(scoring.problems)
    assert len(said) == 1
    assert line in said[0]
    assert "\n" not in said[0]


@pytest.mark.parametrize(
    ("file", "shape", "line"),
    [
        ("out/one.wav", (1, 8.0), "is mono: an output has a channel for each of two speakers"),
        ("truth/one.wav", (1, 8.0), "is mono: the truth has a channel for each speaker"),
        ("out/one.wav", (2, 5.0), "the output lasts 5.00 s, by the truth it is 8.00 s"),
        ("recordings/one.wav", (1, 11.0), "the mixture lasts 11.00 s, by the truth it is 8.00 s"),
    ],
)
def test_audio_of_another_shape(world: Path, file: str, shape: tuple[int, float], line: str) -> None:
    write_wav(world / file, np.full((shape[0], int(shape[1] * RATE)), 0.1, np.float32))
    scoring, said = run(world)
    assert len(scoring.scores) == len(said) == 1
    assert line in said[0]


def test_what_is_missing_on_either_side_is_said_and_counted(world: Path) -> None:
    (world / "out" / "one.wav").rename(world / "out" / "three.wav")
    (world / "out" / "one.rttm").unlink()
    scoring, said = run(world)
    assert said == [
        f"one: no output: no file one.* in {world / 'out'}",
        f"three: no truth: neither three.rttm nor three.json in {world}",
    ]
    assert (scoring.no_output, scoring.no_truth, len(scoring.scores)) == (("one",), ("three",), 1)


def test_nothing_to_score(world: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    (empty / "truth").mkdir(parents=True)
    for out, truth, line in (
        (world / "out", empty, "holds no truth: no .rttm and no .json"),
        (world / "out", world / "nowhere", "nowhere is no folder"),
        (empty, world, "holds nothing to score"),
        (world / "nowhere", world, "nowhere is no folder"),
    ):
        with pytest.raises(UserError, match=line):
            score(out, truth)
    for name in ("one", "two"):
        (world / "out" / f"{name}.rttm").rename(world / "out" / f"{name}-2.rttm")
        (world / "out" / f"{name}.wav").unlink()
    with pytest.raises(UserError, match=r"has recordings one-2, two-2, .* has one, two; names must be equal"):
        score(world / "out", world)
    for name in ("one", "two"):
        put(world / "out" / f"{name}.rttm", "broken")
    with pytest.raises(UserError, match="nothing could be scored; the first reason: one: "):
        score(world / "out", world)
    with pytest.raises(UserError, match="--collar -1"):
        score(world / "out", world, collar_s=-1.0)


def test_the_command_writes_tables_json_and_a_plot(world: Path) -> None:
    (world / "out" / "two.wav").rename(world / "out" / "a-recording-with-quite-a-long-name.wav")
    (world / "out" / "two.rttm").unlink()
    put(world / "truth" / "a-recording-with-quite-a-long-name.rttm", rttm("x"))
    write_wav(world / "truth" / "a-recording-with-quite-a-long-name.wav", noises(1))
    arguments = ["score", str(world / "out"), "--truth", str(world), "--by", "pair"]
    files = ["--json", str(world / "s.json"), "--plot", str(world / "s.svg")]
    done = CliRunner().invoke(cli.app, [*arguments, *files], env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    for head in ("swaps", "leakage", "unpaired", "JER", "channel"):
        assert any(head in line for line in lines), head
    assert "recordings: 2 scored, 0 could not be scored, 1 without output, 0 without truth" in done.stdout
    assert "built-in VAD" in done.stdout
    written = json.loads((world / "s.json").read_text())
    assert set(written["groups"]) == {"same", "-"}
    assert written["recordings"][1]["channels"][0]["si_sdr_db"] == 100.0
    assert written["without_output"] == ["two"]
    first = (world / "s.svg").read_bytes()
    CliRunner().invoke(cli.app, [*arguments, *files])
    assert (world / "s.svg").read_bytes() == first
    wrong = CliRunner().invoke(cli.app, [*arguments, "--plot", "x.gif"])
    assert re.search(r"--plot x\.gif: name a file that ends in", str(wrong.exception))


def test_the_demo_mixtures(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("mixture-radio", "mixture-directions"):
        (out / f"{name}.flac").write_bytes((DEMO / "truth" / f"{name}.channels.flac").read_bytes())
    scoring = score(out, DEMO)
    figures = scoring.everything.figures
    assert len(scoring.scores) == 2
    assert figures["der_collar"].value < 0.01  # what the detector finds on the true channels
    assert figures["backchannel_recall"].value == figures["short_overlap_recall"].value == 1.0
    assert figures["si_sdr_db_median"].value == 100.0
    assert all(one.how["mixture"] == "file" for one in scoring.scores)
    mixture = figures["si_sdr_db_median"].value - figures["gain_db_median"].value
    assert -6.0 < mixture < 6.0  # two voices of about one level
