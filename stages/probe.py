"""Opening of whatever FFmpeg reads, through PyAV, and what a file says of itself. Nothing is decoded here."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from model.containers import CONTAINERS
from model.resample import can_resample
from schemas.recording import SAMPLE_RATE_HZ
from schemas.rejection import Reason
from stages.remote import AddressError, is_remote, open_remote

# Containers without a length in their header: FFmpeg divides the size by the bit rate. (An mp3 may have one.)
_ESTIMATED: Final = frozenset({"aac", "ac3", "eac3", "dts", "amr", "mpegts", "mpeg", "g722", "gsm", "loas"})
_MADE_UP: Final = ("/proc/", "/sys/")
_UNKNOWN_SIZE: Final = 0x7FFF_0000  # RIFF sizes from here on stand for "not known": written to a pipe, or RF64


class AudioError(Exception):
    """Audio that cannot be used: the reason and one line for a person."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What a file says of its sound. `stated`: the duration stands in a header, it is no estimate."""

    container: str
    codec: str
    sample_rate_hz: int
    n_channels: int
    duration_s: float | None
    stated: bool


@contextmanager
def open_bytes(uri: str) -> Iterator[BinaryIO]:
    """The bytes of a file, to be read and sought in.

    Raises AudioError for a file that is not there, may not be read, or is none. An outage (a lost connection, a time
    limit) is raised as it is: it may be gone at the next attempt.
    """
    try:
        handle = open_remote(uri) if is_remote(uri) else _open_file(Path(uri))
    except AddressError as error:
        raise AudioError(Reason.UNREADABLE, str(error)) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise AudioError(Reason.MISSING, f"{uri} is not there: correct its path") from error
    except (ValueError, ImportError) as error:  # a scheme that fsspec does not know, or whose package is not there
        raise AudioError(Reason.UNREADABLE, f"{uri} cannot be opened: {error}") from error
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        detail = f"{uri} cannot be opened: {error.strerror or error}: let this account read it"
        raise AudioError(Reason.UNREADABLE, detail) from error
    with handle:
        yield handle


def _open_file(path: Path) -> BinaryIO:
    """A file that ends: pipes, devices and what the system makes up are not opened, not by a link either."""
    plain = path.is_file() or path.is_dir() or not path.exists()
    if not plain or os.path.realpath(path).startswith(_MADE_UP):
        raise AudioError(Reason.UNREADABLE, f"{path} is a pipe or a device, no file: give the path of a file")
    return path.open("rb")


@contextmanager
def open_track(uri: str) -> Iterator[tuple[InputContainer, AudioStream, Track]]:
    """The container, its best sound track and what it says of itself. Raises AudioError."""
    with open_bytes(uri) as handle:
        header = _Header.read(uri, handle)
        try:
            container = av.open(handle, mode="r", options={"format_whitelist": CONTAINERS}, metadata_errors="replace")
        except av.error.FFmpegError as error:
            raise AudioError(Reason.NOT_AUDIO, header.why_not_audio()) from error
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise AudioError(Reason.NOT_AUDIO, header.why_not_audio()) from error  # sought before the first byte
        with container:
            header.require_whole()
            stream = container.streams.best("audio")
            if not isinstance(stream, AudioStream):
                raise AudioError(Reason.NO_AUDIO_TRACK, f"{uri} has no sound track, only picture or text")
            yield container, stream, _describe(uri, container, stream, header.states_mp3_length)


def probe(uri: str) -> Track:
    """What a file says of its sound. Raises AudioError."""
    with open_track(uri) as (_, _, track):
        return track


def _describe(uri: str, container: InputContainer, stream: AudioStream, states_mp3_length: bool) -> Track:
    context = stream.codec_context
    if context is None:
        raise AudioError(Reason.NOT_AUDIO, f"{uri} has a sound track that FFmpeg cannot decode: convert it to wav")
    rate, channels, name = context.sample_rate, context.channels, container.format.name
    if rate <= 0 or channels <= 0:
        detail = f"{uri} states {channels} channels at {rate} Hz: its header is damaged, export the file anew"
        raise AudioError(Reason.NOT_AUDIO, detail)
    if not can_resample(rate, SAMPLE_RATE_HZ):
        detail = f"{uri} has {rate} Hz, from which {SAMPLE_RATE_HZ} Hz cannot be made: convert it to 48000 Hz first"
        raise AudioError(Reason.NOT_AUDIO, detail)
    duration_s = None
    if stream.duration is not None and stream.time_base is not None:
        duration_s = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        duration_s = container.duration / av.time_base
    return Track(
        container=name,
        codec=context.codec.name,
        sample_rate_hz=rate,
        n_channels=channels,
        duration_s=duration_s,
        stated=states_mp3_length if name == "mp3" else name not in _ESTIMATED,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """The first bytes of a file, read for what FFmpeg does not tell."""

    uri: str
    size: int
    head: bytes
    states_mp3_length: bool

    @staticmethod
    def read(uri: str, handle: BinaryIO) -> "_Header":
        head = handle.read(4096)
        if head[:3] == b"ID3" and len(head) >= 10:  # the tag's size: four bytes of seven bits (id3.org/id3v2.4.0)
            a, b, c, d = head[6:10]
            handle.seek(10 + (a << 21 | b << 14 | c << 7 | d))
            mp3_head = handle.read(4096)
        else:
            mp3_head = head
        size = handle.seek(0, 2)
        handle.seek(0)
        stated = any(mark in mp3_head for mark in (b"Xing", b"Info", b"VBRI"))
        return _Header(uri=uri, size=size, head=head, states_mp3_length=stated)

    def why_not_audio(self) -> str:
        if self.size == 0:
            return f"{self.uri} is empty (0 bytes)"
        at = self.head.find(b"fmt ")
        if self.head[:4] == b"RIFF" and at > 0 and self.head[at + 12 : at + 16] == bytes(4):
            return f"{self.uri} states a sample rate of 0 Hz: its header is damaged, export the file anew"
        cause = "it is of no kind that FFmpeg reads, or it is cut off before its index"
        return f"{self.uri} is not audio ({self.size} bytes): {cause}"

    def require_whole(self) -> None:
        """Raise AudioError for a RIFF file that is shorter than it states; FFmpeg would read what is left."""
        stated = int.from_bytes(self.head[4:8], "little") + 8
        if self.head[:4] != b"RIFF" or stated >= _UNKNOWN_SIZE or self.size >= 0.98 * stated:
            return
        detail = f"{self.uri} is cut off: {self.size} bytes of {stated}; copy it again"
        raise AudioError(Reason.CORRUPT, detail)
