"""Datasets whose every figure is known: two-channel and separated clips, four licences, hostile names."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.engine import open_engine
from pipeline.build import select_and_pack
from pipeline.config import BuildConfig
from pipeline.describe import MadeBy
from pipeline.licences.expressions import rights_of
from pipeline.prepare import Prepared
from pipeline.view import View
from schemas.clip import Clip
from schemas.conversation import Overlap, TurnEvent, TurnKind
from schemas.licence import Consent, Licence, SpeakersConsent
from schemas.policy import Policy
from schemas.prepared import PreparedFile, PreparedWriter
from schemas.recording import Recording
from schemas.rejection import Reason, Rejection
from schemas.transcript import Transcribed, TranscriptFile

ANY = Policy(name="any", allow=("*",), unlicensed=True)
HOSTILE = (
    "<script>alert(1)</script>",
    "a|b|c `x` **bold** [link](javascript:alert(1)) https://evil.example/ www.evil.example",
    "line one\nline two\r\n# head\n- item",
    "\\| $\\textbf{x}$ ![i](x) &lt;b&gt; \u202egnp.exe {x} \\input{y} % ~ ^ _em_ @me",
)
LICENCES = (
    Licence(
        spdx="CC-BY-4.0",
        holder="Example Lab",
        attribution="Example Lab, Calls 2026",
        source_url="https://example.org/calls",
        retrieved="2026-01-30",
        evidence="deed.pdf",
        evidence_sha256="e" * 64,
        evidence_date="2026-01-31",
        consent=Consent.INFORMED_CONSENT,
        speakers_consent=SpeakersConsent.GIVEN,
        jurisdiction=("DE", "FR"),
        retain_until="2030-12-31",
        rights=rights_of("CC-BY-4.0"),
    ),
    Licence(spdx="CC0-1.0", consent=Consent.SYNTHETIC, rights=rights_of("CC0-1.0")),
    Licence(
        spdx="LicenseRef-acme", licence_text="contract.txt", licence_text_sha256="c" * 64, consent=Consent.CONTRACT
    ),
    Licence(spdx="CC-BY-4.0 OR MIT", taken="CC-BY-4.0", retrieved="2025-06-01", rights=rights_of("CC-BY-4.0")),
)

MakeDataset = Callable[..., Path]
MakeRecording = Callable[..., Recording]
MakeClip = Callable[..., Clip]


def _events() -> tuple[TurnEvent, ...]:
    return (
        TurnEvent(kind=TurnKind.TURN, channel=0, start_s=0.5, end_s=3.0),
        TurnEvent(kind=TurnKind.OVERLAP_TERMINAL, channel=1, start_s=2.8, end_s=3.0),
        TurnEvent(kind=TurnKind.TRANSFER, channel=1, start_s=2.8, end_s=3.0, offset_s=-0.2),
        TurnEvent(kind=TurnKind.TURN, channel=1, start_s=2.8, end_s=6.0),
    )


def _told(clip: Clip, number: int) -> Clip:
    """The second clip of each recording is separated, and has words."""
    info = replace(clip.info, events=_events())
    if number:
        quality = replace(info.quality, n_words=(3, 4), overlap_confidence=0.4, leakage_db=(-30.0, -20.0))
        info = replace(
            info,
            quality=quality,
            overlaps=(
                Overlap(start_s=2.8, end_s=2.95, confidence=0.3),
                Overlap(start_s=5.0, end_s=5.05, confidence=0.9),
            ),
            provenance=replace(info.provenance, separated=True, enhanced=True),
            transcript=Transcribed(
                file=TranscriptFile(names=("a.vtt",), sha256="a" * 64),
                certain=False,
                aligner="builtin",
                approximate=2,
            ),
        )
    return replace(clip, info=info)


@pytest.fixture
def make_dataset(tmp_path: Path, make_recording: MakeRecording, make_clip: MakeClip) -> MakeDataset:
    """make_dataset(names, licences=LICENCES, clips=2, withdrawn=0, flac=False): a recording a name.

    withdrawn: so many clips, the first of each recording.
    """

    def make(
        names: tuple[str, ...] = ("a", "b", "c", "d", "e"),
        licences: tuple[Licence, ...] = LICENCES,
        *,
        clips: int = 2,
        withdrawn: int = 0,
        flac: bool = False,
        folder: str = "out",
    ) -> Path:
        out, files, ids = tmp_path / folder, [], []
        for at, name in enumerate(names):
            licence = licences[at % len(licences)]
            recording = replace(make_recording(f"{name[:80]}-{at}.wav", (f"{name}1", f"{name}2")), licence=licence)
            path = out / "work" / "prepared" / f"{recording.recording_id}.parquet"
            writer = PreparedWriter(path, recording, "f" * 64)
            for number in range(clips):
                clip = _told(make_clip(recording, number), number)
                ids += [clip.info.clip_id] if not number else []
                writer.add(clip)
            writer.add(
                Rejection(uri="", stage="split", reason=Reason.SILENCE, detail="12 s", start_s=90.0, end_s=102.0)
            )
            writer.close()
            files.append(PreparedFile(path, licence))
        out.mkdir(exist_ok=True)
        (out / "withdrawn.jsonl").write_text("".join(f'{{"clip_id": "{one}"}}\n' for one in ids[:withdrawn]))
        pack(files, out, flac=flac)
        return out

    return make


def pack(files: list[PreparedFile], out: Path, *, flac: bool = False) -> None:
    """Phases 2 and 3 of a build."""
    config = BuildConfig(split_percent=(40, 30, 30), policy=ANY, flac=flac)
    made_by = MadeBy(config=config, weights={"builtin": "0" * 64, "separator": "1" * 64}, fingerprint="f" * 64)
    with View(interactive=False) as view:
        select_and_pack(Prepared(files=files), out, made_by, engine=open_engine("inline", None), view=view)
