"""Landmarks: the peaks of a recording's spectrogram (Wang 2003, "An Industrial-Strength Audio Search Algorithm").

A landmark is a point that is louder than all within 0.32 s and 437 Hz of it. Speech has three a second; nine in ten
of them survive a telephone line, MP3 at 64 kb/s or noise at 10 dB, three in four Opus at 16 kb/s. They are taken from
the sum of the channels between 300 and 3,000 Hz, so that a two-channel call and its mixdown over a telephone line
agree, and neither gain nor the order of the channels matters. Speeds more than a few parts in ten thousand apart do.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d
from scipy.signal import firwin

from schemas.conversation import Segment
from schemas.recording import SAMPLE_RATE_HZ

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]
Landmarks = NDArray[np.uint32]
"""Packed, sorted: time in units of 8 ms (22 bits), then frequency in units of 4 Hz (10 bits)."""

UNIT_S: Final = 0.008
UNIT_HZ: Final = 4.0
FREQUENCY_BITS: Final = 10

_DOWN: Final = 3
_RATE_HZ: Final = SAMPLE_RATE_HZ // _DOWN
_WINDOW: Final = 512  # 64 ms
_HOP: Final = 128  # a fourth: with less overlap a quarter of the landmarks depend on where the frames begin
_BAND: Final = slice(18, 194)  # bins of 15.6 Hz, one more at either side than may be a landmark
_TAPS: Final = firwin(31, 3_400.0, fs=SAMPLE_RATE_HZ).astype(np.float32)
_BANK: Final = np.stack([np.pad(_TAPS, (_DOWN * i, _DOWN * (15 - i))) for i in range(16)], axis=1)  # 16 at once
_HANN: Final = np.hanning(_WINDOW).astype(np.float32)
_FRAMES: Final = 256  # at once
_REACH: Final = (20, 28)  # frames, bins
_LOUD_FRAMES: Final = 251  # 4 s
_FLOOR: Final = 1e-3  # of the power of the loudest within 2 s
_SILENCE: Final = 16.0  # power: what int16 rounds to
_PAD_S: Final = 0.1


def landmarks(pcm: NDArray[np.int16], segments: Sequence[Segment]) -> Landmarks:
    """The landmarks of a clip, where somebody is active.

    pcm: int16 [channels, samples] at 24 kHz. segments: on the clip's clock.
    """
    power = spectrogram(pcm)
    if power.shape[0] < 3:
        return np.zeros(0, np.uint32)
    floor = np.where(_active(segments, len(power)), _floor(power), np.float32(np.inf))
    frame, band = _peaks(power, floor)
    time = frame + _vertex(power[frame - 1, band], power[frame, band], power[frame + 1, band])
    tone = band + _BAND.start + _vertex(power[frame, band - 1], power[frame, band], power[frame, band + 1])
    units = np.rint(time * (_HOP / _RATE_HZ / UNIT_S)).astype(np.uint32)
    pitch = np.rint(tone * (_RATE_HZ / _WINDOW / UNIT_HZ)).astype(np.uint32)
    return np.unique(units << np.uint32(FREQUENCY_BITS) | pitch)


def unpacked(marks: Landmarks) -> tuple[Int64, Int64]:
    """Times in units of 8 ms and frequencies in units of 4 Hz."""
    return (marks >> FREQUENCY_BITS).astype(np.int64), (marks & ((1 << FREQUENCY_BITS) - 1)).astype(np.int64)


def spectrogram(pcm: NDArray[np.int16]) -> Float32:
    """Power of the sum of the channels, float32 [frames of 16 ms, bins]; frame i is centred on sample 384 i."""
    frames = pcm.shape[1] // (_DOWN * _HOP)
    power = np.empty((frames, _BAND.stop - _BAND.start), np.float32)
    before = _DOWN * _WINDOW // 2 + _TAPS.size // 2
    for start in range(0, frames, _FRAMES):
        count = min(_FRAMES, frames - start)
        first = start * _DOWN * _HOP - before
        last = first + _DOWN * ((count - 1) * _HOP + _WINDOW - 1) + _TAPS.size
        inside = pcm[:, max(0, first) : last].sum(axis=0, dtype=np.float32)
        audio = np.pad(inside, (max(0, -first), last - max(0, first) - inside.size))
        pieces = np.lib.stride_tricks.sliding_window_view(audio, len(_BANK))[:: _DOWN * _BANK.shape[1]]
        low = (np.ascontiguousarray(pieces) @ _BANK).ravel()
        windows = np.lib.stride_tricks.sliding_window_view(low, _WINDOW)[::_HOP]
        lines = scipy.fft.rfft(windows * _HANN, axis=1)[:, _BAND]
        power[start : start + count] = lines.real**2 + lines.imag**2
    return power


def _floor(power: Float32) -> Float32:
    """The power that a landmark of each frame exceeds."""
    loudest: Float32 = maximum_filter1d(power.max(axis=1), _LOUD_FRAMES, mode="nearest")
    floor: Float32 = np.maximum(loudest * np.float32(_FLOOR), np.float32(_SILENCE))
    return floor


def _active(segments: Sequence[Segment], frames: int) -> NDArray[np.bool_]:
    active = np.zeros(frames, np.bool_)
    for segment in segments:
        start, end = ((time_s * _RATE_HZ / _HOP) for time_s in (segment.start_s - _PAD_S, segment.end_s + _PAD_S))
        active[max(0, round(start)) : max(0, round(end))] = True
    return active


def _peaks(power: Float32, floor: Float32) -> tuple[Int64, Int64]:
    """Frames and bins of the points above their frame's floor, not at the edge, that nothing within reach exceeds."""
    last = len(power) - 1
    found = [_peaks_between(power, floor, start, min(start + _FRAMES, last)) for start in range(1, last, _FRAMES)]
    frames, bands = zip(*found, strict=True)
    return np.concatenate(frames), np.concatenate(bands)


