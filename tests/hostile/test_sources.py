"""Hostile paths, addresses, manifests, licence files and policies: refused in a line, never followed or fetched."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.cli_build import NOTHING_KEPT
from pipeline.manifest import COLUMNS
from pipeline.sources import read_sources
from schemas.errors import UserError
from stages.probe import AudioError, open_bytes
from stages.remote import is_public
from tests.hostile.files import LICENCES, MANIFESTS, POLICIES, tone
from tests.hostile.inputs import PATHS, TEXTS, URIS
from tests.hostile.judge import Done, duplexset, judge_line

MEMORY = 4 << 30
"""Bytes of address space of a process that is fed a bomb, most of it libraries."""


@pytest.fixture
def special(place: Any) -> Path:
    """A folder with links, pipes and devices that look like recordings."""
    folder = place.inside
    (folder / "sub").mkdir()
    links = {
        "link.wav": place.outside / "secret.wav", "link.txt": place.secret, "linked": place.outside,
        "circle.wav": folder / "circle.wav", "round": folder, "dangling.wav": folder / "nowhere",
        "zero.wav": "/dev/zero", "random.wav": "/dev/urandom", "tty.wav": "/dev/tty",
        "environ.wav": "/proc/self/environ", "mem.wav": "/proc/self/mem", "kmsg.wav": "/proc/kmsg",
        "stdin.wav": "/proc/self/fd/0",
    }  # fmt: skip
    for name, target in links.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "fifo.wav")
    here = Path.cwd()
    os.chdir(folder)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.wav")
    os.chdir(here)
    return folder


def build(*sources: object, out: Path, **options: str) -> Done:
    named = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return duplexset("build", *sources, out, "--engine", "inline", "--licence", "CC0-1.0", *named)


def reasons(out: Path) -> dict[str, set[str]]:
    """Why each recording is not there, by its name."""
    found: dict[str, set[str]] = {}
    for row in pq.read_table(out / "index" / "recordings.parquet").to_pylist():
        assert row["n_clips"] == 0
        found.setdefault(row["uri"], set()).update(loss["reason"] for loss in row["lost"])
    return found


def test_paths_and_addresses(place: Any, special: Path, asked: tuple[int, list[bytes]], connects: object) -> None:
    port, _ = asked
    texts = [text.replace("{secret}", str(place.secret)).replace("{port}", str(port))
             for text in (*PATHS.values(), *URIS.values())]  # fmt: skip
    rows = [{"path": text, **extra} for text in texts for extra in ({}, {"path_b": text}, {"transcript": text})]
    manifest = special / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = build(manifest, out=place.out)
    assert (done.code, done.err.count("nothing was kept")) == (NOTHING_KEPT, 1), done.said[-2_000:]
    found = reasons(place.out)
    assert len(found) > 90
    assert not any(row is None for row in found.values())
    assert duplexset("audit", "summary", place.out).code == 0
    assert duplexset("verify", place.out).code == 0


def test_addresses_on_the_command_line(place: Any, asked: tuple[int, list[bytes]], connects: object) -> None:
    port, _ = asked
    for name, text in URIS.items():
        uri = text.replace("{secret}", str(place.secret)).replace("{port}", str(port))
        if "://" in uri:
            with pytest.raises(AudioError) as error, open_bytes(uri):
                pass
            judge_line(" ".join(str(error.value).splitlines()))
        else:
            with pytest.raises((UserError, AudioError)):
                read_sources([uri], {})
        assert name


def test_a_redirect_inside(place: Any, asked: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A public server that sends on to this machine: stood in for by one here that is taken for public."""
    import http.server
    import threading

    port, _ = asked

    class Sender(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.2:{port}/secret.wav")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sender)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("stages.remote.is_public", lambda address: address == "127.0.0.1")
    try:
        with (
            pytest.raises(AudioError, match="leads to this machine"),
            open_bytes(f"http://127.0.0.1:{server.server_port}/x.wav"),
        ):
            pass
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("::ffff:8.8.8.8", True),
        ("127.0.0.1", False), ("::1", False), ("::ffff:127.0.0.1", False), ("0.0.0.0", False), ("::", False),
        ("169.254.169.254", False), ("::ffff:169.254.169.254", False), ("fe80::1%lo", False), ("fd00::1", False),
        ("10.1.2.3", False), ("172.31.0.1", False), ("192.168.1.1", False), ("100.64.0.1", False),
        ("224.0.0.1", False), ("ff02::1", False), ("255.255.255.255", False), ("2002:7f00:1::", False),
        ("240.0.0.1", False), ("192.0.2.1", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_folder_of_links_and_devices(place: Any, special: Path, connects: object) -> None:
    done = build(special, out=place.out)
    assert done.code == NOTHING_KEPT, done.said
    assert build(f"{special}/*.wav", out=place.out).code == NOTHING_KEPT
    assert build(f"{special}/**/*", out=place.out).code == NOTHING_KEPT


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests(place: Any, connects: object, name: str) -> None:
    """In a process of its own with little memory, since some are bombs."""
    suffix, make = MANIFESTS[name]
    (place.inside / "good.wav").write_bytes(tone())
    manifest = place.inside / f"m{suffix}"
    manifest.write_bytes(make())
    if name == "a bomb":
        limit = f"resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))"
        code = f"import resource; {limit}; from pipeline.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, "policy", "check", str(manifest)], capture_output=True, timeout=120,
            check=False, cwd=Path(__file__).parents[2], text=True,
        )  # fmt: skip
        assert done.returncode == 2
        judge_line(done.stderr)
        return
    done = duplexset("policy", "check", manifest)
    assert done.code in (1, 2)
    if done.code == 2:
        judge_line(done.err)


@pytest.mark.parametrize("name", LICENCES)
def test_licence_files(place: Any, special: Path, connects: object, name: str) -> None:
    folder = special / "calls"
    folder.mkdir()
    (folder / "a.wav").write_bytes(tone())
    for link in ("link.txt", "fifo.wav"):
        (special / link).rename(folder / link)
    (folder / "LICENSE.toml").write_bytes(LICENCES[name])
    done = duplexset("policy", "check", folder)
    assert done.code in (0, 1, 2)
    if done.code == 2:
        judge_line(done.err)
    refused = name not in ("a date", "evidence on the web")
    assert refused == (done.code == 2), done


@pytest.mark.parametrize("name", POLICIES)
def test_policies(place: Any, connects: object, name: str) -> None:
    (place.inside / "a.wav").write_bytes(tone())
    (place.inside / "p.toml").write_bytes(POLICIES[name])
    done = duplexset(
        "policy", "check", place.inside / "a.wav", "--policy", place.inside / "p.toml", "--licence", "MIT"
    )
    assert done.code in (0, 1, 2)


def test_texts_in_every_column(place: Any, connects: object) -> None:
    rows = [{"path": "good.wav", "licence": "MIT"}]
    columns = [name for name in COLUMNS if name != "role_b"]
    for text in TEXTS.values():
        short = text[:3_000].strip() or "x"
        rows += [{"path": "good.wav", "licence": "MIT", column: short} for column in columns]
    manifest = place.inside / "m.jsonl"
    manifest.write_text("\n".join(json.dumps(row) for row in rows))
    (place.inside / "good.wav").write_bytes(tone())
    done = duplexset("policy", "check", manifest)
    assert done.code == 0
    assert done.out.count("\n") > len(rows)
