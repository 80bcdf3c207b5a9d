"""A dataset in which a person, her papers and what she said carry one mark, wherever such things can stand."""

import hashlib
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from cluster.engine import open_engine
from cluster.rows import Failed
from pipeline import quarantine
from pipeline.build import select_and_pack
from pipeline.config import BuildConfig
from pipeline.describe import MadeBy
from pipeline.licences.evidence import FOLDER, kept_name
from pipeline.prepare import Prepared
from pipeline.view import View
from pipeline.withdraw.choose import Selection
from pipeline.withdraw.closure import Taken
from pipeline.withdraw.finish import Finished, finish, settle
from pipeline.withdraw.run import Request, mark, taken_by
from schemas.clip import Clip
from schemas.conversation import Word
from schemas.licence import Consent, Licence, Rights
from schemas.policy import Policy
from schemas.prepared import PreparedFile, PreparedWriter
from schemas.recording import Recording
from schemas.rejection import Reason, Rejection
from schemas.shard import Loss, NearDuplicates, RecordingRow
from schemas.transcript import Transcribed, TranscriptFile
from schemas.withdrawn import NAME, read_withdrawn

MARK = "qzxAnnaMarker"
ANNA = f"{MARK} O'Neil"
PAPER = f"contract with {MARK}".encode()
SHARED = b"terms of the university"
CONFIG = BuildConfig(
    split_percent=(50, 25, 25),
    near_duplicates=NearDuplicates.KEEP,
    policy=Policy(name="any", allow=("*",), unlicensed=True),
)
MADE_BY = MadeBy(config=CONFIG, weights={}, fingerprint="f" * 64)


def paper(data: bytes, name: str) -> tuple[str, str]:
    return name, hashlib.sha256(data).hexdigest()


def licence(person: str, data: bytes, spdx: str = "CC-BY-4.0", text: bytes | None = SHARED) -> Licence:
    name, digest = paper(data, f"{person}.pdf")
    return Licence(
        spdx=spdx,
        holder=f"Holder {person}",
        attribution=f"By {person}",
        source_url=f"https://example.org/{person}",
        evidence=name,
        evidence_sha256=digest,
        licence_text="terms.txt" if text else None,
        licence_text_sha256=hashlib.sha256(text).hexdigest() if text else None,
        consent=Consent.INFORMED_CONSENT,
        rights=Rights(commercial_use=True, derivatives=True),
    )


@dataclass(frozen=True)
class World:
    """`out`: the dataset. `clips`: by the recording's name, in order."""

    out: Path
    clips: dict[str, list[Clip]]
    licences: dict[str, Licence]
    refused: list[RecordingRow]
    anna: str = ANNA
    marker: str = MARK
    config: BuildConfig = CONFIG

    def ids(self, name: str) -> list[str]:
        return [clip.info.clip_id for clip in self.clips[name]]

    def recording(self, name: str) -> str:
        return self.clips[name][0].info.recording_id

    def take(self, *selections: tuple[str, str], **request: object) -> tuple[Request, Taken]:
        asked = Request(
            selections=tuple(Selection(*one) for one in selections),
            reason="asked for",
            today="2026-01-31",
            **request,  # type: ignore[arg-type]
        )
        return asked, taken_by(self.out, asked)

    def mark(self, *selections: tuple[str, str], **request: object) -> str:
        asked, taken = self.take(*selections, **request)
        return mark(self.out, asked, taken).id

    def withdraw(self, *selections: tuple[str, str], **request: object) -> Finished:
        self.mark(*selections, **request)
        return finish(self.out, "2026-02-01", lambda line: None)

    def build(self) -> None:
        """What a build does with what is prepared, but for the recordings that it refuses."""
        withdrawn = read_withdrawn(self.out / NAME)
        files = [
            PreparedFile(path, self.licences[path.stem])
            for path in sorted((self.out / "work" / "prepared").glob("*.parquet"))
            if path.stem not in withdrawn.recordings
        ]
        pack(self.out, files, self.refused)
        settle(self.out, "2026-02-01", lambda line: None)

    def rows(self) -> dict[str, dict[str, Any]]:
        """The index of clips, by id."""
        table = pq.read_table(self.out / "index" / "clips.parquet")
        return {row["clip_id"]: row for row in table.to_pylist()}

    def recordings(self) -> list[dict[str, Any]]:
        """The index of recordings."""
        found: list[dict[str, Any]] = pq.read_table(self.out / "index" / "recordings.parquet").to_pylist()
        return found

    def samples(self) -> dict[str, dict[str, bytes]]:
        """Clip id -> suffix -> bytes, of all shards."""
        found: dict[str, dict[str, bytes]] = {}
        for path in sorted((self.out / "shards").iterdir()):
            with tarfile.open(path) as tar:
                for member in tar.getmembers():
                    clip_id, _, suffix = member.name.partition(".")
                    content = tar.extractfile(member)
                    found.setdefault(clip_id, {})[suffix] = content.read() if content else b""
        return found

    def digests(self, *folders: str) -> dict[str, str]:
        """SHA-256 of every file, or of those in some folders."""
        files = [p for p in sorted(self.out.rglob("*")) if p.is_file()]
        names = {str(p.relative_to(self.out)): p for p in files}
        return {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in names.items()
            if name != "work/lock" and (not folders or name.startswith(folders))
        }