def _peaks_between(power: Float32, floor: Float32, first: int, last: int) -> tuple[Int64, Int64]:
    """Those in frames `first` to `last` (exclusive).

    Such a point is the greatest of its block, if blocks are not larger than the reach: few points are looked at.
    """
    (up, aside), (high, wide) = _REACH, (_REACH[0] + 1, _REACH[1] + 1)
    frames, bins = last - first, power.shape[1] - 2
    rows, columns = -(-frames // high), -(-bins // wide)
    inner = np.zeros((rows * high, columns * wide), np.float32)
    inner[:frames, :bins] = power[first:last, 1:-1]
    blocks = inner.reshape(rows, high, columns, wide).transpose(0, 2, 1, 3).reshape(rows, columns, high * wide)
    row, column = np.divmod(blocks.argmax(axis=2), wide)
    frame = (row + high * np.arange(rows)[:, None]).ravel()
    band = (column + wide * np.arange(columns) + 1).ravel()
    inside = (frame < frames) & (band <= bins)
    frame, band = frame[inside] + first, band[inside]
    frame, band = frame[heard := power[frame, band] > floor[frame]], band[heard]
    around = np.zeros((frames + 2 * up, power.shape[1] + 2 * aside), np.float32)
    near = power[max(0, first - up) : last + up]
    skipped = max(0, up - first)
    around[skipped : skipped + len(near), aside:-aside] = near
    for reach in ((0, aside), (up, 0), _REACH):
        windows = np.lib.stride_tricks.sliding_window_view(around, [2 * r + 1 for r in reach])
        found = windows[frame - first + up - reach[0], band + aside - reach[1]].max(axis=(1, 2))
        frame, band = frame[most := power[frame, band] >= found], band[most]
    return frame, band


def _vertex(before: Float32, peak: Float32, after: Float32) -> NDArray[np.float64]:
    """Where a parabola through the logarithms of three powers, the second the greatest, has its vertex."""
    low, top, high = (np.log(np.maximum(power.astype(np.float64), 1e-6)) for power in (before, peak, after))
    curve = low - 2.0 * top + high
    return np.where(curve < 0.0, 0.5 * (low - high) / np.where(curve < 0.0, curve, 1.0), 0.0)
