"""Recording: one source and its licence, before and after it was identified and looked at."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from schemas.licence import Licence
from schemas.transcript import TranscriptFile

SAMPLE_RATE_HZ = 24_000  # everything inside the system runs on this clock
FRAME_SAMPLES = 1_920  # one codec frame, 80 ms
CODEBOOKS = 8
CARDINALITY = 2_048  # codes of a codebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What the user named: one row of a manifest or one file of a folder.

    `uri_b` is the second mono file of a pair. `channels` picks two channels of a file that has more. `name`, `name_b`
    are what the indexes call the files: the same wherever the folder lies; the URI itself where there is no name.
    `transcript`: its path; several where each speaker has a text file. `roles`: what the two speakers are, in words.
    `licence` is None where nothing was said. `origin` tells where the row came from, for messages.
    """

    uri: str
    uri_b: str | None = None
    channels: tuple[int, int] | None = None
    licence: Licence | None = None
    speakers: tuple[str, str] | None = None
    language: str | None = None
    transcript: tuple[str, ...] = ()
    roles: tuple[str | None, str | None] = (None, None)
    origin: str
    name: str | None = None
    name_b: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A source that may be used and can be opened. `duration_s` is what the container says, None if nothing.

    `transcript`: None where there is none, or none that can be read; `notes` say what is wrong with it.
    """

    recording_id: str
    source: Source
    licence: Licence
    container: str
    codec: str
    sample_rate_hz: int
    n_channels: int
    size_bytes: int
    duration_s: float | None = None
    transcript: TranscriptFile | None = None
    notes: tuple[str, ...] = ()


def recording_id_of(digests: tuple[str, ...], channels: tuple[int, int] | None) -> str:
    """SHA-256 (hex) of the recording's bytes.

    digests: SHA-256 of each file. One file with no choice of channels is its own digest; a pair, or a choice of
    channels, is the digest of the digests and the choice.
    """
    if len(digests) == 1 and channels is None:
        return digests[0]
    text = "|".join(digests) + (f"|channels={channels[0]},{channels[1]}" if channels else "")
    return hashlib.sha256(text.encode()).hexdigest()


class LayoutKind(StrEnum):
    """What the channels of a recording carry."""

    SEPARATE = "separate"  # one speaker each
    DUAL_MONO = "dual_mono"  # the same mixture twice
    MIXTURE = "mixture"  # one mixture: a single track, or two tracks that share their voices


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the speakers lie on the channels.

    `leakage_db[c]`: level of the other channel's speaker in channel c, relative to that speaker's own channel
    (lower is better; -inf is written as -120). `leakage_delay_s[c]`: by how much the leak lags.
    `coherence`: share of the energy that both tracks have in common, 0 to 1.
    """

    kind: LayoutKind
    leakage_db: tuple[float, float]
    leakage_delay_s: tuple[float, float]
    coherence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOut:
    """A recording with its layout and its exact length, `n_samples` on the 24-kHz clock."""

    recording: Recording
    layout: Layout
    n_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What lies under the speech of a mixture.

    `speech_to_background_db`: level of active speech over the background, -60 to 60. `speech_db`: the speech's level
    below full scale, -inf for a silent recording. `enhanced`: whether the background is taken out.
    """

    speech_to_background_db: float
    speech_db: float
    enhanced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """A recording with its voices on one track, and its exact length, `n_samples` on the 24-kHz clock.

    `tracks`: those whose mean is the mixture. `offset`: the mean of its samples, full scale 1, or 0 where it hardly
    differs from that. `background`: None until it was listened for.
    """

    recording: Recording
    layout: Layout
    n_samples: int
    tracks: tuple[int, ...]
    offset: float = 0.0
    background: Background | None = None
