"""Hostile texts wherever metadata is told: no terminal obeys them, no table or document is broken by them."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.hostile.inputs import TEXTS
from tests.hostile.judge import OBEYED, duplexset, judge_said

FORMULA = re.compile(r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
pytestmark = pytest.mark.usefixtures("connects")

QUESTIONS = (
    ("audit", "summary", "{out}"),
    ("audit", "summary", "{out}", "--by", "holder,source,licence,language"),
    ("audit", "query", "{out}", "--columns"),
    ("audit", "query", "{out}", "SELECT * EXCLUDE (info) FROM clips"),
    ("audit", "query", "{out}", "SELECT * FROM recordings"),
    ("audit", "query", "{out}", "SELECT * FROM losses"),
    ("audit", "notice", "{out}"),
    ("audit", "check", "{out}"),
    ("audit", "diff", "{out}", "{out}"),
    ("verify", "{out}"),
    ("report", "{out}"),
    ("policy", "check", "{out}"),
    ("withdraw", "{out}", "--list"),
    ("stats", "{out}"),
)


def asked(question: Iterable[str], out: Path) -> list[str]:
    return [part.replace("{out}", str(out)) for part in question]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda parts: " ".join(parts).replace("{out}", "OUT")[:50])
def test_what_a_terminal_shows(world: Any, question: tuple[str, ...]) -> None:
    assert duplexset(*asked(question, world.out)).out


def test_clips_from_end_to_end(world: Any) -> None:
    for name, clip_id in list(world.ids.items())[::3]:
        assert duplexset("audit", "show", world.out, clip_id).code in (0, 1), name  # 1: its evidence is not there


def test_what_a_withdrawal_would_take(world: Any) -> None:
    texts = [TEXTS[name] for name in world.ids]
    given = [text for text in texts if text.strip() and "\0" not in text and len(text) < 4_000]
    named = [option for text in given for option in (f"--speaker={text}a", f"--source={text}")]
    done = duplexset("withdraw", world.out, *named, "--dry-run")
    assert done.code == 0
    assert "nothing was changed" in done.out
    for text in given[::10]:
        assert duplexset("withdraw", world.out, f"--recording={text}", f"--licence={text}", "--dry-run").code == 2


def test_withdrawn_and_listed(world: Any) -> None:
    named = [f"--clip={world.ids[name]}" for name in ("script", "ansi clear", "megabyte")]
    done = duplexset("withdraw", world.out, *named, "--reason", TEXTS["script"], "--yes")
    assert done.code == 0, done
    assert duplexset("withdraw", world.out, "--list").out
    assert duplexset("verify", world.out).code == 0


def cells(rows: Iterable[Iterable[str]]) -> Iterator[str]:
    return (cell for row in rows for cell in row)


@pytest.mark.parametrize("what", [question for question in QUESTIONS[:6] if "--columns" not in question])
def test_tables_for_spreadsheets(world: Any, place: Any, what: tuple[str, ...]) -> None:
    question = asked(what, world.out)
    duplexset(*question, "--csv", place.inside / "x.csv", "--json", place.inside / "x.json")
    text = (place.inside / "x.csv").read_text(encoding="utf-8")
    assert not CONTROL.search(text)
    heads, *rows = csv.reader(io.StringIO(text), strict=True)
    assert {len(row) for row in rows} == {len(heads)}
    found = [cell for cell in cells(rows) if FORMULA.match(cell.lstrip(" \u200b")) and not NUMBER.fullmatch(cell)]
    assert found == []
    json.loads((place.inside / "x.json").read_text(encoding="utf-8"))
    for option in ("--csv", "--json"):
        assert duplexset(*question, option, "-", answer=True).out


@pytest.mark.parametrize("what", ["diff", "provenance", "notice"])
def test_other_documents(world: Any, place: Any, what: str) -> None:
    target = place.inside / "x.json"
    before = (world.out, world.out) if what == "diff" else (world.out,)
    option = "--json" if what == "diff" else "--to"
    duplexset("audit", what, *before, option, target)
    text = target.read_text(encoding="utf-8")
    if what == "notice":
        assert not CONTROL.search(text)
        judge_said(text.replace("\t", " "))
    else:
        json.loads(text)
    duplexset("audit", what, *before, option, "-", answer=True)


csv.field_size_limit(20_000_000)
EXPORTS = ("moshi-finetune", "nu-dialogue", "lhotse", "huggingface")


@pytest.mark.parametrize("to", EXPORTS)
def test_exports(world: Any, place: Any, to: str) -> None:
    folder = place.inside / to
    assert duplexset("export", world.out, folder, "--to", to).code == 0
    n_clips = len(world.ids)
    with (folder / "LICENSES.tsv").open(encoding="utf-8", newline="") as file:
        heads, *rows = csv.reader(file, dialect="excel-tab", strict=True)
    assert {len(row) for row in rows} == {len(heads)}
    assert len(rows) == n_clips
    found = [cell for cell in cells(rows) if FORMULA.match(cell) and not NUMBER.fullmatch(cell)]
    assert found == []
    for path in sorted(folder.rglob("*")):
        assert path.resolve().is_relative_to(folder.resolve())
        if path.suffix == ".jsonl":
            lines = path.read_text(encoding="utf-8").split("\n")
            assert [json.loads(line) for line in lines if line]
        if path.suffix == ".md":
            judge_markdown(path.read_text(encoding="utf-8"))


TEMPLATE_LINKS = {"LICENSES.tsv"}
MARKUP = ("link_open", "image", "html_inline", "html_block")


def judge_markdown(text: str) -> None:
    """Rendered with everything that a hub renders, nothing of the metadata is a link, a picture or HTML."""
    assert not OBEYED.search(text)
    body = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    for preset in ("commonmark", "gfm-like"):
        parser = MarkdownIt(preset, {"html": True, "linkify": False})
        tokens = [token for block in parser.parse(body) for token in (block, *(block.children or ()))]
        marked = [t for t in tokens if t.type in MARKUP and t.attrGet("href") not in TEMPLATE_LINKS]
        assert [t.content or t.attrs for t in marked] == []
        rules = [token for token in tokens if token.type in ("hr", "blockquote_open")]
        assert rules == []


def test_the_data_card(world: Any) -> None:
    text = (world.out / "DATA_CARD.md").read_text(encoding="utf-8")
    judge_markdown(text)
    assert "window.hit" in text  # it does tell of them


def test_the_description(world: Any) -> None:
    text = (world.out / "dataset.json").read_text(encoding="utf-8")
    assert json.loads(text)["duplexset"]["totals"]["recordings"]["kept"] == len(world.ids)
