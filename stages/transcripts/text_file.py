"""The text of a file: decoded strictly and within limits, whole or line by line. Line ends become "\\n"."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from stages.transcripts.errors import NotUtf8Error, TranscriptError

MAX_BYTES: Final = 64_000_000
MAX_LINE: Final = 1_000_000
"""Characters."""

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHUNK: Final = 1 << 20


def read_text(path: Path, *, long_lines: bool = False) -> str:
    """The whole file. Raises TranscriptError. long_lines: for formats in which a line means nothing."""
    return "\n".join(line for _, line in read_lines(path, max_line=MAX_BYTES if long_lines else MAX_LINE))


def read_lines(path: Path, *, streamed: bool = False, max_line: int = MAX_LINE) -> Iterator[tuple[int, str]]:
    """The lines with their numbers, from 1 on; in memory is one at a time. Raises TranscriptError.

    streamed: the file may be of any size.
    """
    _require_usable(path, streamed)
    number, rest, blank = 1, "", True
    for text in _decoded(path):
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            _require_short(path, number, line, max_line)
            blank = blank and not line.strip()
            yield number, line
            number += 1
        _require_short(path, number, rest, max_line)
    if blank and not rest.strip():
        raise TranscriptError(f"{path} is empty: write the transcript to it, or take it away")
    if rest:
        yield number, rest


def is_file(path: Path) -> bool:
    """Whether it is there and a file. Raises TranscriptError where that cannot be told."""
    with readable(path):
        return path.is_file()


def _require_usable(path: Path, streamed: bool) -> None:
    if not is_file(path):
        raise TranscriptError(f"{path} is not there, or no file: correct the path of the transcript")
    with readable(path):
        size = path.stat().st_size
    if size == 0:
        raise TranscriptError(f"{path} is empty (0 bytes): write the transcript to it, or take it away")
    if size > MAX_BYTES and not streamed:
        raise TranscriptError(
            f"{path} has {size / 1e6:.0f} MB, more than the {MAX_BYTES / 1e6:.0f} MB that are read:"
            " write a file for each recording"
        )


def _require_short(path: Path, number: int, line: str, max_line: int) -> None:
    if len(line) > max_line:
        raise TranscriptError(f"{path}, line {number}: longer than {max_line / 1e6:g} MB: is it a transcript?")


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """TranscriptError for what keeps a file from being read."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TranscriptError(f"{path} is not a whole gzip file ({error}): copy it again") from error
    except OSError as error:
        raise TranscriptError(
            f"{path} cannot be read: {error.strerror or error}: let this account read it"
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with readable(path):
        opened = gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")  # noqa: SIM115
        with opened as file:
            yield cast("BinaryIO", file)


def _decoded(path: Path) -> Iterator[str]:
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    with _opened(path) as file:
        chunk = file.read(_CHUNK)
        encoding, at_byte = next(((name, len(bom)) for bom, name in _BOMS if chunk.startswith(bom)), ("utf-8", 0))
        marked = at_byte > 0
        chunk = chunk[at_byte:]
        decoder = codecs.getincrementaldecoder(encoding)()
        more = True
        while more:
            held = len(decoder.getstate()[0])
            more = bool(chunk)
            try:
                text = decoder.decode(chunk, final=not more)
            except UnicodeDecodeError as error:
                what = f"{error.reason} at byte {at_byte - held + error.start}"
                kind = TranscriptError if marked else NotUtf8Error
                name = "UTF-16" if encoding.startswith("utf-16") else "UTF-8"
                raise kind(f"{path} is not {name} text ({what}): save it as UTF-8") from error
            at_byte += len(chunk)
            yield newlines.decode(text, final=not more)
            chunk = file.read(_CHUNK) if more else b""
