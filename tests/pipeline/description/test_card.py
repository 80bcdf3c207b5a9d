"""DATA_CARD.md: what a person reads is what is in the dataset, and nothing of the metadata is markup."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipeline.description.markdown import code, escaped, items, table
from schemas.licence import Consent, Licence

MakeDataset = Callable[..., Path]
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = (
    "<script>alert(1)</script>",
    "a|b `x` **bold** _em_ ~~no~~ [link](javascript:alert(1)) ![i](https://evil.example/x.png)",
    "line one\nline two\r\n# head\n- item",
    "&lt;b&gt; &amp; \\| \\* $x$ {y} https://evil.example www.evil.example <https://evil.example>",
    "- item", "1. item", "# head", "> quote", "+ item", "= head", "    code", "---", ": term", "| cell |", "[x]: /y",
)  # fmt: skip
SECTIONS = [
    *("What is in it", "How people talk in it", "How it was made", "How good it is", "What was left out"),
    *("What may be done with it", "People and consent", "Having something taken out", "Known limits"),
    *("How to load it", "How to cite it"),
]


def card(out: Path) -> str:
    return (out / "DATA_CARD.md").read_text(encoding="utf-8")


def flat(tokens: list[Token]) -> list[Token]:
    return [one for token in tokens for one in (token, *flat(token.children or []))]


def text_of(markdown: str) -> str:
    """What is read, without any markup."""
    return "".join(t.content if t.type in ("text", "code_inline") else " " for t in flat(READER.parse(markdown)))


def tables(markdown: str) -> dict[str, dict[str, list[str]]]:
    """Head of the first column -> first cell of a row -> its other cells."""
    found: dict[str, dict[str, list[str]]] = {}
    for lines in re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines.splitlines()]
        found[head[0]] = {row[0]: row[1:] for row in rows}
    return found


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_text_is_read_as_it_is_wherever_it_stands(hostile: str) -> None:
    seen = " ".join(hostile.split())
    for markdown in (
        f"{escaped(hostile)}\n",
        "\n".join(items([escaped(hostile)])),
        "\n".join(table(("head", "figure"), [(escaped(hostile), "1")], figures=True)),
    ):
        tokens = flat(READER.parse(markdown))
        kinds = {t.type for t in tokens} - {"text", "text_special", "inline", "paragraph_open", "paragraph_close"}
        assert not kinds & {
            "html_inline",
            "html_block",
            "link_open",
            "image",
            "code_inline",
            "strong_open",
            "em_open",
        }
        assert not kinds & {
            "heading_open",
            "blockquote_open",
            "ordered_list_open",
            "fence",
            "code_block",
            "hr",
            "s_open",
        }
        read = "".join(t.content for t in tokens if t.type in ("text", "text_special"))
        assert " ".join(read.removeprefix("head").removeprefix("figure").removesuffix("1").split()) == seen


def test_code_ends_where_it_should() -> None:
    tokens = flat(READER.parse("\n".join(table(("a",), [(code("x` | <b>`` |y"),)]))))
    assert [t.content for t in tokens if t.type == "code_inline"] == ["x' / <b>'' /y"]


def test_its_figures_are_those_of_the_dataset(make_dataset: MakeDataset) -> None:
    found = tables(card(make_dataset(("a", "b", "c", "d"))))  # eight clips of 8 s
    assert found["at a glance"]["clips"] == ["8"]
    assert found["at a glance"]["length"] == ["64 s"]
    assert found["at a glance"]["speakers"] == ["8"]
    assert sum(int(cells[0]) for cells in found["split"].values()) == 8
    assert found["licence"]["CC-BY-4.0 OR MIT"] == ["2", "16 s", "25 %"]
    assert found["basis of consent"]["informed-consent"] == ["2", "16 s", "25 %"]
    assert found["what the speakers agreed to"]["unknown"] == ["6", "48 s", "75 %"]
    assert found["rights holder"] == {"not stated": ["6", "48 s", "75 %"], "Example Lab": ["2", "16 s", "25 %"]}
    assert found["words"] == {"none": ["4", "32 s", "50 %"], "from transcripts": ["4", "32 s", "50 %"]}
    assert found["stage: reason"] == {"split: silence": ["4", "48 s"]}
    assert found["weights"]["separator"] == [f"`{'1' * 64}`"]
    talk = found["turn-taking"]  # of 5.5 s of talk in each clip 0.2 s overlap; one change of speaker
    assert talk["both speak, share of the time"][0] == "3.6 %"
    assert talk["changes of speaker a minute"][0] == "10.9"
    assert talk["of these with overlap"][0] == "100 %"
    assert talk["from one speaker to the next, median"][0] == "-200 ms"


def test_it_has_every_section_and_says_what_is_asked_of_a_card(make_dataset: MakeDataset) -> None:
    text = card(make_dataset())
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    read = text_of(text)
    assert "owed: credit or notices go along: CC-BY-4.0" in read
    assert "tokenize, version" in read
    assert "duplexset withdraw" in read
    assert "2030-12-31 (32 s)" in read
    assert 'webdataset.WebDataset("shards/' in text


def test_hostile_metadata_is_text(make_dataset: MakeDataset) -> None:
    names = HOSTILE[:4]
    licences = tuple(
        Licence(spdx="CC-BY-4.0", holder=name, attribution=name, source_url=name, consent=Consent.CONTRACT)
        for name in names
    )
    text = card(make_dataset(names, licences))
    kinds = {token.type for token in flat(READER.parse(text))}
    assert not kinds & {"html_inline", "html_block", "link_open", "image", "em_open", "s_open"}
    read = text_of(text)
    assert all(" ".join(name.split()) in " ".join(read.split()) for name in names)
    assert re.findall(r"^#+ .*$", text, re.MULTILINE) == [
        "# Two-channel conversations",
        *(f"## {s}" for s in SECTIONS),
    ]
    for lines in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in lines.splitlines()}) == 1  # no cell more, none less


def test_of_nothing_kept_it_says_so(make_dataset: MakeDataset) -> None:
    text = card(make_dataset(("a",), clips=1, withdrawn=1))
    assert "Nothing was kept" in text
    assert "not stated |" not in text.partition("## What is in it")[2]
    assert tables(text)["stage: reason"]["select: withdrawn"] == ["1", "8.0 s"]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS


def test_more_groups_than_a_table_shows_are_one(make_dataset: MakeDataset) -> None:
    licences = tuple(Licence(spdx="CC-BY-4.0", holder=f"Holder {at:02d}") for at in range(50))
    found = tables(card(make_dataset(tuple(f"n{at}" for at in range(50)), licences, clips=1)))["rights holder"]
    assert len(found) == 16
    assert found["35 more"] == ["", "4.7 min", "70 %"]
