"""Every page that is made of hostile texts, in a browser: nothing runs, nothing is fetched, no link leads away."""

import functools
import http.server
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import uvicorn
from markdown_it import MarkdownIt

from pipeline.browse.server import app_of, bound
from pipeline.browse.start import site_of_folder
from tests.hostile.judge import duplexset

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
MARKUP = 40
"""Texts with markup and scripts, which come first."""


class Watched:
    """A page, and all that should not happen on it."""

    def __init__(self, browser: Any, address: str) -> None:
        self.page = browser.new_page()
        self.address, self.said, self.asked = address, [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        self.page.on("popup", lambda popup: self.said.append(popup.url))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def go(self, hash_: str, wait: str) -> None:
        self.page.goto(f"{self.address}{hash_}")
        self.page.wait_for_selector(wait)
        self.fine()

    def fine(self) -> None:
        """Nothing was said, nothing ran, nobody else was asked, no link or form leads anywhere else."""
        own = (self.address, "data:audio/", "about:blank")
        assert [url[:200] for url in self.asked if not url.startswith(own)] == []
        assert self.said == []
        assert self.page.evaluate("window.hit") is None
        assert self.page.url.startswith(own)
        found = self.page.evaluate(
            """[...document.querySelectorAll('a, form, iframe, object, embed, base, link, img, script, [style]')].map(
              (e) => e.href?.baseVal ?? e.href ?? e.action ?? e.src ?? e.data ?? '').filter((text) => text)"""
        )
        allowed = (*own, "data:image/", "data:,", "#")
        assert [one[:200] for one in found if not str(one).startswith(allowed)] == []
        handlers = self.page.evaluate(
            """[...document.querySelectorAll('*')].flatMap((e) => e.getAttributeNames())
              .filter((name) => name.startsWith('on'))"""
        )
        assert handlers == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no browser: install chromium (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def served(out: Path) -> Iterator[str]:
    site, listener = site_of_folder(out), bound(0)
    port = listener.getsockname()[1]
    config = uvicorn.Config(app_of(site, port), log_level="critical", lifespan="off", ws="none", server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        site.store.close()


def test_the_pages_of_browse(browser: Any, world: Any) -> None:
    with served(world.out) as address:
        watched = Watched(browser, address)
        for hash_ in ("", "#clips?page=1", "#clips?page=2", "#clips?q=script"):
            watched.go(hash_, "a.row-link")
        watched.go("#lost", ".recording")
        watched.go("#totals", ".plots img")
        watched.go("#withdraw?licence=LicenseRef-acme", "#command")
        ids = list(world.ids.values())
        for clip_id in (*ids[:MARKUP], *ids[MARKUP::5]):
            watched.go(f"#clip/{clip_id}", f".title code:text-is('{clip_id}')")
        watched.page.close()


def test_a_copy_for_any_web_server(browser: Any, world: Any, place: Any) -> None:
    folder = place.inside / "copy"
    assert duplexset("browse", world.out, "--static", folder).code == 0

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        watched = Watched(browser, f"http://127.0.0.1:{server.server_port}/")
        watched.go("", "a.row-link")
        watched.go("#lost", ".recording")
        for clip_id in list(world.ids.values())[:MARKUP:4]:
            watched.go(f"#clip/{clip_id}", f".title code:text-is('{clip_id}')")
        watched.page.close()
    finally:
        server.shutdown()
        server.server_close()


def test_the_report(browser: Any, world: Any) -> None:
    watched = Watched(browser, (world.out / "report.html").as_uri())
    for _ in range(3):  # each time of other clips
        assert duplexset("report", world.out).code == 0
        watched.go("", "h1")
        rows = pq.read_table(world.out / "index" / "clips.parquet", columns=["clip_id"]).column("clip_id").to_pylist()
        content = watched.page.content()
        shown = [one for one in rows if one in content]
        assert shown
        with (world.out / "withdrawn.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(f'{{"clip_id": "{one}"}}\n' for one in shown)
    watched.page.close()


def test_the_cards_as_a_hub_shows_them(browser: Any, world: Any, place: Any) -> None:
    folder = place.inside / "hub"
    assert duplexset("export", world.out, folder, "--to", "huggingface").code == 0
    for path in (world.out / "DATA_CARD.md", folder / "README.md"):
        body = re.sub(r"\A---\n.*?\n---\n", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(body)
        page = place.inside / "card.html"
        page.write_text(f"<!doctype html><meta charset=utf-8>{html}", encoding="utf-8")
        watched = Watched(browser, page.parent.as_uri())
        watched.page.goto(page.as_uri())
        watched.fine()
        watched.page.close()
