"""What lies around every hostile input: decoys, a server that must not be asked, and a dataset of hostile texts."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cluster.engine import open_engine
from cluster.rows import Failed
from model.codec import load_codec
from pipeline import quarantine
from pipeline.build import select_and_pack
from pipeline.config import BuildConfig
from pipeline.describe import MadeBy
from pipeline.prepare import Prepared
from pipeline.view import View
from schemas.clip import Clip
from schemas.conversation import Word
from schemas.licence import Consent, Licence, Rights, SpeakersConsent
from schemas.policy import Policy
from schemas.prepared import PreparedFile, PreparedWriter
from schemas.recording import Recording
from schemas.rejection import Reason, Rejection
from tests.hostile.inputs import TEXTS
from tests.hostile.judge import SECRET, judge_files, snapshot
from tests.tones import tones_flac

ANY = Policy(name="any", allow=("*",), unlicensed=True)
N_FRAMES = 100


@dataclass
class Place:
    """`inside`: for inputs. `out`: for outputs. `outside`: decoys, which nothing may read or change."""

    root: Path
    before: dict[str, str] = field(default_factory=dict)

    @property
    def inside(self) -> Path:
        return self.root / "inside"

    @property
    def outside(self) -> Path:
        return self.root / "outside"

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def secret(self) -> Path:
        return self.outside / "secret.txt"

    def judge(self) -> None:
        """Nothing outside was changed or came in, and nothing was made beside."""
        assert snapshot(self.outside) == self.before
        judge_files(self.out)
        judge_files(self.root / "out-new")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Judged again when the test ends."""
    made = Place(tmp_path)
    for folder in (made.inside, made.outside):
        folder.mkdir()
    passwd = f"root:x:0:0:{SECRET}:/root:/bin/sh\n"
    for name in ("secret.txt", "passwd", "secret.csv", "secret.jsonl", "LICENSE.toml"):
        (made.outside / name).write_text(passwd)
    (made.outside / "secret.vtt").write_text(f"WEBVTT\n\n00:00.000 --> 00:04.000\n{SECRET}\n")
    (made.outside / "secret.wav").write_bytes(b"RIFF" + SECRET.encode())
    pq.write_table(pa.table({"path": [SECRET]}), made.outside / "secret.parquet")
    made.before = snapshot(made.outside)
    yield made
    known = ("out", "out-new", "inside", "outside")
    assert [path.name for path in sorted(tmp_path.iterdir()) if path.name not in known] == []
    made.judge()


@pytest.fixture
def asked() -> Iterator[tuple[int, list[bytes]]]:
    """(port, what was sent there): a server on this machine that nothing may ask."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []

    def listen() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                heard.append(connection.recv(1_000))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    yield port, heard
    with socket.create_connection(("127.0.0.1", port)) as last:  # it does hear what is sent
        last.sendall(b"last")
        last.shutdown(socket.SHUT_WR)
        last.recv(1)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    assert heard == [b"last"]


@pytest.fixture
def connects() -> Iterator[list[object]]:
    """Every address that a socket of this process was to connect to; none may be when the test ends."""
    wanted: list[object] = []

    def connect(self: socket.socket, address: object) -> None:
        wanted.append(address)
        raise ConnectionRefusedError(111, "no test asks anybody")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket.socket, "connect_ex", connect)
        yield wanted
    assert wanted == []


def hostile_clip(clip: Clip, text: str, licence: Licence) -> Clip:
    """A clip with a text wherever a text can be."""
    provenance = replace(clip.info.provenance, uri=f"{text}.wav", uri_b=text)
    info = replace(
        clip.info,
        speakers=(f"{text}a", f"{text}b"),
        stated_speakers=(text, f"{text}c"),
        roles=(text, text),
        language=text[:60] or None,
        licence=licence,
        provenance=provenance,
    )
    words = tuple(Word(channel=c, text=text[:9_000], start_s=1.0, end_s=2.0, confidence=1.0) for c in (0, 1))
    return replace(clip, info=info, words=words, flac=tones_flac(N_FRAMES))


def hostile_licence(text: str) -> Licence:
    """A licence of which every field is a text."""
    return Licence(
        spdx="LicenseRef-acme",
        licence_text=text,
        licence_text_sha256="e" * 64,
        holder=text,
        attribution=text,
        source_url=text,
        retrieved=text,
        evidence=text,
        evidence_sha256="d" * 64,
        evidence_date=text,
        consent=Consent.INFORMED_CONSENT,
        speakers_consent=SpeakersConsent.GIVEN,
        jurisdiction=(text,),
        retain_until=text,
        rights=Rights(derivatives=True, attribution=True),
    )


@dataclass(frozen=True)
class World:
    """`out`: a dataset of a recording for each hostile text. `ids`: clip id by the text's name."""

    out: Path
    ids: dict[str, str]


@pytest.fixture(scope="session")
def hostile_world(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Callable[..., Recording], Callable[..., Clip]], World]:
    """Made once; each test gets a copy by the fixture `world`."""
    made: list[World] = []

    def make(make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]) -> World:
        if not made:
            made.append(_build(tmp_path_factory.mktemp("world") / "out", make_recording, make_clip))
        return made[0]

    return make


def _build(out: Path, make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]) -> World:
    files, ids = [], {}
    for name, text in TEXTS.items():
        if "surrogate" in name:
            continue  # no Parquet file can hold them: where they come in they are refused
        licence = hostile_licence(text)
        recording = replace(make_recording(name), licence=licence)
        recording = replace(recording, source=replace(recording.source, uri=text, name=f"{text}-{name}", origin=text))
        path = out / "work" / "prepared" / f"{recording.recording_id}.parquet"
        writer = PreparedWriter(path, recording, "f" * 64)
        clip = hostile_clip(make_clip(recording, 0, N_FRAMES), text, licence)
        ids[name] = clip.info.clip_id
        writer.add(clip)
        lost = Rejection(uri=text, stage="split", reason=Reason.SILENCE, detail=text, start_s=8.0, end_s=20.0)
        writer.add(lost)
        writer.close()
        files.append(PreparedFile(path, licence))
    config = BuildConfig(split_percent=(60, 20, 20), flac=True, policy=ANY)
    made_by = MadeBy(config=config, weights={"builtin": load_codec().digest}, fingerprint="f" * 64)
    with View(interactive=False) as view:
        select_and_pack(Prepared(files=files), out, made_by, engine=open_engine("inline", None), view=view)
    for name in ("script", "ansi clear", "rlo", "new lines"):
        text = TEXTS[name]
        quarantine.put(out, f"{text}.wav", 60.0, Failed(error=f"ValueError: {text}", trace=f"Traceback {text}"))
    return World(out, ids)


@pytest.fixture
def world(hostile_world: Callable[..., World], place: Place, make_recording: object, make_clip: object) -> World:
    """A copy of it, in `place.out`."""
    made = hostile_world(make_recording, make_clip)
    shutil.copytree(made.out, place.out)
    return World(place.out, made.ids)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is looked for on a hub."""
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
