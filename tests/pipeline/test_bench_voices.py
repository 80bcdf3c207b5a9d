"""Voices counted in recordings of which it is known how many have a say."""

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.diarization.networks import load_networks
from model.speech import runs
from pipeline.bench_voices import KINDS, SCENES, counted, table
from schemas.recording import Source
from stages.decode import decode

DEMO = Path(__file__).parents[2] / "demo" / "recordings"
FRAME = 240  # 10 ms


def sides() -> NDArray[np.float32]:
    """Both sides of a studio recording, float32 [2, 60 s]."""
    left, right = (str(DEMO / f"studio-kitchen.{side}.flac") for side in ("left", "right"))
    audio = np.concatenate(list(decode(Source(uri=left, uri_b=right, origin="test"))), axis=1)
    return audio[:, : 60 * 24_000]


def speaking(audio: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Frames within 40 dB of the loudest."""
    level = np.square(audio.reshape(len(audio), -1, FRAME)).mean(2)
    return level > 1e-4 * level.max()


def test_two_voices_on_one_track_are_two_and_each_alone_is_one() -> None:
    audio, networks = sides(), load_networks()
    active = speaking(audio)
    assert all(runs(side).size for side in active)
    assert counted(audio.sum(axis=0), active, networks) == 2
    assert [counted(side, own[None], networks) for side, own in zip(audio, active, strict=True)] == [1, 1]


def test_activity_that_ends_early_is_silence_from_there() -> None:
    audio, networks = sides(), load_networks()
    active = speaking(audio)
    assert counted(audio.sum(axis=0), active[:, :3000], networks) == 2


def test_the_table_says_how_often_each_number_was_found() -> None:
    found = {(kind, scene): Counter({2: 3, 1: 1}) for kind in KINDS for scene in SCENES}
    lines = table(found).splitlines()
    assert lines[0] == "| voices | clean | noise10 | reverb | telephone |"
    assert lines[3] == "| two, unlike | 1 x 1, 2 x 3 | 1 x 1, 2 x 3 | 1 x 1, 2 x 3 | 1 x 1, 2 x 3 |"
    assert len(lines) == 2 + len(KINDS)
