"""Conversation: a span of a recording, who speaks when in it, and what was measured on it."""

from dataclasses import dataclass

from schemas.recording import LaidOut

SPEECH_RATE_HZ = 31.25  # one speech probability per 512 samples at 16 kHz (768 at 24 kHz)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a recording that starts and ends where nobody speaks.

    `start_sample`, `end_sample`: on the recording's 24-kHz clock; the start is a multiple of 1,920.
    `pcm`: int16 [2, end_sample - start_sample], C order. `speech`: float16 [2, ceil(samples / 768)], probability
    of speech per channel, before bleed is taken into account.
    """

    source: LaidOut
    start_sample: int
    end_sample: int
    pcm: bytes
    speech: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One channel active from `start_s` to `end_s`, on the clip's clock."""

    channel: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Diarized:
    """A span with its activity: segments sorted by start, per channel disjoint, overlap between channels kept."""

    span: Span
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word of one channel, on the clip's clock."""

    channel: int
    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What was measured on a clip, per channel where there are two. Decisions are taken elsewhere."""

    speech_s: tuple[float, float]
    overlap_s: float
    silence_s: float
    level_db: tuple[float, float]
    leakage_db: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A diarized span with its turn states, int8 [2, frames] at 12.5 Hz, and its words (none if there is no text)."""

    diarized: Diarized
    turns: bytes
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A labelled span with its measurements."""

    labelled: Labelled
    quality: Quality
