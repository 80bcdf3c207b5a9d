"""Hostile requests, questions in SQL and arguments: refused in a line; no file is read, made or changed."""

import re
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from pipeline.browse.server import app_of, bound
from pipeline.browse.start import site_of_folder
from pipeline.catalog import CatalogError, open_catalog
from pipeline.catalog_query import ask, select
from schemas.errors import UserError
from tests.hostile.judge import SECRET, duplexset, judge_line, snapshot
from tests.hostile.questions import ARGUMENTS, ENDLESS, QUESTIONS, REQUESTS

SILENT = ("nothing", "chunks without end")
"""Requests to which nothing need be said."""
ANSWERED = ("a method in a header", "a web socket", "a filter in SQL", "a search of zeros", "not UTF-8")
"""Requests that are as good as any other."""
HARMLESS = ("deep lists", "deep brackets", "many columns", "many unions", "a regular expression",
            "control characters", "bidi", "use", "query of a text", "only a comment")  # fmt: skip
"""Questions that may be answered."""
ANSWERS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@pytest.fixture
def server(world: Any) -> Iterator[tuple[int, str]]:
    """(port, the id of a clip)."""
    site, listener = site_of_folder(world.out), bound(0)
    port = listener.getsockname()[1]
    config = uvicorn.Config(app_of(site, port), log_level="critical", lifespan="off", ws="none", server_header=False)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield port, world.ids["script"]
    running.should_exit = True
    thread.join(timeout=20)
    site.store.close()


def sent(port: int, data: bytes) -> bytes:
    """What a server answers to these bytes until it hangs up, or waits for more."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10 if b"close" in data else 1) as connection:
        try:
            connection.sendall(data)
            while piece := connection.recv(1 << 16):
                found += piece
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass
    return found


def test_requests(server: tuple[int, str], place: Any, world: Any) -> None:
    port, clip_id = server
    host = f"Host: 127.0.0.1:{port}\r\nConnection: close\r\n"
    before = snapshot(world.out)
    for name, text in REQUESTS.items():
        request = text.replace("{host}", host).replace("{port}", str(port)).replace("{id}", clip_id)
        answer = sent(port, request.replace("{secret}", str(place.secret)).encode("latin1"))
        statuses = [int(one) for one in ANSWERS.findall(answer)]
        assert statuses or name in SILENT, name
        assert max(statuses, default=400) < 500, name
        assert min(statuses, default=400) >= 400 or name in ANSWERED, (name, answer[:200])
        for wrong in (SECRET.encode(), b"Traceback", b"root:", b"\nset-cookie", b"access-control-allow"):
            assert wrong not in answer.lower(), name
    assert snapshot(world.out) == before
    assert sent(port, f"GET /api/start HTTP/1.1\r\n{host}\r\n".encode()).startswith(b"HTTP/1.1 200")


def test_only_this_machine_is_answered() -> None:
    listener = bound(0)
    try:
        address, port = listener.getsockname()
        assert address == "127.0.0.1"
        others = {found[4][0] for found in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)}
        for other in others - {"127.0.0.1"}:
            with socket.socket() as connection:
                connection.settimeout(2)
                assert connection.connect_ex((other, port)) != 0 or other.startswith("127.")
    finally:
        listener.close()


@pytest.mark.usefixtures("connects")
def test_questions(world: Any, place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.inside)
    before = snapshot(world.out)
    catalog = open_catalog(world.out)
    for name, text in QUESTIONS.items():
        sql = text.replace("{secret}", str(place.secret)).replace("{out}", str(world.out)).replace("{port}", "9")
        try:
            answer = ask(catalog, sql, 10, 5.0)
        except UserError as error:
            judge_line(error)
            continue
        assert SECRET not in str(answer), name
        assert name in HARMLESS, name
    catalog.close()
    assert snapshot(world.out) == before
    assert list(place.inside.iterdir()) == []


def test_deep_questions_end_their_own_process_at_most(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.catalog_query._START_S", 2.0)
    columns = "SELECT " + ",".join(["1"] * 40_000)
    for text in (columns, "SELECT " + "NOT " * 24_000 + "true", "SELECT " + "(" * 49_000 + "1"):
        with pytest.raises(CatalogError) as error:
            select(world.out, text, timeout_s=1.0)
        judge_line(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDLESS)
def test_questions_without_end(world: Any, name: str) -> None:
    with pytest.raises(CatalogError, match=r"ask for|Out of Memory"):
        select(world.out, ENDLESS[name], timeout_s=1.0)


@pytest.mark.usefixtures("connects")
@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments(world: Any, place: Any, name: str) -> None:
    (place.inside / "full").mkdir()
    (place.inside / "full" / "mine.txt").write_text("mine")
    values = {"secret": place.secret, "out": world.out, "guarded": place.inside / "full", "port": 9}
    (world.out / "work" / "lock").touch()
    before, guarded = snapshot(world.out), snapshot(place.inside)
    arguments = []
    for text in ARGUMENTS[name]:
        for key, value in values.items():
            text = text.replace(f"{{{key}}}", str(value))  # noqa: PLW2901
        arguments.append(text)
    assert duplexset(*arguments).code in (1, 2), name
    assert snapshot(world.out) == before
    assert snapshot(place.inside) == guarded


def test_a_bomb_has_its_own_process(world: Any) -> None:
    """What a question may take is bounded from outside of this process, too."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30));"
        "from pathlib import Path; from pipeline.catalog_query import select; from schemas.errors import UserError\n"
        "try: select(Path(sys.argv[1]), sys.argv[2], timeout_s=1.0)\n"
        "except UserError as error: print(error)"
    )
    sql = "SELECT repeat(repeat('x', 100000), 20000) FROM range(100)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(world.out), sql], capture_output=True, timeout=120, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    judge_line(done.stdout.decode())
    assert done.stdout
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != 3 << 30
