"""The files of a sample inside its shard: found by their headers, and read without believing what they say.

A member has the clip's name with one of the known endings and lies inside the clip's bytes; an array has the type and
the shape that the index leads to expect before any memory is taken for it.
"""

import io
import math
import re
import tarfile
import tokenize
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.plain_json import parsed, parsed_object
from schemas.recording import CARDINALITY, CODEBOOKS

SUFFIXES: Final = ("codes.npy", "words.json", "turns.npy", "vap.npy", "voices.npy", "json", "flac")
Word = tuple[str, float, float, float]  # word, start_s, end_s, confidence
_NO_HEADER: Final = (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError)
"""What parsing an array's header raises, which is Python."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class SampleError(ValueError):
    """A file of a sample is not what it should be; the message says what, in a few words."""


class Part(NamedTuple):
    """Bytes of a file: `size` from `at` on."""

    at: int
    size: int


def parts_of(file: BinaryIO, clip_id: str, first: int, length: int) -> dict[str, Part]:
    """Suffix -> where it lies, of the sample of `length` bytes from `first` on. Raises SampleError, OSError."""
    found: dict[str, Part] = {}
    if first < 0:
        raise SampleError("its place is none")
    at, end = first, min(first + length, file.seek(0, io.SEEK_END))  # of a shard that was cut off, there is less
    while at < first + length:
        file.seek(at)
        try:
            header = tarfile.TarInfo.frombuf(file.read(tarfile.BLOCKSIZE), "utf-8", "strict")
        except (tarfile.TarError, ValueError) as error:
            raise SampleError(f"no whole sample ({error})") from error
        suffix = header.name.removeprefix(f"{clip_id}.")
        whole = tarfile.BLOCKSIZE * (1 + -(-header.size // tarfile.BLOCKSIZE))
        if not header.isreg() or suffix not in SUFFIXES or suffix in found or header.size < 0:
            raise SampleError("it holds a file that no sample has")
        if at + whole > end:
            raise SampleError("it is cut short")
        found[suffix] = Part(at + tarfile.BLOCKSIZE, header.size)
        at += whole
    return found


def read_files(
    file: BinaryIO, clip_id: str, first: int, length: int, wanted: Callable[[str], bool] = lambda _: True
) -> dict[str, bytes]:
    """Suffix -> content of those files of a sample that are wanted. Raises SampleError, OSError."""
    return {
        suffix: read_part(file, part)
        for suffix, part in parts_of(file, clip_id, first, length).items()
        if wanted(suffix)
    }


def read_part(file: BinaryIO, part: Part) -> bytes:
    """A whole member. Raises SampleError where it is cut off."""
    file.seek(part.at)
    data = file.read(part.size)
    if len(data) != part.size:
        raise SampleError("it is cut short")
    return data


def array_of(npy: bytes, dtype: type[np.generic], shape: Sequence[int]) -> NDArray[Any]:
    """The array of an npy file, of this type and shape and no other. Raises SampleError."""
    file = io.BytesIO(npy)
    try:
        version = np.lib.format.read_magic(file)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        stated, fortran, kind = reader(file)
    except _NO_HEADER as error:
        raise SampleError(f"no array ({' '.join(str(error).split())[:80]})") from error
    want = np.dtype(dtype)
    if stated != tuple(shape) or fortran or kind != want:
        raise SampleError(f"{str(kind)[:40]} {str(list(stated))[:80]}, not {want} {list(shape)}")
    if len(npy) - file.tell() != math.prod(shape) * want.itemsize:
        raise SampleError(f"{len(npy)} bytes are not an array of {want} {list(shape)}")
    return np.frombuffer(npy, want, offset=file.tell()).reshape(shape)


def codes_of(npy: bytes, n_frames: int) -> NDArray[np.int16]:
    """The tokens of a clip, int16 [2, 8, n_frames]. Raises SampleError."""
    return _in_card(array_of(npy, np.int16, (2, CODEBOOKS, n_frames)))


def voices_of(npy: bytes, n_frames: int) -> NDArray[np.int16]:
    """The tokens of its voice samples, one after the other, int16 [8, n_frames]. Raises SampleError."""
    return _in_card(array_of(npy, np.int16, (CODEBOOKS, n_frames)))


def _in_card(codes: NDArray[np.int16]) -> NDArray[np.int16]:
    if codes.size and (codes.min() < 0 or codes.max() >= CARDINALITY):
        raise SampleError(f"codes outside 0..{CARDINALITY - 1}")
    return codes


def words_of(data: bytes) -> tuple[list[Word], list[Word]]:
    """The words of channel 0 and 1: (text, start, end, confidence). Raises SampleError."""
    try:
        both = parsed(data)
    except ValueError as error:
        raise SampleError(f"words that cannot be read ({error})") from error
    if not isinstance(both, list) or len(both) != 2:
        raise SampleError("words that are not of two channels")
    first, second = (_words(words) for words in both)
    return first, second


def _words(words: object) -> list[Word]:
    if not isinstance(words, list):
        raise SampleError("words that are no list")
    return [_word(word) for word in words]


def _word(word: object) -> Word:
    if not isinstance(word, list) or len(word) != 4 or not isinstance(word[0], str) or _SURROGATE.search(word[0]):
        raise SampleError("a word that is not [text, start, end, confidence]")
    text, *numbers = word
    if not all(type(n) in (int, float) and abs(n) < 1e12 for n in numbers):  # NaN is not
        raise SampleError("a word whose times or confidence are no numbers")
    start_s, end_s, confidence = map(float, numbers)
    return text, start_s, end_s, confidence


def facts_of(data: bytes) -> dict[str, Any]:
    """What a sample's own JSON says of it. Raises SampleError."""
    try:
        return parsed_object(data)
    except ValueError as error:
        raise SampleError(f"facts that cannot be read ({error})") from error
