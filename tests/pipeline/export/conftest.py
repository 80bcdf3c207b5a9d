"""A dataset of clips whose every sample is known: a tone per channel, words with all their troubles, two licences."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cluster.engine import open_engine
from pipeline.build import select_and_pack
from pipeline.config import BuildConfig
from pipeline.describe import MadeBy
from pipeline.export.plan import ExportConfig
from pipeline.export.run import ExportResult, export
from pipeline.licences.expressions import rights_of
from pipeline.prepare import Prepared
from pipeline.view import View
from schemas.clip import Clip, ClipInfo
from schemas.conversation import Segment, Word
from schemas.licence import Consent, Licence
from schemas.policy import Policy
from schemas.prepared import PreparedFile, PreparedWriter
from schemas.recording import Recording
from stages.tokenize import flac_of

RATE = 24_000
N_SAMPLES = 199_920  # 8.33 s: the last frame is not full
N_FRAMES = 105
LENGTH_S = N_SAMPLES / RATE
BY = Licence(
    spdx="CC-BY-4.0",
    holder="Ann O'Nymous\tand sons",
    attribution='"Calls", 2026\\ü',
    source_url="https://example.org/calls",
    evidence="contract.pdf",
    evidence_sha256="e" * 64,
    evidence_date="2026-01-31",
    consent=Consent.INFORMED_CONSENT,
    rights=rights_of("CC-BY-4.0"),
)
ANY = Policy(name="any", allow=("*",), unlicensed=True)
WORDS = (
    Word(channel=0, text="hello", start_s=0.6, end_s=0.9, confidence=0.9),
    Word(channel=0, text="there", start_s=1.0, end_s=1.0, confidence=0.5),  # without length
    Word(channel=0, text=" ", start_s=1.1, end_s=1.2, confidence=0.5),  # nothing said
    Word(channel=0, text="naïve", start_s=-0.1, end_s=0.2, confidence=0.8),  # begins before the clip
    Word(channel=1, text="yes", start_s=3.0, end_s=2.9, confidence=0.7),  # ends before it begins
    Word(channel=1, text="bye", start_s=LENGTH_S, end_s=LENGTH_S + 0.2, confidence=1.0),  # ends after the clip
)


@cache
def spoken(seed: int) -> tuple[NDArray[np.int16], bytes]:
    """220 Hz on channel 0 and 550 Hz on channel 1, with a noise that tells clips apart: int16 [2, samples], FLAC."""
    time_s = np.arange(N_SAMPLES) / RATE
    sound = np.stack([np.sin(2 * np.pi * hz * time_s) for hz in (220.0, 550.0)])
    noise = np.random.default_rng(seed).standard_normal(sound.shape)
    pcm = np.rint(8_000 * sound + 100 * noise).astype(np.int16)
    return pcm, flac_of(pcm)


@dataclass(frozen=True)
class World:
    """`out`: the dataset. `clips`, `sound`: by clip id, what was put in."""

    out: Path
    clips: dict[str, Clip]
    sound: dict[str, NDArray[np.int16]]
    tmp: Path

    def export(self, to: str, folder: str = "export", **options: object) -> tuple[Path, ExportResult]:
        config = ExportConfig(to=to, **options)  # type: ignore[arg-type]
        return self.tmp / folder, export(config, self.out, self.tmp / folder, lambda _: None)

    def info(self, clip_id: str) -> ClipInfo:
        return self.clips[clip_id].info

    def codes(self, clip_id: str) -> NDArray[np.int16]:
        return np.frombuffer(self.clips[clip_id].codes, np.int16).reshape(2, 8, -1)

    def withdraw(self, clip_id: str) -> None:
        with (self.out / "withdrawn.jsonl").open("a") as file:
            file.write(f'{{"clip_id": "{clip_id}"}}\n')


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(
    tmp_path: Path, make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]
) -> Iterator[MakeWorld]:
    """make_world(names="abc", flac=True, licence=None, words=WORDS): a recording a name, two clips each."""

    def make(
        names: str = "abc", *, flac: bool = True, licence: Licence | None = None, words: tuple[Word, ...] = WORDS
    ) -> World:
        clips: dict[str, Clip] = {}
        sound: dict[str, NDArray[np.int16]] = {}
        files = []
        for name in names:
            recording = make_recording(f"{name}.wav", (f"{name}-first", f"{name}-second"))
            recording = replace(recording, licence=licence or (BY if name in "ac" else recording.licence))
            path = tmp_path / "dataset" / "work" / "prepared" / f"{recording.recording_id}-{len(words)}.parquet"
            writer = PreparedWriter(path, recording, "f" * 64)
            for number in range(2):
                clip = _clip(make_clip(recording, number, N_FRAMES), words)
                sound[clip.info.clip_id], audio = spoken(len(sound))
                clip = replace(clip, flac=audio if flac else None)
                clips[clip.info.clip_id] = clip
                writer.add(clip)
            writer.close()
            files.append(PreparedFile(path, recording.licence))
        pack(files, tmp_path / "dataset", flac=flac)
        return World(tmp_path / "dataset", clips, sound, tmp_path)

    yield make


def pack(files: list[PreparedFile], out: Path, *, flac: bool = True) -> None:
    """Phases 2 and 3 of a build."""
    config = BuildConfig(split_percent=(40, 25, 35), flac=flac, policy=ANY)
    made_by = MadeBy(config=config, weights={}, fingerprint="f" * 64)
    with View(interactive=False) as view:
        select_and_pack(Prepared(files=files), out, made_by, engine=open_engine("inline", None), view=view)


def _clip(clip: Clip, words: tuple[Word, ...]) -> Clip:
    speech = (
        Segment(channel=0, start_s=0.5, end_s=1.5),
        Segment(channel=1, start_s=2.8, end_s=4.0),
        Segment(channel=0, start_s=6.0, end_s=LENGTH_S + 0.02),  # the last frame reaches past the end
    )
    info = replace(clip.info, end_s=clip.info.start_s + LENGTH_S, segments=speech)
    return replace(clip, info=info, words=words)


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()
