"""The sound of a clip, and the outline of its waveform: from the FLAC in the tar, or decoded from the tokens."""

import base64
import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from model.sample_files import SampleError, codes_of
from pipeline.browse.members import Part, members, opened, read
from pipeline.browse.text import BrowseError

if TYPE_CHECKING:
    from model.codec import Codec

RATE_HZ: Final = 24_000
BINS_PER_S: Final = 50
LONGEST_S: Final = 3_600.0
_FRAME: Final = 1_920
_BIN: Final = RATE_HZ // BINS_PER_S
_KEPT_BYTES: Final = 96 * 2**20
_KEPT_WAVES: Final = 100

Int16 = NDArray[np.int16]


class _Sketch:
    """The loudest sample of every 20 ms and channel, filled piece by piece; never more than a clip may have."""

    def __init__(self, length_s: float) -> None:
        self._bins = int(length_s * BINS_PER_S) + 2
        self._peaks = np.zeros((2, self._bins), np.int32)
        self._at = 0

    def add(self, pcm: Int16) -> None:
        """pcm: int16 [2, samples], which follow those before."""
        where = (self._at + np.arange(pcm.shape[1])) // _BIN
        inside = where < self._bins
        for channel, samples in enumerate(np.abs(pcm.astype(np.int32))):
            np.maximum.at(self._peaks[channel], where[inside], samples[inside])
        self._at += pcm.shape[1]

    @property
    def full(self) -> bool:
        return self._at >= self._bins * _BIN

    def text(self) -> dict[str, Any]:
        """Both channels on one scale, 0 to 255, as base64."""
        used = self._peaks[:, : -(-self._at // _BIN)]
        scaled = (used * (255.0 / max(int(used.max(initial=0)), 1))).astype(np.uint8)
        channels = [base64.b64encode(channel.tobytes()).decode("ascii") for channel in scaled]
        return {"bins_per_s": BINS_PER_S, "channels": channels}


@dataclass(slots=True)
class Sounds:
    """Sounds of a dataset's clips. `codec`: loads what made the tokens, None where that is not here.

    What was decoded is remembered up to a size; one clip is decoded at a time.
    """

    out: Path
    codec: "Callable[[], Codec | None]"
    _decoded: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _waves: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def kind(self, record: Mapping[str, Any]) -> str:
        """`flac`, `decoded` or `none`, of a row of the index; what was withdrawn is not to be heard."""
        if not record["kept"] or record.get("withdrawn") or not 0 < record["duration_s"] <= LONGEST_S:
            return "none"
        if "flac" in members(self.out, record):
            return "flac"
        return "decoded" if self.codec() is not None else "none"

    def of(self, record: Mapping[str, Any]) -> Part | bytes:
        """A FLAC file: where it lies in its tar, or made from the tokens. Raises BrowseError where there is none."""
        if self.kind(record) == "none":
            raise BrowseError("this clip has no sound: it is not kept, or has no FLAC, and its codec is not here")
        parts = members(self.out, record)
        return parts["flac"] if "flac" in parts else self._from_tokens(record, parts)

    def _from_tokens(self, record: Mapping[str, Any], parts: Mapping[str, Part]) -> bytes:
        from model.resample import to_int16
        from pipeline.decode import decode_channels
        from stages.tokenize import flac_of

        clip_id = str(record["clip_id"])
        with self._lock:
            if clip_id not in self._decoded:
                codec = self.codec()
                if codec is None or "codes.npy" not in parts:
                    raise BrowseError("this clip has no sound: no FLAC, and no codec for its tokens")
                try:
                    codes = codes_of(read(parts["codes.npy"]), record["n_frames"])
                except SampleError as error:
                    raise BrowseError(
                        f"the clip's tokens cannot be read ({error}); run `duplexset verify`"
                    ) from error
                pcm = to_int16(decode_channels(codec, codes))[:, : round(record["duration_s"] * RATE_HZ)]
                self._decoded[clip_id] = flac_of(pcm)
                while len(self._decoded) > 1 and sum(map(len, self._decoded.values())) > _KEPT_BYTES:
                    self._decoded.popitem(last=False)
            self._decoded.move_to_end(clip_id)
            return self._decoded[clip_id]

    def wave(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The outline of both channels, `bins_per_s` values a second. Raises BrowseError."""
        clip_id = str(record["clip_id"])
        if clip_id not in self._waves or self.kind(record) == "none":  # it may have been withdrawn since
            sound = self.of(record)
            if isinstance(sound, bytes):
                made = _outline(io.BytesIO(sound), record["duration_s"])
            else:
                with opened(sound.path) as file:
                    made = _outline(_Window(file, sound), record["duration_s"])
            with self._lock:
                self._waves[clip_id] = made
                while len(self._waves) > _KEPT_WAVES:
                    self._waves.popitem(last=False)
        return self._waves[clip_id]


def _outline(file: Any, length_s: float) -> dict[str, Any]:
    sketch, planar = _Sketch(length_s), av.AudioResampler(format="s16p", layout="stereo")
    try:
        with av.open(file, mode="r", format="flac", metadata_errors="replace") as container:
            for frame in container.decode(audio=0):
                for block in planar.resample(frame):
                    sketch.add(block.to_ndarray().astype(np.int16, copy=False))
                if sketch.full:
                    break
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise BrowseError("the clip's FLAC cannot be decoded; check the dataset with `duplexset verify`") from error
    return sketch.text()


class _Window(io.RawIOBase):
    """A part of a file as a file."""

    def __init__(self, file: Any, part: Part) -> None:
        super().__init__()
        self._file, self._part, self._at = file, part, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = (0, self._at, self._part.size)[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._part.size - self._at)
        self._file.seek(self._part.offset + self._at)
        data: bytes = self._file.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data


def pieces(part: Part, first: int, last: int, size: int = 64 * 1024) -> Iterator[bytes]:
    """The bytes of a member from `first` to `last`, inclusive."""
    with opened(part.path) as file:
        file.seek(part.offset + first)
        left = last - first + 1
        while left > 0 and (data := file.read(min(size, left))):
            left -= len(data)
            yield data
