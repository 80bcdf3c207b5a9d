"""layout: does each channel carry one speaker, and how much of the other one leaks into it? Or is it a mixture?

Decided from the signal alone, in one streaming pass at 8 kHz over the whole recording (see `stages.leakage`).
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from model.resample import Resampler, output_length
from schemas.recording import SAMPLE_RATE_HZ, LaidOut, Layout, LayoutKind, Mixture, Recording
from schemas.rejection import Reason, Rejection
from stages.contract import Needs, Row, Work
from stages.decode import decode
from stages.leakage import RATE_HZ, Crosstalk, CrosstalkMeter
from stages.probe import AudioError

# A recording is separate if the two leaks together stay below this (a mean of -12 dB) and the levels of the channels
# swing against each other by as much; panned stereo and two microphones in a room do not.
SEPARATION_DB: Final = 24.0
MAX_COHERENCE: Final = 0.5
MIN_OWN_OVER_OTHER_DB: Final = 3.0  # in each channel, its own speaker over the leak of the other
DUAL_MONO_COHERENCE: Final = 0.9
DUAL_MONO_DB: Final = 2.0  # the gain one way is the loss the other way
MIN_ACTIVE_S: Final = 0.5
SILENT_DB: Final = -70.0  # the loudest quarter second of a channel without a signal
LEAST_OFFSET: Final = 1e-3  # -60 dBFS: a smaller mean of the samples is left as it is
_EXTREME_SHARE: Final = 0.005
_EXTREME_WINDOWS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FindLayout:
    """Recording -> LaidOut where there is a channel per speaker, else Mixture; each has its own next stages.

    `min_recording_s`: shorter recordings cannot hold a clip.
    """

    name: ClassVar[str] = "layout"
    reads: ClassVar[type] = Recording
    writes: ClassVar[type] = LaidOut
    needs: ClassVar[Needs] = Needs(cpus=1.0)
    version: ClassVar[int] = 2

    min_recording_s: float = 5.0

    def load(self, device: str) -> Work:
        """No model; `device` is not used."""

        def layout(recording: Recording) -> Row:
            heard_s = 0.0
            try:
                heard = listen(recording)
                heard_s = heard.n_samples / SAMPLE_RATE_HZ
                require_sound(recording.source.uri, heard, self.min_recording_s)
            except AudioError as error:
                return Rejection(
                    uri=recording.source.uri,
                    stage=self.name,
                    reason=error.reason,
                    detail=error.detail,
                    recording_id=recording.recording_id,
                    end_s=heard_s or recording.duration_s or 0.0,
                )
            return lay_out(recording, heard)

        return layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A recording listened to once: its exact length at 24 kHz and the crosstalk between its channels.

    A single track was measured against itself. `means`: of the samples of each channel, full scale 1.
    """

    n_samples: int
    n_channels: int
    crosstalk: Crosstalk
    means: tuple[float, ...] = ()


def listen(recording: Recording) -> Heard:
    """One streaming pass over a recording. Raises AudioError for audio that cannot be decoded to its end."""
    meter = CrosstalkMeter()
    resampler = Resampler(recording.sample_rate_hz, RATE_HZ, 2)
    n_channels = n_in = 0
    sums = np.zeros(0)
    for block in decode(recording.source):
        n_channels = block.shape[0]
        sums = block.sum(axis=1, dtype=np.float64) + (sums if sums.size else 0.0)
        n_in += block.shape[1]
        meter.push(resampler.push(block if n_channels == 2 else np.repeat(block, 2, axis=0)))
    meter.push(resampler.flush())
    n_samples = output_length(n_in, recording.sample_rate_hz, SAMPLE_RATE_HZ)
    means = tuple(float(mean) for mean in sums / max(n_in, 1))
    return Heard(n_samples=n_samples, n_channels=n_channels, crosstalk=meter.result(), means=means)


def require_sound(uri: str, heard: Heard, min_recording_s: float) -> None:
    """Raise AudioError for a recording that is too short or in which nothing happens."""
    length_s = heard.n_samples / SAMPLE_RATE_HZ
    if length_s < min_recording_s:
        detail = f"{uri} lasts {length_s:.3g} s; a clip takes at least {min_recording_s:g} s"
        raise AudioError(Reason.TOO_SHORT, detail)
    loudest_db = max(heard.crosstalk.peak_db)
    if loudest_db < SILENT_DB:
        raise AudioError(Reason.SILENT, f"{uri} is silent: its loudest quarter second has {loudest_db:.0f} dBFS")
    if max(heard.crosstalk.active_s) < MIN_ACTIVE_S:
        detail = f"{uri} holds no speech, only a steady sound of {loudest_db:.0f} dBFS"
        raise AudioError(Reason.SILENT, detail)