def pack(out: Path, files: list[PreparedFile], refused: list[RecordingRow]) -> None:
    engine = open_engine("inline", None)
    with View(interactive=False) as view:
        select_and_pack(Prepared(files=files, refused=list(refused)), out, MADE_BY, engine=engine, view=view)


def _landmarks(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    times, tones = rng.integers(0, 60 * 125, 180), rng.integers(75, 750, 180)
    return np.unique(times << 10 | tones).astype("<u4").tobytes()


def _clip(clip: Clip, name: str, number: int) -> Clip:
    person = MARK if name == "anna" else name
    sound = _landmarks(1) if name in ("anna", "copy") and number == 0 else _landmarks(hash_of(name, number))
    info = replace(
        clip.info,
        roles=(f"{person} is the host", None),
        transcript=Transcribed(
            file=TranscriptFile(names=(f"{person}.vtt",), sha256="a" * 64),
            speakers=(person, "other"),
            notes=(person,),
        ),
        provenance=replace(clip.info.provenance, uri=f"{person}-{name}.wav"),
    )
    words = (Word(channel=0, text=f"{person} speaks", start_s=0.6, end_s=0.9, confidence=1.0),)
    return replace(clip, info=info, words=words, landmarks=sound)


def hash_of(name: str, number: int) -> int:
    return int(hashlib.sha256(f"{name}{number}".encode()).hexdigest()[:8], 16)


_BUILT: dict[str, World] = {}


@pytest.fixture
def world(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    make_recording: Callable[..., Recording],
    make_clip: Callable[..., Clip],
) -> World:
    """Recordings of three clips: `anna`, hers; `copy`, whose first clip has the sound of her first one; others."""
    if "world" not in _BUILT:
        _BUILT["world"] = _build(tmp_path_factory.mktemp("world") / "out", make_recording, make_clip)
    shutil.copytree(_BUILT["world"].out, tmp_path / "out")
    return replace(_BUILT["world"], out=tmp_path / "out")


def _build(out: Path, make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]) -> World:
    clips: dict[str, list[Clip]] = {}
    licences: dict[str, Licence] = {}
    files: list[PreparedFile] = []
    people = {"anna": (ANNA, "ben"), "copy": ("cleo", "dan"), "eve": ("eve", "fay"), "gil": ("gil", "hal")}
    people |= {f"x{n}": (f"p{n}", f"q{n}") for n in range(4)}
    for name, (first, second) in people.items():
        person = MARK if name == "anna" else name
        stated = licence(
            person, PAPER if name == "anna" else b"another paper", "MIT" if name == "gil" else "CC-BY-4.0"
        )
        recording = make_recording(f"{person}-{name}.wav", (first, second))
        recording = replace(recording, licence=stated, source=replace(recording.source, licence=stated))
        licences[recording.recording_id] = stated
        path = out / "work" / "prepared" / f"{recording.recording_id}.parquet"
        writer = PreparedWriter(path, recording, "f" * 64)
        clips[name] = [_clip(make_clip(recording, number), name, number) for number in range(3)]
        for clip in clips[name]:
            writer.add(clip)
        detail = f"12 s after {person}"
        writer.add(Rejection(uri="", stage="split", reason=Reason.SILENCE, detail=detail, start_s=90.0, end_s=102.0))
        writer.close()
        files.append(PreparedFile(path, stated))
    refused = [_copy(clips["anna"][0], licences), _unread(licences)]
    for data, name in ((PAPER, "a.pdf"), (b"another paper", "b.pdf"), (SHARED, "terms.txt")):
        path = out / FOLDER / kept_name(hashlib.sha256(data).hexdigest(), name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    quarantine.put(out, f"/data/{MARK}-anna.wav", 60.0, Failed(error=f"ValueError: {MARK}", trace=f"trace {MARK}"))
    quarantine.put(out, "/data/other.wav", 60.0, Failed(error="ValueError: other", trace="trace"))
    pack(out, files, refused)
    return World(out, clips, licences, refused)


def _row(name: str, recording_id: str | None, reason: Reason, detail: str, stated: Licence) -> RecordingRow:
    return RecordingRow(
        uri=name,
        uri_b=None,
        origin=f"manifest of {name}",
        recording_id=recording_id,
        licence=stated.spdx,
        unlicensed=False,
        language=None,
        duration_s=0.0,
        kept_s=0.0,
        n_clips=0,
        lost=(Loss(stage="ingest", reason=reason.value, detail=detail, start_s=0.0, end_s=0.0),),
        stated=stated,
    )


def _copy(clip: Clip, licences: dict[str, Licence]) -> RecordingRow:
    """A source that was refused for having the bytes of hers."""
    recording_id = clip.info.recording_id
    detail = f"the same bytes as /data/{MARK}-anna.wav"
    return _row(f"{MARK}-again.wav", recording_id, Reason.DUPLICATE, detail, licences[recording_id])


def _unread(licences: dict[str, Licence]) -> RecordingRow:
    """A source of another address that the policy refused, and that was never read."""
    stated = replace(next(iter(licences.values())), holder="Nobody", source_url="https://example.org/unread")
    stated = replace(stated, spdx="GPL-3.0-only", attribution="x", evidence="x.pdf")
    return _row("unread.wav", None, Reason.LICENCE_REFUSED, "refused", stated)
