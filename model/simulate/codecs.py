"""Telephone and streaming codecs: a real encoder and decoder, their delay taken out.

The delay of each codec is measured once, by cross-correlation of a modulated noise that goes through it: libraries
differ in what they trim. AMR-WB is not among them: FFmpeg has no encoder of its own for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, cast

import av
import numpy as np
import torch
import torchaudio
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from model.simulate.phrases import SAMPLE_RATE_HZ, Float32
from schemas.errors import UserError

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext


class LineError(UserError):
    """A codec that this installation cannot encode; the message names those it can."""


@dataclass(frozen=True, slots=True)
class Codec:
    """FFmpeg's encoder and decoder, their clock and sample format, and the bit rates to draw from (0: fixed)."""

    encoder: str
    decoder: str
    rate_hz: int
    sample_format: str
    bit_rates: tuple[int, ...]


CODECS: Final = {
    "g711-mu": Codec("pcm_mulaw", "pcm_mulaw", 8_000, "s16", (0,)),
    "g711-a": Codec("pcm_alaw", "pcm_alaw", 8_000, "s16", (0,)),
    "amr-nb": Codec("libopencore_amrnb", "amrnb", 8_000, "s16", (4_750, 6_700, 7_950, 12_200)),
    "opus": Codec("libopus", "opus", 24_000, "s16", (12_000, 16_000, 24_000, 32_000)),
    "opus-nb": Codec("libopus", "opus", 8_000, "s16", (8_000, 12_000)),
    "mp3": Codec("libmp3lame", "mp3float", 24_000, "s16p", (24_000, 32_000, 48_000, 64_000)),
    "mp3-16k": Codec("libmp3lame", "mp3float", 16_000, "s16p", (16_000, 24_000, 32_000)),
}
_FLUSH_S: Final = 0.3
_PROBE_S: Final = 2.0
_OPUS_EFFORT: Final = "2"


@cache
def available() -> tuple[str, ...]:
    """The names in CODECS that this installation can encode and decode."""
    return tuple(name for name, codec in CODECS.items() if _known(codec.encoder, "w") and _known(codec.decoder, "r"))


def _known(name: str, mode: Literal["r", "w"]) -> bool:
    try:
        av.Codec(name, mode)
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def through(audio: Float32, name: str, bit_rate: int = 0) -> Float32:
    """What comes out of a codec, float32 [S] at 24 kHz, in time with what goes in. Raises LineError."""
    if name not in available():
        raise LineError(f"codec {name!r} is not here: use one of {', '.join(available())}")
    codec = CODECS[name]
    decoded = _round_trip(audio, codec, bit_rate)
    delay = _delay(name)
    out = np.zeros(audio.size, np.float32)
    kept = decoded[max(delay, 0) : max(delay, 0) + audio.size]
    out[: kept.size] = kept
    return out


@cache
def _delay(name: str) -> int:
    """Samples at 24 kHz by which a codec's output is late, 0 or more."""
    random = np.random.default_rng(0)
    count = int(_PROBE_S * SAMPLE_RATE_HZ)
    bursts = np.repeat(random.uniform(0.0, 1.0, count // 1_200), 1_200) ** 2
    spectrum = np.fft.rfft(random.standard_normal(count) * bursts)
    hz = np.fft.rfftfreq(count, 1 / SAMPLE_RATE_HZ)
    probe = np.fft.irfft(np.where((hz > 300) & (hz < 3_300), spectrum / np.maximum(hz, 300.0), 0), count)
    probe = (0.3 * probe / np.abs(probe).max()).astype(np.float32)
    decoded = _round_trip(probe, CODECS[name], max(CODECS[name].bit_rates))
    size = 2 * max(decoded.size, count)
    cross = np.fft.irfft(np.fft.rfft(decoded, size) * np.conj(np.fft.rfft(probe, size)), size)
    return int(cross[: SAMPLE_RATE_HZ // 2].argmax())


def _round_trip(audio: Float32, codec: Codec, bit_rate: int) -> Float32:
    """Through encoder and decoder with their delay, and with some silence after the end."""
    padded = np.pad(audio, (0, int(_FLUSH_S * SAMPLE_RATE_HZ)))
    low = resample(padded, SAMPLE_RATE_HZ, codec.rate_hz)
    pcm = (np.clip(low, -1.0, 1.0) * 32_767).astype(np.int16)
    decoder = cast("AudioCodecContext", av.CodecContext.create(codec.decoder, "r"))
    decoder.sample_rate, decoder.layout = codec.rate_hz, "mono"
    converter = AudioResampler(format="flt", layout="mono")
    parts: list[NDArray[np.float32]] = []
    rate_hz = codec.rate_hz
    for packet in _encoded(pcm, codec, bit_rate):
        for frame in decoder.decode(packet):
            rate_hz = frame.sample_rate
            parts.extend(f.to_ndarray()[0] for f in converter.resample(frame))
    for frame in decoder.decode(None):
        parts.extend(f.to_ndarray()[0] for f in converter.resample(frame))
    return resample(np.concatenate(parts), rate_hz, SAMPLE_RATE_HZ)


def _encoded(pcm: NDArray[np.int16], codec: Codec, bit_rate: int) -> Iterator["av.Packet[av.AudioStream]"]:
    encoder = cast("AudioCodecContext", av.CodecContext.create(codec.encoder, "w"))
    encoder.sample_rate, encoder.layout, encoder.format = codec.rate_hz, "mono", codec.sample_format
    encoder.time_base = Fraction(1, codec.rate_hz)
    if bit_rate:
        encoder.bit_rate = bit_rate
    if codec.encoder == "libopus":
        encoder.options = {"compression_level": _OPUS_EFFORT}
    encoder.open()
    size = encoder.frame_size or codec.rate_hz // 50
    for start in range(0, pcm.size, size):
        block = np.zeros(size, np.int16)
        block[: min(size, pcm.size - start)] = pcm[start : start + size]
        frame = av.AudioFrame.from_ndarray(block[None], format=codec.sample_format, layout="mono")
        frame.sample_rate, frame.pts = codec.rate_hz, start
        yield from encoder.encode(frame)
    yield from encoder.encode(None)


def resample(audio: Float32, from_hz: int, to_hz: int) -> Float32:
    """Linear-phase resampling of float32 [S]."""
    if from_hz == to_hz:
        return audio
    out: Float32 = torchaudio.functional.resample(torch.from_numpy(audio), from_hz, to_hz).numpy()
    return out
