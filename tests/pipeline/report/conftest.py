"""A dataset whose every figure is known, with names that try to break out of the page."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cluster.engine import open_engine
from model.codec import load_codec
from pipeline.build import select_and_pack
from pipeline.config import BuildConfig
from pipeline.describe import MadeBy
from pipeline.licences.expressions import rights_of
from pipeline.prepare import Prepared
from pipeline.view import View
from schemas.clip import Clip
from schemas.conversation import Overlap, Segment, TurnEvent, TurnKind, Word
from schemas.licence import NO_LICENCE, Consent, Licence
from schemas.policy import DEFAULT
from schemas.prepared import PreparedFile, PreparedWriter
from schemas.recording import Recording
from schemas.rejection import Reason, Rejection
from schemas.transcript import Transcribed, TranscriptFile
from tests.tones import tones_flac

EVIL = "<script>alert(1)</script>\"'&$x_{"
N_FRAMES = 300  # 24 s
LENGTH_S = 24.0
BY_NC = Licence(
    spdx="CC-BY-NC-4.0", holder=f"{EVIL} Ltd", consent=Consent.INFORMED_CONSENT, rights=rights_of("CC-BY-NC-4.0")
)
NONE = Licence(spdx=NO_LICENCE)


@dataclass(frozen=True)
class World:
    """`out`: the dataset. `clips`: what was put in."""

    out: Path
    clips: list[Clip]


def _clip(clip: Clip, number: int, flac: bool) -> Clip:
    """Clip `number`: 1 s of overlap and as many more as its number, separated where odd; words where even."""
    overlap_s, odd = 1.0 + number % 5, bool(number % 2)
    segments = (Segment(channel=0, start_s=0.5, end_s=10.0), Segment(channel=1, start_s=10.0 - overlap_s, end_s=20.0))
    events = (
        TurnEvent(kind=TurnKind.BACKCHANNEL, channel=1, start_s=3.0, end_s=3.4),
        TurnEvent(kind=TurnKind.OVERLAP_INTERRUPTION, channel=1, start_s=10.0 - overlap_s, end_s=10.0),
        TurnEvent(kind=TurnKind.TRANSFER, channel=1, start_s=10.0 - overlap_s, end_s=10.0, offset_s=-overlap_s),
    )
    words = () if odd else (Word(channel=1, text=EVIL, start_s=9.5, end_s=9.9, confidence=0.0),)
    file = TranscriptFile(names=(EVIL,), sha256="a" * 64)
    quality = replace(
        clip.info.quality,
        speech_s=(9.5, 10.0 + overlap_s),
        overlap_s=overlap_s,
        leakage_db=(-30.0 - number, -120.0),
        overlap_confidence=0.3 if odd else None,
        speech_to_background_db=20.0 if odd else None,
        n_words=None if odd else (0, 1),
    )
    confidence = Overlap(start_s=10.0 - overlap_s, end_s=10.0, confidence=0.3)
    info = replace(
        clip.info,
        segments=segments,
        events=events,
        quality=quality,
        overlaps=(confidence,) if odd else (),
        provenance=replace(clip.info.provenance, uri=f"{EVIL}-{number}.wav", separated=odd),
        transcript=None if odd else Transcribed(file=file, speakers=("", EVIL), certain=False, approximate=1),
    )
    return replace(clip, info=info, words=words, flac=tones_flac(N_FRAMES) if flac else None)


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(tmp_path: Path, make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]) -> MakeWorld:
    """make_world(recordings=4, flac=True): recordings of three clips and a loss each; the last one has no licence."""

    def make(recordings: int = 4, *, flac: bool = True) -> World:
        out, clips, files = tmp_path / "out", [], []
        for at in range(recordings):
            recording = make_recording(f"{EVIL}-{at}.wav", (f"{EVIL}{at}a", f"{EVIL}{at}b"))
            recording = replace(recording, licence=NONE if at == recordings - 1 else BY_NC)
            path = out / "work" / "prepared" / f"{recording.recording_id}.parquet"
            writer = PreparedWriter(path, recording, "f" * 64)
            for number in range(3):
                clip = _clip(make_clip(recording, number * 3, N_FRAMES), 3 * at + number, flac)
                clips.append(clip)
                writer.add(clip)
            words = f"12 s of {recording.source.name}"
            writer.add(
                Rejection(uri="", stage="split", reason=Reason.SILENCE, detail=words, start_s=90.0, end_s=102.0)
            )
            writer.close()
            files.append(PreparedFile(path, recording.licence))
        pack(files, out, flac=flac)
        return World(out, clips)

    return make


def pack(files: list[PreparedFile], out: Path, *, flac: bool = True) -> None:
    """Phases 2 and 3 of a build."""
    config = BuildConfig(split_percent=(40, 30, 30), flac=flac, policy=replace(DEFAULT, unlicensed=True))
    made_by = MadeBy(config=config, weights={"builtin": load_codec().digest}, fingerprint="f" * 64)
    with View(interactive=False) as view:
        select_and_pack(Prepared(files=files), out, made_by, engine=open_engine("inline", None), view=view)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A dataset of nothing."""
    (tmp_path / "out").mkdir()
    pack([], tmp_path / "out")
    return tmp_path / "out"
