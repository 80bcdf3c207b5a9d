"""CTM and STM (NIST SCTK, "sclite input file formats") and RTTM (NIST RT-09, appendix A): a line a word or turn."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from stages.transcripts.draft import Draft
from stages.transcripts.text_file import read_lines

_CTM: Final = "file channel start duration word [confidence]"
_STM: Final = "file channel speaker start end [<labels>] text"
_RTTM: Final = "SPEAKER file channel start duration <NA> <NA> name <NA> <NA>"
_OTHER_RTTM: Final = frozenset(
    (
        *("SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER"),
        *("EDIT", "IP", "SU", "CB", "A/P", "SPKR-INFO"),
    )
)
_IGNORE: Final = "ignore_time_segment_in_scoring"
_LABELS: Final = re.compile(r"<[^<>\s]*+>(?=\s|$)")
_LABEL_LINE: Final = re.compile(r';;\s*LABEL\s+"([^"\s]+)"')
_BRACES: Final = re.compile(r"\{ ([^{}]*+)\}")


@dataclass(frozen=True, slots=True)
class _Row:
    at: str
    fields: Sequence[str]


def read_ctm(draft: Draft) -> None:
    """Words with times; the speaker is the channel, or the eighth field of the RT evaluations' form."""
    rows = [_row(draft, n, line.split(), 5, _CTM) for n, line in _lines(draft)]
    reading = 0  # of an alternation: 0 outside, 1 in the first, more in the others
    for row in _of_recording(draft, rows, 0):
        _, channel, start, duration, word, *more = row.fields
        if word in ("<ALT_BEGIN>", "<ALT>", "<ALT_END>"):
            if (word == "<ALT_BEGIN>") != (reading == 0):
                raise draft.error(row.at, f"{word} is out of place: write <ALT_BEGIN>, <ALT> and <ALT_END> in turn")
            reading = 0 if word == "<ALT_END>" else reading + 1
        elif reading > 1:
            draft.count("left out: words of further readings")
        else:
            start_s = draft.seconds(row.at, start, "start")
            end_s = draft.end_after(row.at, start_s, duration)
            confidence = draft.confidence(row.at, more[0] if more else None)
            speaker = more[2] if len(more) > 2 and more[2].lower() not in ("<na>", "unknown", "null") else channel
            draft.add_word(row.at, speaker, start_s, end_s, word, confidence=confidence)
    if reading:
        raise draft.error("", "its last <ALT_BEGIN> has no <ALT_END>: write one")


def read_stm(draft: Draft) -> None:
    """Utterances. Of alternations such as `{ um / uh / @ }` the first reading is kept; `@` is no word."""
    declared: set[str] = set()
    rows = [_row(draft, n, line.split(None, 5), 5, _STM) for n, line in _lines(draft, declared)]
    rows = list(_of_recording(draft, rows, 0))
    scored = [row for row in rows if _text(row).lower() != _IGNORE]
    always = len(scored) > 1 and all(_LABELS.match(_text(row)) for row in scored)
    for row in rows:
        text = _text(row)
        found = _LABELS.match(text)
        if found and (always or "," in found[0] or found[0] == "<NA>" or found[0][1:-1] in declared):
            draft.count("left out: labels of segments")
            text = text[found.end() :].strip()
        if text.lower() == _IGNORE:
            draft.count("left out: segments not to be scored")
            continue
        start_s, end_s = draft.seconds(row.at, row.fields[3], "start"), draft.seconds(row.at, row.fields[4], "end")
        draft.add(row.at, row.fields[2], start_s, end_s, _first_reading(draft, text))


def read_rttm(draft: Draft) -> None:
    """Turns without text, from the lines of type SPEAKER."""
    rows: list[_Row] = []
    for number, line in _lines(draft):
        fields = line.split()
        if fields[0] in _OTHER_RTTM:
            draft.count(f"left out: lines of type {fields[0]}")
            continue
        row = _row(draft, number, fields, 8, _RTTM)
        if fields[0] != "SPEAKER":
            raise draft.error(row.at, f"{fields[0][:40]!r} is no type of RTTM: write {_RTTM!r}")
        rows.append(row)
    for row in _of_recording(draft, rows, 1):
        start_s = draft.seconds(row.at, row.fields[3], "start")
        draft.add_turn(row.at, row.fields[7], start_s, draft.end_after(row.at, start_s, row.fields[4]))


def _lines(draft: Draft, declared: set[str] | None = None) -> Iterator[tuple[int, str]]:
    """The lines that are no comments; the labels that comments declare are added to `declared`."""
    for number, line in read_lines(draft.path):
        stripped = line.strip()
        if stripped.startswith(";;"):
            if declared is not None and (found := _LABEL_LINE.match(stripped)):
                declared.add(found[1])
        elif stripped:
            yield number, stripped


def _row(draft: Draft, number: int, fields: Sequence[str], least: int, form: str) -> _Row:
    if len(fields) < least:
        raise draft.error(f"line {number}", f"has {len(fields)} fields: write {form!r}")
    return _Row(f"line {number}", fields)


def _of_recording(draft: Draft, rows: Iterable[_Row], column: int) -> Iterator[_Row]:
    """The rows whose file is the recording; all of them, with a note, where only one file is named."""
    rows = list(rows)
    files = {row.fields[column]: None for row in rows}
    if len(files) == 1 and draft.recording not in files:
        draft.note(f"its file is named {next(iter(files))[:40]!r}, not {draft.recording!r}")
        yield from rows
    elif files and draft.recording not in files:
        raise draft.not_among("", files)
    else:
        yield from (row for row in rows if row.fields[column] == draft.recording)


def _text(row: _Row) -> str:
    return " ".join(row.fields[5].split()) if len(row.fields) > 5 else ""


def _first_reading(draft: Draft, text: str) -> str:
    chosen = text
    for _ in range(8):  # as deep as readings may be nested
        chosen = _BRACES.sub(_chosen, chosen)
    if chosen != text:
        draft.count("segments with several readings, of which the first is kept")
    return chosen


def _chosen(found: re.Match[str]) -> str:
    first, *others = f" {found[1]}".split(" / ")
    return (first.strip() if first.strip() != "@" else "") if others else found[0]
