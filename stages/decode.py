"""Streaming decoding: blocks of float32 [channels, n] at the source's own rate; nothing is held but a block.

Each stage that needs the audio decodes it anew. FFmpeg takes off codec priming and trailing samples where the
container states them. Gaps in a container's time stamps are not filled.
"""

from collections.abc import Iterator
from typing import Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from schemas.plain_text import counted
from schemas.recording import Source
from schemas.rejection import Reason
from stages.probe import AudioError, Track, open_track

Float32 = NDArray[np.float32]

BLOCK_S: Final = 1.0
PAIR_TOLERANCE_S: Final = 1.0  # two files of one recording may stop this far apart; the shorter gets silence
CUT_TOLERANCE_S: Final = 1.0  # a file that ends this much, and 2 %, before its stated end is cut off
_LOUDEST: Final = 1e6  # times full scale: floats that are no sound, whose squares are infinite
_FULL_SCALE: Final = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "flt": 1.0, "dbl": 1.0}


def decode(source: Source) -> Iterator[Float32]:
    """The audio of a source in blocks of about a second, float32 [channels, n], full scale at 1.

    One channel for a mono file; two for a stereo file, for the chosen two of more (`source.channels`, in that
    order), and for a pair of mono files. The shorter file of a pair is filled up with zeros by at most
    PAIR_TOLERANCE_S. Raises AudioError: see `Reason`.
    """
    if source.uri_b is None:
        return _decode_file(source.uri, source.channels)
    return _decode_pair(source.uri, source.uri_b)


def choose_channels(uri: str, n_channels: int, channels: tuple[int, int] | None) -> tuple[int, ...]:
    """Which channels of a file to take. Raises AudioError if there are too many, or not those chosen."""
    if channels is None:
        if n_channels <= 2:
            return tuple(range(n_channels))
        detail = (
            f"{uri} has {n_channels} channels: choose two with the manifest's channels column, "
            "for example channels=0,1"
        )
        raise AudioError(Reason.CHANNELS, detail)
    if channels[0] == channels[1] or not all(0 <= c < n_channels for c in channels):
        detail = (
            f"{uri} has {counted(n_channels, 'channel')}, not the two chosen by "
            f"channels={channels[0]},{channels[1]}: name two different ones from 0 to {n_channels - 1}"
        )
        raise AudioError(Reason.CHANNELS, detail)
    return channels


def require_pair(uri: str, uri_b: str, a: Track, b: Track) -> None:
    """Raise AudioError unless two files can be the two channels of one recording."""
    for name, track in ((uri, a), (uri_b, b)):
        if track.n_channels != 1:
            detail = f"{name} has {track.n_channels} channels: each file of a pair must have one"
            raise AudioError(Reason.CHANNELS, detail)
    if a.sample_rate_hz != b.sample_rate_hz:
        rates = f"{a.sample_rate_hz} and {b.sample_rate_hz} Hz"
        raise AudioError(Reason.PAIR_MISMATCH, f"{uri} and {uri_b} have {rates}: bring them to one sample rate")


def require_pair_lengths(uri: str, uri_b: str, a_s: float, b_s: float) -> None:
    """Raise AudioError where two files differ by more than PAIR_TOLERANCE_S."""
    if abs(a_s - b_s) > PAIR_TOLERANCE_S:
        detail = (
            f"{uri} and {uri_b} last {a_s:.2f} and {b_s:.2f} s, {abs(a_s - b_s):.2f} s apart: "
            "are they one recording? Bring them to one start and length"
        )
        raise AudioError(Reason.PAIR_MISMATCH, detail)


def _decode_file(uri: str, channels: tuple[int, int] | None) -> Iterator[Float32]:
    with open_track(uri) as (container, stream, track):
        chosen = choose_channels(uri, track.n_channels, channels)
        held: list[Float32] = []
        n_held = n_done = 0
        for frame in _frames(uri, container, stream, track):
            samples = _samples(frame, chosen)
            held.append(samples)
            n_held += samples.shape[1]
            if n_held >= BLOCK_S * track.sample_rate_hz:
                yield _finite(uri, np.concatenate(held, axis=1), n_done, track.sample_rate_hz)
                n_done += n_held
                held, n_held = [], 0
        if held:
            yield _finite(uri, np.concatenate(held, axis=1), n_done, track.sample_rate_hz)
        _require_whole(uri, track, (n_done + n_held) / track.sample_rate_hz)


