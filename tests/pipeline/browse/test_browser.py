"""The pages in a real browser: filters, sound, keys; no metadata runs, no other machine is asked."""

import functools
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.browse.start import site_of_folder
from pipeline.browse.static import write

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
Serve = Callable[[Path], Any]
pytestmark = pytest.mark.slow


class Watched:
    """A page, and all that should not happen on it."""

    def __init__(self, browser: Any, address: str, width: int = 1280, scheme: str = "light") -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page.set_default_timeout(30_000)
        self.address, self.said, self.asked = address, [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def go(self, hash_: str, wait: str) -> Any:
        self.page.goto(f"{self.address}{hash_}")
        self.page.wait_for_selector(wait)
        return self.page

    def fine(self) -> None:
        """Nothing was said, nothing of the metadata ran, no other machine was asked, nothing sticks out."""
        assert self.said == []
        assert self.page.evaluate("window.hit") is None
        assert [url for url in self.asked if not url.startswith(self.address)] == []
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert self.page.evaluate("document.querySelectorAll('*').length") < 6_000


def until(page: Any, expression: str) -> None:
    """Wait until it is true; Playwright's own way is against the page's policy."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(expression)


@pytest.fixture
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no browser: install chromium (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, "--autoplay-policy=no-user-gesture-required"]
        )
        yield opened
        opened.close()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_of_a_hostile_dataset(browser: Any, world: Any, serve: Serve, width: int, scheme: str) -> None:
    watched = Watched(browser, serve(world.out).address, width, scheme)
    page = watched.go("", "a.row-link")
    assert page.locator("a.row-link").count() == 10
    watched.fine()
    for clip_id in sorted(world.clips):
        watched.go(f"#clip/{clip_id}", f".title code:text-is('{clip_id}')")
        addresses = page.evaluate("[...document.querySelectorAll('main a')].map(a => a.href)")
        assert [a for a in addresses if not a.startswith((watched.address, "https://example.org/set"))] == []
        assert page.locator("#licence .missing").count() > 0
        watched.fine()
    for hash_, wait in (
        ("#lost", ".recording"),
        ("#totals", ".plots img"),
        ("#withdraw?licence=CC-BY-4.0", "#command"),
    ):
        watched.go(hash_, wait)
        page.wait_for_timeout(100)
        watched.fine()
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 380) == (scheme == "dark")


@pytest.mark.parametrize("width", [1280, 390])
def test_filters_and_pages_of_a_large_index(browser: Any, made: Path, serve: Serve, width: int) -> None:
    running = serve(made)
    watched = Watched(browser, running.address, width)
    page = watched.go("", "a.row-link")
    assert page.text_content("#total") == "20,000 clips"
    assert page.locator("a.row-link").count() == 50
    if width == 390:
        page.click("#filters > summary")
    page.check("input[name=licence][value='CC0-1.0']")
    until(page, "document.getElementById('total').textContent === '4,000 clips'")
    page.fill("input[name=overlap-from]", "20")
    until(page, "document.querySelectorAll('.chip').length === 2")
    from pipeline.browse.filters import filter_of

    wanted = [("licence", "CC0-1.0"), ("overlap", "20..")]
    total = running.site.store.clips(filter_of(wanted))["total"]
    until(page, f"document.getElementById('total').textContent === '{total:,} clips'")
    assert "licence=CC0-1.0" in page.url
    page.click(".pager button:last-child")
    page.wait_for_selector(".pager:has-text('Page 2 of')")
    second = running.site.store.clips(filter_of([*wanted, ("page", "1")]))["clips"]
    assert page.get_attribute("a.row-link", "href") == f"#clip/{second[0]['id']}"
    page.go_back() if page.url.endswith("#") else page.reload()
    page.wait_for_selector(".pager:has-text('Page 2 of')")  # the address has it all
    page.click(".chip >> nth=0")
    until(page, "document.querySelectorAll('.chip').length === 1")
    watched.fine()


def test_a_clip_is_heard_together_and_alone(browser: Any, world: Any, serve: Serve) -> None:
    watched = Watched(browser, serve(world.out).address)
    for flac in (True, False):
        clip_id = next(i for i, c in world.clips.items() if (c.flac is not None) is flac)
        page = watched.go(f"#clip/{clip_id}", "#play")
        page.wait_for_selector(f".stage:has-text('{'FLAC' if flac else 'Decoded from the tokens'}')")
        page.click("#play")
        page.wait_for_selector("#play[aria-label=Pause]")
        until(page, "parseFloat(document.getElementById('time').value.slice(2)) > 0.3")
        for which in ("1", "0", "both"):
            page.click(f".heard.v{which}")
            at = page.evaluate("parseFloat(document.getElementById('time').value.slice(2))")
            until(page, f"parseFloat(document.getElementById('time').value.slice(2)) > {at + 0.2}")
        page.click("#play")
        page.wait_for_selector("#play[aria-label=Play]")
        box = page.locator("canvas.overview").bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
        until(page, "document.querySelector('.slider').getAttribute('aria-valuenow') === '4.0'")
        box = page.locator("canvas.detail").bounding_box()
        page.mouse.click(box["x"] + box["width"] / 4, box["y"] + 100)
        until(page, "document.querySelector('.slider').getAttribute('aria-valuenow') === '2.0'")
        page.click(".said .at >> nth=1")
        until(page, "document.querySelector('.slider').getAttribute('aria-valuenow') === '3.6'")
    watched.fine()


def test_either_channel_reaches_both_ears_alone(browser: Any, world: Any, serve: Serve) -> None:
    """What the page's own routing lets through, measured on the dataset's FLAC: the first tone is twice as loud."""
    watched = Watched(browser, serve(world.out).address)
    clip_id = next(i for i, c in world.clips.items() if c.flac is not None)
    page = watched.go("", "a.row-link")
    levels = page.evaluate(
        """async (id) => {
          const { Player } = await import('./player.js');
          const player = new Player(`api/audio?id=${id}`, 8), found = {};
          player.hear('0');
          const split = player.context.createChannelSplitter(2);
          const ears = [0, 1].map(() => player.context.createAnalyser());
          ears.forEach((ear, at) => { ear.fftSize = 8192; split.connect(ear, at); });
          const merger = player.context.createChannelMerger(2);
          for (const row of player.gains) row.forEach((gain, to) => {
            gain.disconnect(); gain.connect(merger, 0, to);
          });
          merger.connect(split); merger.connect(player.context.destination);
          await player.toggle();
          for (const heard of ['both', '0', '1']) {
            player.hear(heard);
            await new Promise((done) => setTimeout(done, 700));
            const data = new Float32Array(8192);
            const loudest = (ear) => { ear.getFloatTimeDomainData(data); return Math.max(...data.map(Math.abs)); };
            found[heard] = ears.map(loudest);
          }
          player.close();
          return found;
        }""",
        clip_id,
    )
    expected = {"both": [0.49, 0.24], "0": [0.49, 0.49], "1": [0.24, 0.24]}
    for heard, ears in levels.items():
        assert ears == pytest.approx(expected[heard], abs=0.06)


def test_by_keyboard_alone(browser: Any, world: Any, serve: Serve) -> None:
    watched = Watched(browser, serve(world.out).address)
    page = watched.go("", "a.row-link")
    ids = sorted(world.clips)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.hash") == f"#clip/{ids[0]}"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_selector("#play")
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('.slider').getAttribute('aria-valuenow') === '2.0'")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Home")
    until(page, "document.querySelector('.slider').getAttribute('aria-valuenow') === '0.0'")
    page.keyboard.press("Space")
    page.wait_for_selector("#play[aria-label=Pause]")
    page.keyboard.press("Space")
    page.wait_for_selector("#play[aria-label=Play]")
    page.keyboard.press("2")
    assert page.is_checked(".heard.v1 input")
    page.keyboard.press("?")
    assert page.evaluate("document.getElementById('help').open")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.wait_for_selector(f".title code:text-is('{ids[1]}')")
    page.keyboard.press("Escape")
    page.wait_for_selector("a.row-link")
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle !== 'none'")
    unnamed = page.evaluate(
        """[...document.querySelectorAll('button, a, input, select')].filter(
          (e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.[0]?.textContent.trim())).length"""
    )
    assert unnamed == 0
    watched.fine()


def test_what_a_withdrawal_takes(browser: Any, world: Any, serve: Serve) -> None:
    watched = Watched(browser, serve(world.out).address)
    page = watched.go("withdraw?licence=CC-BY-4.0", "#taken")
    assert "4clips go" in page.text_content("#taken").replace(" ", "", 0)
    assert page.text_content("#command") == f'duplexset withdraw {world.out} --licence=CC-BY-4.0 --reason "..."'
    page.select_option("select[name=kind]", "clip")
    page.fill("input[name=value]", sorted(world.clips)[0])
    page.keyboard.press("Enter")
    page.wait_for_selector("#taken:has-text('Withdrawing the clip')")
    page.fill("input[name=value]", "<img src=x onerror=window.hit=1>")
    page.keyboard.press("Enter")
    page.wait_for_selector("#taken:has-text('No clip')")
    watched.fine()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_copy_for_any_web_server(browser: Any, world: Any, tmp_path: Path, width: int, scheme: str) -> None:
    site = site_of_folder(world.out)
    write(site, tmp_path / "copy" / "deep", 1_000)
    site.store.close()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path / "copy"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        watched = Watched(browser, f"http://127.0.0.1:{server.server_port}/deep/", width, scheme)
        page = watched.go("#clips?licence=CC-BY-4.0&overlap=0..50&sort=-id", "a.row-link")
        expected = sorted((i for i, c in world.clips.items() if c.info.licence.spdx == "CC-BY-4.0"), reverse=True)
        assert page.evaluate("[...document.querySelectorAll('a.row-link')].map(a => a.hash.slice(6))") == expected
        assert page.locator("#nav-withdraw").count() == 0
        watched.go(f"#clip/{expected[0]}", "#play")
        page.click("#play")
        until(page, "parseFloat(document.getElementById('time').value.slice(2)) > 0.3")
        for hash_, wait in (("#lost", ".recording"), ("#totals", ".plots img")):
            watched.go(hash_, wait)
        watched.fine()
    finally:
        server.shutdown()
        server.server_close()
