"""The words of an attribution notice: plain text that a lawyer reads, with every character of others visible."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.licences.expressions import rights_of_parts
from pipeline.licences.forms import LONGEST
from pipeline.licences.terms import notice_of, terms_of
from pipeline.visible import shown
from schemas.licence import NO_LICENCE
from schemas.plain_text import counted

WIDTH: Final = 100
_RULE: Final = "=" * WIDTH
_HEAD: Final = (
    "This dataset is made from the works named here. Each of them remains under its own licence, whose text is at the"
    " address given with it; it comes without warranties and its licensor's liability is limited, as far as that"
    " licence says so. Nothing here means that a creator or licensor endorses the dataset or whoever gives it on."
)
_CHANGED: Final = (
    "What was changed, in all of them: cut into clips, brought to 24 kHz with a channel for each of two speakers, and"
    " turned into the tokens of an audio codec{codec}, from which sound is made anew; who speaks when, turns and,"
    " where somebody wrote or a recogniser heard them, words were added. [separated]: one track was taken apart into"
    " two channels. [enhanced]: music or noise was taken out."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """What works have in common: the licence and who is to be credited, as they were stated."""

    licence: str
    taken: str | None
    holder: str | None
    attribution: str | None
    source_url: str | None
    retrieved: str | None
    licence_text: str | None
    licence_text_sha256: str | None

    @property
    def parts(self) -> tuple[str, ...]:
        """The licences whose conditions hold together."""
        return tuple((self.taken or self.licence).split(" AND "))

    @property
    def owed(self) -> bool:
        """Whether credit is owed, or not known not to be."""
        return rights_of_parts(self.parts).attribution is not False

    def lacking(self) -> Iterator[str]:
        """What a notice should have and nobody stated, a line each."""
        if self.licence == NO_LICENCE:
            yield "no licence is known"
        if "LicenseRef-" in self.licence and self.licence_text_sha256 is None:
            yield f"the text of {shown(self.licence)} is not kept"
        if self.owed and not self.attribution and not self.holder:
            yield "nobody is named who is to be credited"
        if self.owed and not self.source_url:
            yield "no address of the source is stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A recording and how much of it is used; `uri_b`: the second file of a pair."""

    uri: str
    uri_b: str | None
    recording_id: str
    separated: bool
    enhanced: bool
    clips: int
    seconds: float

    def line(self) -> str:
        """Its title and digest, and what was changed beyond what was in all."""
        title = " and ".join(_said(name) for name in (self.uri, self.uri_b) if name)
        marks = [name for name in ("separated", "enhanced") if getattr(self, name)]
        return f"    {title} (SHA-256 {shown(self.recording_id[:16])}){''.join(f' [{mark}]' for mark in marks)}"


def heading(splits: Sequence[str], codec: str) -> Iterator[str]:
    """The beginning of a notice. splits: those that it is for, none of which means all."""
    yield "ATTRIBUTION NOTICE"
    yield ""
    yield from _prose(_HEAD)
    yield ""
    yield from _prose(_CHANGED.format(codec=f" ({shown(codec, 200)})" if codec else ""))
    if splits:
        yield ""
        yield f"For the parts: {', '.join(splits)}."


def licence_lines(licence: str, taken: str | None) -> Iterator[str]:
    """The heading of all works under a licence, with what it asks for."""
    yield from ("", _RULE, _said(licence), _RULE)
    if licence == NO_LICENCE:
        yield "No licence is known for these works: nobody may be given them on."
    if taken:
        yield f"Used under {_said(taken)}."
    for part in (taken or licence).split(" AND "):
        terms = terms_of(part)
        if terms.url:
            yield f"{part}: {terms.url}"
        elif part.startswith("LicenseRef-"):
            yield f"{_said(part)}: its text stands below, where it is kept with the dataset."
        if terms.text:
            yield f"The whole text of {part} goes along with this notice: put it beside this file."
        if terms.rights.attribution is False:
            yield f"{part} asks for no credit."


def credit_lines(credit: Credit, works: Iterable[Work]) -> Iterator[str]:
    """One credit, and the works that it is for; these are named only where credit may be owed."""
    yield ""
    yield f"Credit: {_said(credit.attribution or credit.holder)}"
    if credit.holder and credit.attribution:
        yield f"Rights holder: {_said(credit.holder)}"
    if credit.source_url or credit.retrieved:
        fetched = f" (retrieved {_said(credit.retrieved)})" if credit.retrieved else ""
        yield f"Source: {_said(credit.source_url)}{fetched}"
    if credit.licence_text and "://" in credit.licence_text:
        yield f"Text of the licence: {_said(credit.licence_text)}"
    wanted = [part for part in credit.parts if terms_of(part).notice]
    yield from (
        notice_of(part, _said(credit.attribution or credit.holder or "the works named here")) for part in wanted
    )
    count, clips, seconds = 0, 0, 0.0
    if credit.owed:
        yield "Works:"
    for work in works:
        count, clips, seconds = count + 1, clips + work.clips, seconds + work.seconds
        if credit.owed:
            yield work.line()
    yield f"In all {counted(count, 'work')}, {counted(clips, 'clip')}, {seconds / 3600:.2f} h."


def text_lines(name: str, licence: str, text: str | None) -> Iterator[str]:
    """The text of a contract, kept under `name`; None where it is no plain text."""
    yield from ("", _RULE, f"TEXT OF {_said(licence)} (evidence/{name})", _RULE)
    if text is None:
        yield f"It is no plain text: the file evidence/{name} goes along with this notice."
    else:
        yield from (shown(line, LONGEST) for line in text.splitlines())


def closing(lacks: Iterable[tuple[str, Credit]]) -> Iterator[str]:
    """What is missing: which credits lack what."""
    yield from ("", _RULE, "WHAT IS MISSING", _RULE)
    empty = True
    for what, credit in lacks:
        who = _said(credit.attribution or credit.holder)
        yield f"{_said(credit.licence)}, {who}, {_said(credit.source_url)}: {what}"
        empty = False
    if empty:
        yield "Nothing: every work has a licence, a credit where one is owed, and an address."


def _said(text: str | None) -> str:
    return shown(text, LONGEST) if text else "(not stated)"


def _prose(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
