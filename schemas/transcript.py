"""Transcript: what was said in a recording and by whom, as its author wrote it down."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedWord:
    """A word on the recording's clock; `confidence`: 0 to 1."""

    text: str
    start_s: float
    end_s: float
    confidence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """What one speaker says in one go, on the recording's clock.

    `speaker`: as the transcript names him, "" where it does not. `start_s`, `end_s`: None where it gives no times.
    `text`: "" where it only says that somebody speaks. `words`: with times of their own, where it gives those; they
    are the whole of `text` then.
    """

    speaker: str
    start_s: float | None
    end_s: float | None
    text: str
    words: tuple[TimedWord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The utterances by start, those without times as in the file. `notes`: what was left out, a line each."""

    utterances: tuple[Utterance, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptFile:
    """Where a recording's transcript comes from: the names of its files, and SHA-256 (hex) over their bytes."""

    names: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribed:
    """What became of a transcript in a clip.

    `speakers`: of the transcript, on channel 0 and 1; "" for nobody. `certain`: whether names or times leave no doubt
    about that. `aligner`: what gave words their times, None where the transcript did. `approximate`: how many words
    share out their utterance's time. `notes`: what was left out, a line each.
    """

    file: TranscriptFile
    speakers: tuple[str, str]
    certain: bool
    aligner: str | None = None
    approximate: int = 0
    notes: tuple[str, ...] = ()