def _frames(uri: str, container: InputContainer, stream: AudioStream, track: Track) -> Iterator[AudioFrame]:
    """Decoded frames. Damage before the first and after the last good frame is passed over, as players do."""
    damaged = False
    done_s = 0.0
    for packet in _packets(uri, container, stream):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            damaged = done_s > 0.0
            continue
        for frame in frames:
            assert isinstance(frame, AudioFrame)
            if damaged:
                raise AudioError(Reason.CORRUPT, f"{uri} is damaged at {done_s:.1f} s: copy or export it again")
            if (frame.sample_rate, len(frame.layout.channels)) != (track.sample_rate_hz, track.n_channels):
                now = f"{len(frame.layout.channels)} channels at {frame.sample_rate} Hz"
                was = f"{track.n_channels} at {track.sample_rate_hz} Hz"
                raise AudioError(Reason.CORRUPT, f"{uri} changes at {done_s:.1f} s from {was} to {now}: cut it there")
            done_s += frame.samples / track.sample_rate_hz
            yield frame
    if done_s == 0.0:
        raise AudioError(Reason.CORRUPT, f"{uri} holds no sound that can be decoded: copy or export it again")


def _packets(uri: str, container: InputContainer, stream: AudioStream) -> Iterator["av.Packet[AudioStream]"]:
    try:
        yield from container.demux(stream)
    except av.error.FFmpegError as error:
        raise AudioError(
            Reason.CORRUPT, f"{uri} cannot be read to its end: {error.strerror}; copy it again"
        ) from error


def _samples(frame: AudioFrame, chosen: tuple[int, ...]) -> Float32:
    """The chosen channels of a frame, float32 [channels, n]."""
    if frame.format.packed.name not in _FULL_SCALE:
        (frame,) = av.AudioResampler(format="dbl").resample(frame)
    raw = frame.to_ndarray()
    if frame.format.is_packed:
        raw = raw.reshape(-1, len(frame.layout.channels)).T
    if chosen != tuple(range(raw.shape[0])):
        raw = raw[list(chosen)]
    name = frame.format.packed.name
    if name == "u8":
        raw = raw.astype(np.float32) - 128.0
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused with its place
        return np.multiply(raw, 1.0 / _FULL_SCALE[name], dtype=np.float32, casting="unsafe")


def _finite(uri: str, block: Float32, n_before: int, rate_hz: int) -> Float32:
    if not np.isfinite(block).all():
        channel, at = np.argwhere(~np.isfinite(block))[0]
        where = f"{(n_before + at) / rate_hz:.3f} s on channel {channel}"
        raise AudioError(Reason.NOT_FINITE, f"{uri} has NaN or infinite samples, first at {where}: export it anew")
    if (loudest := max(block.max(initial=0.0), -block.min(initial=0.0))) > _LOUDEST:
        detail = f"{uri} has samples of {loudest:.0e} times full scale: it is no sound, export it anew"
        raise AudioError(Reason.NOT_FINITE, detail)
    return block


def _require_whole(uri: str, track: Track, decoded_s: float) -> None:
    if not track.stated or track.duration_s is None:
        return
    if decoded_s < 0.98 * track.duration_s and decoded_s < track.duration_s - CUT_TOLERANCE_S:
        detail = (
            f"{uri} is cut off: it holds {decoded_s:.1f} s of the {track.duration_s:.1f} s it states; copy it again"
        )
        raise AudioError(Reason.CORRUPT, detail)


def _decode_pair(uri: str, uri_b: str) -> Iterator[Float32]:
    with open_track(uri) as (_, _, a), open_track(uri_b) as (_, _, b):
        require_pair(uri, uri_b, a, b)
        rate_hz = a.sample_rate_hz
    sides = (_decode_file(uri, None), _decode_file(uri_b, None))
    lead = np.zeros((1, 0), np.float32)  # what one file is ahead of the other
    ahead = 0
    totals = [0, 0]
    while True:
        behind = 1 - ahead
        block = next(sides[behind], None)
        if block is None:
            break
        totals[behind] += block.shape[1]
        n = min(lead.shape[1], block.shape[1])
        pair = (lead[:, :n], block[:, :n]) if ahead == 0 else (block[:, :n], lead[:, :n])
        if n:
            yield np.concatenate(pair)
        if block.shape[1] > n:
            lead, ahead = block[:, n:], behind
        else:
            lead = lead[:, n:]
    for block in sides[ahead]:  # counted to its end, for the message
        totals[ahead] += block.shape[1]
        if lead.shape[1] <= PAIR_TOLERANCE_S * rate_hz:
            lead = np.concatenate([lead, block], axis=1)
    require_pair_lengths(uri, uri_b, totals[0] / rate_hz, totals[1] / rate_hz)
    if lead.shape[1]:
        pair = (lead, np.zeros_like(lead)) if ahead == 0 else (np.zeros_like(lead), lead)
        yield np.concatenate(pair)