def lay_out(recording: Recording, heard: Heard) -> LaidOut | Mixture:
    """What a recording is that was listened to."""
    found = classify(heard)
    if found.kind is LayoutKind.SEPARATE:
        return LaidOut(recording=recording, layout=found, n_samples=heard.n_samples)
    tracks = tracks_of(heard, found.kind)
    offset = float(np.mean([heard.means[track] for track in tracks]))
    return Mixture(
        recording=recording,
        layout=found,
        n_samples=heard.n_samples,
        tracks=tracks,
        offset=offset if abs(offset) >= LEAST_OFFSET else 0.0,
    )


def tracks_of(heard: Heard, kind: LayoutKind) -> tuple[int, ...]:
    """The tracks that make up a mixture: of two that carry the same, or of which one carries no voice, the louder.

    One of two that carry the same may be upside down, so that their mean would be silence.
    """
    if heard.n_channels == 1:
        return (0,)
    peak_db = heard.crosstalk.peak_db
    if kind is LayoutKind.DUAL_MONO or not all(carries_voice(heard.crosstalk, c) for c in (0, 1)):
        return (0 if peak_db[0] >= peak_db[1] else 1,)
    return (0, 1)


def carries_voice(crosstalk: Crosstalk, channel: int) -> bool:
    """Whether something that comes and goes is heard on a channel."""
    return crosstalk.active_s[channel] >= MIN_ACTIVE_S and crosstalk.peak_db[channel] >= SILENT_DB


def classify(heard: Heard) -> Layout:
    """The layout, to 0.1 dB."""
    crosstalk = heard.crosstalk
    return Layout(
        kind=_kind(heard.n_channels, crosstalk),
        leakage_db=(round(crosstalk.paths[0].level_db, 1), round(crosstalk.paths[1].level_db, 1)),
        leakage_delay_s=(crosstalk.paths[0].delay_s, crosstalk.paths[1].delay_s),
        coherence=round(crosstalk.coherence, 3),
    )


def _kind(n_channels: int, crosstalk: Crosstalk) -> LayoutKind:
    if n_channels == 1 or not all(carries_voice(crosstalk, c) for c in (0, 1)):
        return LayoutKind.MIXTURE
    separation_db = -(crosstalk.paths[0].level_db + crosstalk.paths[1].level_db)
    swing_db, over_db = _levels(crosstalk)
    if crosstalk.coherence >= DUAL_MONO_COHERENCE and abs(separation_db) < DUAL_MONO_DB:
        return LayoutKind.DUAL_MONO
    if min(separation_db, swing_db) < SEPARATION_DB or crosstalk.coherence > MAX_COHERENCE:
        return LayoutKind.MIXTURE
    if min(over_db) < MIN_OWN_OVER_OTHER_DB:
        return LayoutKind.MIXTURE
    return LayoutKind.SEPARATE


def _levels(crosstalk: Crosstalk) -> tuple[float, tuple[float, float]]:
    """By how much the level of channel 0 over 1 swings, and each channel's own speaker over the other's leak, in dB.

    Who speaks is told by the middle of the swing; a few windows at either end may be accidents.
    """
    counts = crosstalk.ratio_counts
    cumulated = np.cumsum(counts)
    beyond = max(_EXTREME_WINDOWS, _EXTREME_SHARE * cumulated[-1])
    low = int(np.searchsorted(cumulated, beyond))
    high = int(np.searchsorted(cumulated, max(cumulated[-1] - beyond, 0.0)))
    middle = (low + high) // 2
    sides = (slice(middle + 1, None), slice(0, middle + 1))  # channel 0 louder, channel 1 louder
    own_db = [
        10.0 * float(np.log10(max(crosstalk.energy[c, side].sum(), 1e-20) / max(counts[side].sum(), 1.0)))
        for c, side in enumerate(sides)
    ]
    over_db = tuple(own_db[c] - own_db[1 - c] - crosstalk.paths[c].level_db for c in (0, 1))
    return float(high - low), (over_db[0], over_db[1])
