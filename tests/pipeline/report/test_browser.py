"""report.html in a real browser: opened from the disk, nothing fetched, nothing wrong, every clip can be heard."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.report.write import write_report

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no browser: install chromium (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, "--disable-sync"])
        yield opened
        opened.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_by_double_click(browser: Any, make_world: Callable[..., Any], width: int) -> None:
    path: Path = write_report(make_world().out)
    page = browser.new_page(viewport={"width": width, "height": 900})
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_function("[...document.querySelectorAll('audio')].every(a => a.readyState > 0)", timeout=30_000)
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    lengths = page.evaluate("[...document.querySelectorAll('audio')].map(a => a.duration)")
    assert len(lengths) == 10
    assert all(abs(length_s - 20.0) < 0.1 for length_s in lengths)
    sizes = page.evaluate("[...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().width)")
    assert len(sizes) == 1 + 6 + 6 + 10
    assert min(sizes) > 300
    assert page.evaluate("document.documentElement.scrollWidth") <= width  # the page itself never scrolls sideways
