"""CSV and TSV with a line of column names: an utterance or a word a row."""

import csv
from collections.abc import Iterator, Sequence
from typing import Final

from stages.transcripts.draft import Draft
from stages.transcripts.text_file import read_text

_NAMES: Final = {
    "speaker": ("speaker", "channel"),
    "start": ("start", "start_s", "begin"),
    "end": ("end", "end_s", "stop"),
    "text": ("word", "text", "transcript"),
    "confidence": ("confidence",),
}
"""What a column may be called; of several that are there, the first one is read."""


def read_table(draft: Draft) -> None:
    """Utterances; with a column `word`, words with times."""
    rows = _rows(draft)
    number, header = next(rows, (1, ()))
    names = [name.strip().casefold() for name in header]
    columns = {
        field: names.index(found)
        for field, known in _NAMES.items()
        if (found := next((name for name in known if name in names), None)) is not None
    }
    missing = [field for field in _NAMES if field not in columns and field != "confidence"]
    if missing:
        raise draft.error(
            f"line {number}", f"names no column {', '.join(missing)}: the first line is 'speaker,start,end,text'"
        )
    unread = [name for k, name in enumerate(header) if k not in columns.values()]
    if unread:
        few = ", ".join(repr(name[:40]) for name in unread[:9])
        draft.note(f"left out: columns {few}{' and more' if len(unread) > 9 else ''}")
    for line, row in rows:
        at = f"line {line}"
        if len(row) != len(header):
            raise draft.error(
                at, f"has {len(row)} fields under {len(header)} columns: put texts with separators in quotes"
            )
        start_s, end_s = (draft.seconds(at, row[columns[name]], name) for name in ("start", "end"))
        speaker, text = row[columns["speaker"]], row[columns["text"]]
        if names[columns["text"]] == "word":
            score = draft.confidence(at, row[columns["confidence"]]) if "confidence" in columns else 1.0
            draft.add_word(at, speaker, start_s, end_s, text, confidence=score)
        else:
            draft.add(at, speaker, start_s, end_s, text)
    if "confidence" in columns and names[columns["text"]] != "word":
        draft.note("left out: column 'confidence', which is for words")


def _rows(draft: Draft) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows that are not empty, with the line each ends in."""
    lines = read_text(draft.path).split("\n")
    head = next(line for line in lines if line.strip())
    tabs = draft.path.suffix.lower() == ".tsv"
    delimiter = "\t" if tabs else max(",;\t", key=head.count)
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise draft.error(f"line {reader.line_num}", f"not CSV ({error}): put texts with quotes in quotes") from error
