"""notice: who is to be credited for what, under which licence, in a file that goes along with the dataset.

It has what CC BY 4.0 asks for in section 3(a): creators, licence, a reference to its disclaimer, the address of the
source, and what was changed. Only the works of clips that may be used today are in it. They are read one after the
other; what is held in memory is what distinct credits lack.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import groupby
from pathlib import Path
from typing import Final

import duckdb

from pipeline.audit.notice_text import Credit, Work, closing, credit_lines, heading, licence_lines, text_lines
from pipeline.audit.summary import USED
from pipeline.catalog import bounded, open_catalog, root_of
from pipeline.dataset_json import read_description
from pipeline.licences.evidence import FOLDER, Kept, kept_name, kept_state
from schemas.errors import UserError
from schemas.shard import Split

LARGEST: Final = 1 << 20
"""Bytes of a licence text that is repeated in the notice."""
_CREDIT: Final = tuple(one.name for one in fields(Credit))
_ROWS: Final = 1_000
_TIMEOUT_S: Final = 600.0


class NoticeError(UserError):
    """A part of the dataset that there is not; the message names those there are."""


@dataclass(slots=True)
class Notice:
    """A notice to be; what `lacks` once its lines were read."""

    out: Path
    splits: tuple[str, ...]
    lacks: list[tuple[str, Credit]] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """The whole file, line by line. Raises CatalogError, DescriptionError."""
        description = read_description(root_of(self.out))
        codec = description["configuration"]["codec"] if description else ""
        texts: dict[str, str] = {}
        catalog = open_catalog(self.out)
        try:
            with bounded(catalog, _TIMEOUT_S) as cursor:
                _ask(cursor, self.splits)
                yield from heading(self.splits, codec)
                works = groupby(_works(cursor), key=lambda row: row[0])
                for (spdx, taken), credits in groupby(works, key=lambda one: (one[0].licence, one[0].taken)):
                    yield from licence_lines(spdx, taken)
                    for credit, rows in credits:
                        yield from credit_lines(credit, (work for _, work in rows))
                        self.lacks += [(what, credit) for what in (*credit.lacking(), *self._text(credit, texts))]
        finally:
            catalog.close()
        for name, spdx in texts.items():
            yield from text_lines(name, spdx, _plain(root_of(self.out) / FOLDER / name))
        yield from closing(self.lacks)

    def _text(self, credit: Credit, texts: dict[str, str]) -> Iterator[str]:
        """Take note of the text of a contract; yield what is wrong with it."""
        name, digest = credit.licence_text, credit.licence_text_sha256
        if name and digest and "://" not in name:
            kept = kept_name(digest, name)
            if kept in texts:
                return
            state = kept_state(root_of(self.out), kept)
            if state is Kept.WHOLE:
                texts[kept] = credit.licence
            else:
                yield f"the text of the licence, evidence/{kept}, is {state.value}"


def notice(out: Path, splits: Sequence[str] = ()) -> Notice:
    """The notice of a dataset, or of some of its splits. Raises NoticeError."""
    unknown = [name for name in splits if name not in tuple(Split)]
    if unknown:
        raise NoticeError(f"--split {unknown[0]}: give train, validation or test")
    return Notice(out, tuple(dict.fromkeys(splits)))


def _ask(cursor: duckdb.DuckDBPyConnection, splits: Sequence[str]) -> None:
    """For every recording of which something may be used, with its credit, sorted by that and then by name."""
    columns = ", ".join(_CREDIT)
    some = " AND split IN (SELECT unnest(?::VARCHAR[]))" if splits else ""
    cursor.execute(
        f"SELECT {columns}, uri, uri_b, recording_id,"
        " bool_or(separated), bool_or(enhanced), count(*), sum(duration_s)"
        f" FROM clips WHERE {USED}{some} GROUP BY {columns}, uri, uri_b, recording_id"
        f" ORDER BY {columns}, uri, uri_b, recording_id",
        [list(splits)] if splits else [],
    )


def _works(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Credit, Work]]:
    """What was asked for, as it comes."""
    while rows := cursor.fetchmany(_ROWS):
        for row in rows:
            credit = dict(zip(_CREDIT, row, strict=False))
            uri, uri_b, recording_id, separated, enhanced, clips, seconds = row[len(_CREDIT) :]
            yield (
                Credit(**credit),
                Work(
                    uri=uri, uri_b=uri_b, recording_id=recording_id, separated=bool(separated),
                    enhanced=bool(enhanced), clips=clips, seconds=seconds,
                ),
            )  # fmt: skip


def _plain(path: Path) -> str | None:
    """A text, None where it is none or too large to be repeated."""
    if path.stat().st_size > LARGEST:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
