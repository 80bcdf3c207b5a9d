"""A small dataset whose metadata is hostile, a large made-up index, and a server on this machine."""

import http.client
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import uvicorn

from cluster.engine import open_engine
from cluster.rows import Failed
from model.codec import load_codec
from pipeline import quarantine
from pipeline.bench_audit import made_index
from pipeline.browse.server import Site, app_of, bound
from pipeline.browse.start import site_of_folder
from pipeline.browse.store import Store, open_store
from pipeline.build import select_and_pack
from pipeline.config import BuildConfig
from pipeline.describe import MadeBy
from pipeline.prepare import Prepared
from pipeline.view import View
from schemas.clip import Clip
from schemas.conversation import Segment, TurnEvent, TurnKind, Word
from schemas.licence import Consent, Licence, Rights
from schemas.prepared import PreparedFile, PreparedWriter
from schemas.recording import Recording
from schemas.rejection import Reason, Rejection
from tests.tones import tones_flac

N_CLIPS = 20_000
N_FRAMES = 100
LENGTH_S = 8.0
SCRIPT = "<script>window.hit=1</script>"
BREAKOUT = '"\'><img src=x onerror="window.hit=1">'
HOSTILE = (SCRIPT, BREAKOUT, "../../etc/passwd", "a\x00b\x1b[31m\u202egnp.exe\u202c", "long " * 200_000)
"""Names of the speakers and files of a recording each."""
ADDRESS = "javascript:window.hit=1"


@dataclass(frozen=True)
class World:
    """`out`: the dataset. `clips`: what was put in, by id."""

    out: Path
    clips: dict[str, Clip]


_BUILT: dict[str, World] = {}  # once for all tests, each of which gets a copy


def _clip(clip: Clip, flac: bool, licence: Licence) -> Clip:
    segments = (Segment(channel=0, start_s=0.5, end_s=4.0), Segment(channel=1, start_s=3.5, end_s=7.0))
    events = (
        TurnEvent(kind=TurnKind.TURN, channel=0, start_s=0.5, end_s=4.0),
        TurnEvent(kind=TurnKind.TURN, channel=1, start_s=3.5, end_s=7.0),
        TurnEvent(kind=TurnKind.OVERLAP_TERMINAL, channel=1, start_s=3.5, end_s=4.0),
        TurnEvent(kind=TurnKind.TRANSFER, channel=1, start_s=3.5, end_s=4.0, offset_s=-0.5),
        TurnEvent(kind=TurnKind.BACKCHANNEL, channel=1, start_s=1.0, end_s=1.4),
    )
    words = (
        Word(channel=0, text="hello", start_s=0.6, end_s=0.9, confidence=1.0),
        Word(channel=1, text=SCRIPT, start_s=3.6, end_s=3.9, confidence=0.0),
    )
    quality = replace(clip.info.quality, n_words=(1, 1))
    info = replace(clip.info, segments=segments, events=events, licence=licence, quality=quality)
    return replace(clip, info=info, words=words, flac=tones_flac(N_FRAMES, (16_000, 8_000)) if flac else None)


@pytest.fixture
def world(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    make_recording: Callable[..., Recording],
    make_clip: Callable[..., Clip],
) -> World:
    """Five recordings of two clips, the first clip of each with FLAC; each lost 12 s; one is in quarantine."""
    if "world" not in _BUILT:
        _BUILT["world"] = _build(tmp_path_factory.mktemp("world") / "out", make_recording, make_clip)
    shutil.copytree(_BUILT["world"].out, tmp_path / "out")
    return World(tmp_path / "out", _BUILT["world"].clips)


def _build(out: Path, make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]) -> World:
    clips, files = {}, []
    for at, name in enumerate(HOSTILE):
        licence = Licence(
            spdx="CC-BY-4.0" if at % 2 else "LicenseRef-acme",
            holder=name,
            attribution=name,
            source_url="https://example.org/set" if at == 1 else ADDRESS,
            evidence=ADDRESS,
            consent=Consent.INFORMED_CONSENT,
            rights=Rights(commercial_use=bool(at % 2), derivatives=True),
        )
        recording = replace(make_recording(f"{name[:300]}-{at}.wav", (f"{name}a", f"{name}b")), licence=licence)
        path = out / "work" / "prepared" / f"{recording.recording_id}.parquet"
        writer = PreparedWriter(path, recording, "f" * 64)
        for number in range(2):
            clip = _clip(make_clip(recording, number, N_FRAMES), number == 0, licence)
            clips[clip.info.clip_id] = clip
            writer.add(clip)
        detail = f"12 s of {name}"
        writer.add(Rejection(uri="", stage="split", reason=Reason.SILENCE, detail=detail, start_s=90.0, end_s=102.0))
        writer.close()
        files.append(PreparedFile(path, licence))
    _pack(files, out)
    quarantine.put(out, f"{SCRIPT}.wav", 60.0, Failed(error=f"ValueError: {BREAKOUT}", trace="secret trace"))
    return World(out, clips)


def _pack(files: list[PreparedFile], out: Path) -> None:
    config = BuildConfig(split_percent=(60, 20, 20), flac=True)
    made_by = MadeBy(config=config, weights={"builtin": load_codec().digest}, fingerprint="f" * 64)
    with View(interactive=False) as view:
        select_and_pack(Prepared(files=files), out, made_by, engine=open_engine("inline", None), view=view)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 20,000 clips that has an index and nothing else."""
    out = tmp_path_factory.mktemp("made")
    made_index(out, N_CLIPS)
    ids = [f"{n * 0x9E3779B97F4A7C15 % 2**64:016x}{n:016x}" for n in range(0, N_CLIPS, 1_001)]
    (out / "withdrawn.jsonl").write_text("".join(f'{{"clip_id": "{one}"}}\n' for one in ids), encoding="utf-8")
    return out


@pytest.fixture(scope="session")
def store(made: Path) -> Iterator[Store]:
    opened = open_store(made)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def rows(made: Path) -> list[dict[str, Any]]:
    """The index as Python has it."""
    withdrawn = (made / "withdrawn.jsonl").read_text(encoding="utf-8")
    found = pq.read_table(made / "index" / "clips.parquet").to_pylist()
    return [{**row, "withdrawn": row["clip_id"] in withdrawn} for row in found]


@dataclass(frozen=True)
class Running:
    """A server that answers. `get`: status, headers and body of a request."""

    site: Site
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers={"Host": f"127.0.0.1:{self.port}", **named})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


@pytest.fixture
def serve() -> Iterator[Callable[[Path], Running]]:
    """serve(out): its pages, until the test ends."""
    servers: list[tuple[uvicorn.Server, threading.Thread, Site]] = []

    def start(out: Path) -> Running:
        site, listener = site_of_folder(out), bound(0)
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            app_of(site, port), log_level="critical", lifespan="off", ws="none", server_header=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        servers.append((server, thread, site))
        return Running(site, port)

    yield start
    for server, thread, site in servers:
        server.should_exit = True
        thread.join(timeout=20)
        site.store.close()
