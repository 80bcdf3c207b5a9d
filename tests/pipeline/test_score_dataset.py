"""`duplexset score` on a dataset: its clips lie where they were cut, and what is in none is not scored."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.measures.activity import active_frames, merged
from model.measures.recording import Activity
from model.measures.rttm import Diarization, write_rttm
from pipeline.decode import write_wav
from pipeline.index import write_clips, write_recordings
from pipeline.score import score
from schemas.clip import Clip
from schemas.conversation import Segment
from schemas.prepared import PreparedFile, PreparedWriter
from schemas.recording import Recording
from schemas.rejection import Reason, Rejection
from schemas.shard import Member, ShardPlan, Split
from stages.pack import pack
from stages.tokenize import flac_of

RATE = 24_000
SEGMENTS = (Segment(channel=0, start_s=0.5, end_s=3.0), Segment(channel=1, start_s=2.8, end_s=5.0))


def noises(segments: tuple[Segment, ...], length_s: float) -> np.ndarray:
    active = active_frames(segments, 2, round(length_s * 100))
    noise = np.random.default_rng(3).normal(scale=0.05, size=(2, active.shape[1] * 240))
    return (noise * np.repeat(active, 240, axis=1)).astype(np.float32)


def put_rttm(path: Path, segments: tuple[Segment, ...] = SEGMENTS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(write_rttm(path.stem, Diarization(("anna", "ben"), segments)))


@pytest.fixture
def built(
    tmp_path: Path, make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]
) -> tuple[Path, Activity, np.ndarray]:
    """OUT/work/prepared with `call.wav`: clips at 0-8 and 10-18 s of 30, with FLAC; its truth and true channels."""
    recording = make_recording("call.wav")
    clips = [make_clip(recording, number) for number in (0, 1)]
    segments = merged(
        replace(s, start_s=s.start_s + c.info.start_s, end_s=s.end_s + c.info.start_s)
        for c in clips
        for s in c.info.segments
    )
    channels = noises(segments, 30.0)
    writer = PreparedWriter(tmp_path / "set" / "work" / "prepared" / "call.parquet", recording, "f" * 64)
    for clip in clips:
        start, end = (round(t * RATE) for t in (clip.info.start_s, clip.info.end_s))
        pcm = np.rint(channels[:, start:end] * 32_768).astype(np.int16)
        writer.add(replace(clip, flac=flac_of(pcm)))
    for start_s, end_s in ((8.0, 10.0), (18.0, 30.0)):
        writer.add(Rejection(uri="call", stage="x", reason=Reason.TOO_SHORT, detail="", start_s=start_s, end_s=end_s))
    writer.close()
    return tmp_path, Activity(speakers=("a", "b"), segments=segments, covered=((0.0, 30.0),)), channels


@pytest.mark.parametrize("packed", [False, True])
def test_a_dataset_is_scored_where_its_clips_are(built: tuple[Path, Activity, np.ndarray], packed: bool) -> None:
    root, activity, channels = built
    out = root / "set"
    if packed:
        _pack(out)
    missed = Segment(channel=1, start_s=20.0, end_s=25.0)  # in no clip
    put_rttm(root / "true" / "call.rttm", merged((*activity.segments, missed)))
    put_rttm(root / "true" / "gone.rttm")
    write_wav(root / "true" / "call.wav", channels[::-1])
    said: list[str] = []
    (one,) = score(out, root / "true", say=said.append).scores
    assert said == ["gone: no output: not in the dataset"]
    assert (one.covered_s, one.duration_s) == (pytest.approx(16.0), pytest.approx(30.0))
    assert one.der.rate == pytest.approx(0.0, abs=1e-6)
    assert [c.si_sdr_db.overall for c in one.channels] == [100.0, 100.0]
    assert one.how["audio"] == "the clips' FLAC"


def _pack(out: Path) -> None:
    file = PreparedFile(out / "work" / "prepared" / "call.parquet")
    members = [Member(clip_id=i.clip_id, prepared=str(file.path), row_group=g) for g, i, _ in file.infos()]
    plan = ShardPlan(name="train-00000.tar", split=Split.TRAIN, members=tuple(members))
    write_clips(out, [pack(plan, out)], [])
    write_recordings(out, [file.recording()])


def test_a_dataset_without_audio_or_clips(
    tmp_path: Path, make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]
) -> None:
    recording = make_recording("call.wav")
    for name, clips in (("call", 1), ("empty", 0)):
        recording = make_recording(f"{name}.wav")
        writer = PreparedWriter(tmp_path / "set" / "work" / "prepared" / f"{name}.parquet", recording, "f" * 64)
        for number in range(clips):
            writer.add(make_clip(recording, number))
        writer.add(Rejection(uri=name, stage="diarize", reason=Reason.ONE_SPEAKER, detail="", start_s=8.0, end_s=9.0))
        writer.close()
        put_rttm(tmp_path / "true" / f"{name}.rttm")
        write_wav(tmp_path / "true" / f"{name}.wav", noises(SEGMENTS, 9.0))
    said: list[str] = []
    (one,) = score(tmp_path / "set", tmp_path / "true", say=said.append).scores
    assert said == ["empty: no output: no clip of it was kept (diarize: one_speaker)"]
    assert one.how["audio"] == "none: no --flac"
    assert not one.channels
    assert not math.isnan(one.der.rate)
