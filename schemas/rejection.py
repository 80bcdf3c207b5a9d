"""Rejection: why a recording or a part of one is not in the data. Rows are marked, never lost."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The closed list of reasons."""

    # sources
    MANIFEST = "manifest"  # a row that says something impossible
    EVIDENCE = "evidence"  # what should prove its licence cannot be read, or is another file
    # ingest
    NO_LICENCE = "no_licence"
    LICENCE_REFUSED = "licence_refused"
    MISSING = "missing"  # no such file
    UNREADABLE = "unreadable"  # permissions, storage
    NOT_AUDIO = "not_audio"  # nothing FFmpeg knows
    NO_AUDIO_TRACK = "no_audio_track"
    CORRUPT = "corrupt"  # starts as audio, cannot be decoded to its end
    NOT_FINITE = "not_finite"  # NaN or infinite samples
    CHANNELS = "channels"  # more than two and none chosen, or a choice that is not there
    PAIR_MISMATCH = "pair_mismatch"  # two files of one recording that do not belong together
    DUPLICATE = "duplicate"  # the same bytes as another source
    # layout
    SILENT = "silent"  # no signal at all
    # split
    SILENCE = "silence"  # a long stretch in which nobody speaks
    NO_PAUSE = "no_pause"  # no joint silence to cut at within the longest span
    TOO_SHORT = "too_short"
    # voices, diarize
    NO_SPEECH = "no_speech"  # music or noise only
    ONE_SPEAKER = "one_speaker"
    THIRD_VOICE = "third_voice"  # more than two people talk
    # select
    LEAKAGE = "leakage"  # too much of one speaker is expected in the other's channel
    NEAR_DUPLICATE = "near_duplicate"  # another clip that is kept holds the same sound
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """`start_s`/`end_s`: the stretch that is lost, on the recording's clock; a whole source has 0 and its length."""

    uri: str
    stage: str
    reason: Reason
    detail: str
    recording_id: str | None = None
    start_s: float = 0.0
    end_s: float = 0.0
