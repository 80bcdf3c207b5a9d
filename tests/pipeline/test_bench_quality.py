"""Every system on one conversation: what must hold of them whatever the weights."""

import wave
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.diarization.networks import load_networks
from model.measures.activity import to_segments
from model.measures.recording import RecordingScore
from model.measures.rttm import Diarization, write_rttm
from pipeline.bench_quality import COLUMNS, compare, load_front, table
from pipeline.bench_systems import BUILT, SYSTEMS
from pipeline.score_truth import find_truth
from schemas.recording import Source
from stages.decode import decode

DEMO = Path(__file__).parents[2] / "demo" / "recordings"
RATE = 24_000
Float = NDArray[np.floating]


def write(path: Path, audio: Float) -> None:
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(audio.shape[0])
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.rint(audio * 32_767).astype("<i2").T.tobytes())


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[RecordingScore]]:
    folder = tmp_path_factory.mktemp("quality")
    left, right = (str(DEMO / f"studio-kitchen.{side}.flac") for side in ("left", "right"))
    audio = np.concatenate(list(decode(Source(uri=left, uri_b=right, origin="test"))), axis=1)
    sides = audio[:, : 41 * RATE] / 2
    write(folder / "truth" / "talk.wav", sides)
    write(folder / "recordings" / "talk.wav", sides.sum(axis=0, keepdims=True))
    power = np.square(sides).reshape(2, -1, 2_400).mean(2)
    active = np.repeat(power > 1e-3 * np.quantile(power, 0.95, axis=1, keepdims=True), 10, axis=1)
    truth = Diarization(speakers=("channel 0", "channel 1"), segments=to_segments(active))
    (folder / "truth" / "talk.rttm").write_text(write_rttm("talk", truth))
    said: list[str] = []
    found = compare(list(find_truth(folder).values()), load_front(), load_networks(), said.append)
    assert len(found.trust) == 1 and found.trust[0].measured_db < found.trust[0].expected_db + 60
    assert len(said) == 1 and said[0].startswith("talk: DER ")
    return found.scores


def test_every_system_answers_and_has_a_row(scores: Mapping[str, list[RecordingScore]]) -> None:
    assert list(scores) == list(SYSTEMS)
    lines = table(scores).splitlines()
    assert [line.split(" (1) ")[0] for line in lines[2:]] == [f"| {name}" for name in SYSTEMS]
    assert all(line.count("|") == len(COLUMNS) + 2 for line in lines)


def test_what_follows_from_how_a_system_works(scores: Mapping[str, list[RecordingScore]]) -> None:
    one = {name: found[0] for name, found in scores.items()}
    assert one["true activity"].der_collar.rate < 0.01
    assert one["copied"].der.rate > one[BUILT].der.rate
    assert [c.gain_db.overall for c in one["copied"].channels] == pytest.approx([0.0, 0.0], abs=0.05)
    for name in ("sliced", "embeddings alone"):
        assert one[name].turns.overlap_recall.found == 0
    assert {one[n].der.rate for n in (BUILT, "examples alone", "no separation", "separated everywhere")} == {
        one[BUILT].der.rate
    }
    assert one["separated first"].der.rate > one[BUILT].der.rate
    leaks = {name: max(c.leakage_db for c in score.channels) for name, score in one.items()}
    assert leaks[BUILT] < leaks["separated everywhere"] < leaks["copied"]
