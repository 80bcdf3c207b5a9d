"""Conversation: a span of a recording, who speaks when in it, and what was measured on it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from schemas.recording import Background, LaidOut, Mixture
from schemas.transcript import Transcribed

SPEECH_RATE_HZ = 31.25  # one speech probability per 512 samples at 16 kHz (768 at 24 kHz)
ACTIVITY_HZ = 50  # frames of a mixture's activity: 480 samples at 24 kHz


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


def spoken_s(segments: Iterable[Segment], channel: int) -> float:
    """Seconds in which a channel is active."""
    return sum(s.end_s - s.start_s for s in segments if s.channel == channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """A stretch of a mixture in which two of its voices talk, before they are taken apart.

    `start_sample`, `end_sample`: as in a `Span`. `pcm`: int16 [end_sample - start_sample], enhanced if the source is.
    `voices`: the numbers that the two have in the whole recording; the first one is on channel 0. `segments`: as in
    `Diarized`, in frames of 20 ms. `odds`: float16 [ceil(samples / 480), 2], log odds of speech. `known`: what the
    recording tells of the two, for the separator.
    """

    source: Mixture
    start_sample: int
    end_sample: int
    pcm: bytes
    voices: tuple[int, int]
    segments: tuple[Segment, ...]
    odds: bytes
    known: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Both channels active, on the clip's clock; `confidence`: 0 to 1, that each voice is in its channel there."""

    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmixed:
    """What is known of two channels that were made from a mixture: see `Mixed` and `Overlap`."""

    voices: tuple[int, int]
    background: Background
    overlaps: tuple[Overlap, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diarized:
    """A span with its activity: segments sorted by start, per channel disjoint, overlap between channels kept.

    `unmixed`: None where the recording came with a channel per speaker.
    """

    span: Span
    segments: tuple[Segment, ...]
    unmixed: Unmixed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word of one channel, on the clip's clock."""

    channel: int
    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """A diarized span with its words, by start; none, and no `transcript`, where nothing says what is said."""

    diarized: Diarized
    words: tuple[Word, ...] = ()
    transcript: Transcribed | None = None


class TurnKind(StrEnum):
    """What can happen between two speakers; `model.turns` has the definitions."""

    TURN = "turn"
    BACKCHANNEL = "backchannel"
    PAUSE = "pause"  # both silent, the same turn goes on
    GAP = "gap"  # both silent, then the other's turn
    TRANSFER = "transfer"  # the floor changes, with an offset
    LAUGHTER = "laughter"  # where a transcript marks it
    OVERLAP_BACKCHANNEL = "overlap_backchannel"
    OVERLAP_TERMINAL = "overlap_terminal"  # the next turn begins just before the last one ends
    OVERLAP_INTERRUPTION = "overlap_interruption"  # the next turn begins well before, and takes the floor
    OVERLAP_COMPETITIVE = "overlap_competitive"  # more than a backchannel, and the floor is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEvent:
    """On the clip's clock. `channel`: whose turn or backchannel it is, who goes on, or who came in.

    `offset_s`: of a transfer, the floor-transfer offset; negative where turns overlap.
    """

    kind: TurnKind
    channel: int
    start_s: float
    end_s: float
    offset_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What was measured on a clip, per channel where there are two. Decisions are taken elsewhere.

    Of clips from a mixture, `leakage_db` is an estimate; `speech_to_background_db` is the whole recording's, before
    enhancement; `overlap_confidence` is the mean over the overlapped time, None without any. `n_words` is None
    without a transcript or a recogniser.
    """

    speech_s: tuple[float, float]
    overlap_s: float
    silence_s: float
    level_db: tuple[float, float]
    leakage_db: tuple[float, float]
    speech_to_background_db: float | None = None
    overlap_confidence: float | None = None
    n_words: tuple[int, int] | None = None

    @property
    def words(self) -> int | None:
        """Of both channels."""
        return None if self.n_words is None else sum(self.n_words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A span with its turn-taking.

    Per frame of 80 ms: `turns`, int8 [2, frames], the turn states; `future`, int16 [frames], the class of what comes.
    """

    worded: Worded
    turns: bytes
    future: bytes
    events: tuple[TurnEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A labelled span with its measurements."""

    labelled: Labelled
    quality: Quality
