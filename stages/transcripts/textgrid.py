"""Praat's TextGrid in both text forms (the manual's page "TextGrid file formats"), read into tiers.

To Praat such a file is its free-standing numbers, texts in quotes and flags, one after the other; all else is
comment.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from stages.transcripts.draft import NUMBER, Draft
from stages.transcripts.errors import NotUtf8Error, TranscriptError
from stages.transcripts.text_file import read_text, readable

_TOKEN: Final = re.compile(
    r'"(?P<text>(?:[^"]++|"")*+)"|(?P<open>")|!(?P<comment>[^\n]*+)|(?P<word>[^\s"!]++)|(?P<line>\n)'
)
_OTHER_FORMS: Final = ("ooBinaryFile", '"Praat chronological TextGrid')
_EDGE_S: Final = 1e-4
"""What neighbouring intervals may overlap by: the rounding of whoever wrote them."""


class _Token(NamedTuple):
    kind: str  # text, number or flag
    value: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A labelled interval; `at`: where it stands, for messages."""

    at: str
    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The intervals of a tier that have a label."""

    name: str
    intervals: tuple[Interval, ...]


def read_tiers(draft: Draft) -> list[Tier]:
    """The interval tiers of a TextGrid. Raises TranscriptError."""
    try:
        text = read_text(draft.path)
    except NotUtf8Error:
        with readable(draft.path):
            text = draft.path.read_text(encoding="latin-1")
        draft.note("it is not UTF-8 and was read as Latin-1")
    if text.startswith(_OTHER_FORMS):
        raise draft.error("", "is a binary or chronological TextGrid: save it in Praat with 'Save as text file...'")
    return list(_Parser(draft, text).tiers())


class _Parser:
    def __init__(self, draft: Draft, text: str) -> None:
        self._draft = draft
        self._tokens = self._tokenize(text)
        self._line = 1

    def tiers(self) -> Iterator[Tier]:
        kind, content = self._text("'ooTextFile'"), self._text("'TextGrid'")
        if not kind.startswith("ooTextFile") or content.split() != ["TextGrid"]:
            raise self._error(f"is no TextGrid but {kind[:40]!r}, {content[:40]!r}: save the TextGrid alone as text")
        self._number("the start")
        self._number("the end")
        if self._take("flag", "'<exists>'") == "<exists>":
            for _ in range(self._size("tiers")):
                yield from self._tier()
        token = next(self._tokens, None)
        if token is not None:
            raise self._error(f"goes on with {token.value[:40]!r} after its last tier: correct the sizes it states")

    def _tier(self) -> Iterator[Tier]:
        kind, name = self._text("the class of a tier"), self._text("the name of a tier")
        if kind not in ("IntervalTier", "TextTier"):
            raise self._error(f"{kind[:40]!r} is no class of a tier: IntervalTier or TextTier")
        self._number("the start")
        self._number("the end")
        if kind == "TextTier":
            for _ in range(self._size("points")):
                self._number("a time")
                self._text("a mark")
            self._draft.count("left out: point tiers")
            return
        intervals = [self._interval(name) for _ in range(self._size("intervals"))]
        end_s = 0.0
        for interval in intervals:
            if interval.start_s < end_s - _EDGE_S:
                what = f"starts at {interval.start_s:g} s, before the one before it ends at {end_s:g} s"
                raise self._draft.error(interval.at, f"an interval {what}: a tier may not overlap itself")
            end_s = max(end_s, interval.end_s)
        yield Tier(name=name, intervals=tuple(i for i in intervals if i.text.strip()))

    def _interval(self, tier: str) -> Interval:
        start = self._number("a start")
        at = f"line {self._line}, tier {tier[:60]!r}"
        end, text = self._number("an end"), self._text("the text of an interval")
        start_s, end_s = self._draft.seconds(at, start, "start"), self._draft.seconds(at, end, "end")
        if end_s < start_s:
            raise self._draft.error(at, f"ends at {end_s:g} s, before it starts at {start_s:g} s: correct the times")
        return Interval(at=at, start_s=start_s, end_s=end_s, text=text)

    def _size(self, of: str) -> int:
        written = self._number(f"the number of {of}")
        if not re.fullmatch(r"\d{1,9}(?:\.0*)?", written, re.ASCII):
            raise self._error(f"states {written[:40]} {of}: write how many there are")
        return int(float(written))

    def _number(self, what: str) -> str:
        return self._take("number", what)

    def _text(self, what: str) -> str:
        return self._take("text", what)

    def _take(self, kind: str, what: str) -> str:
        token = next(self._tokens, None)
        if token is None:
            raise self._error(f"ends where {what} is expected: is it a whole TextGrid?")
        self._line = token.line
        if token.kind != kind:
            raise self._error(f"has the {token.kind} {token.value[:40]!r} where {what} is expected, a {kind}")
        return token.value

    def _error(self, what: str) -> TranscriptError:
        return self._draft.error(f"line {self._line}", what)

    def _tokenize(self, text: str) -> Iterator[_Token]:
        line = 1
        for found in _TOKEN.finditer(text):
            if found["line"]:
                line += 1
            elif found["text"] is not None:
                yield _Token("text", found["text"].replace('""', '"'), line)
                line += found["text"].count("\n")
            elif found["open"]:
                raise self._draft.error(
                    f"line {line}", "has a quote that is not closed: write quotes in a text twice"
                )
            elif word := found["word"]:
                if NUMBER.fullmatch(word):
                    yield _Token("number", word, line)
                elif word.startswith("<") and word.endswith(">"):
                    yield _Token("flag", word, line)
