"""Transcript: what was said in a recording and by whom, as its author wrote it down."""

from dataclasses import dataclass
from typing import Final

UNREAD: Final = "left without words: "
"""How a note on a transcript that could not be read begins."""
DOUBT: Final = "does it belong to this recording?"
"""How a note begins that says why a transcript may be another recording's."""
LEAST_CONFIDENCE: Final = 0.001
"""Of a word that has a place, however unsure it is; 0 says that it has none, and shares out its utterance's time."""


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
    are the whole of `text` then. `partly`: its words where only some have such times, of the others the text alone;
    `words` is empty then.
    """

    speaker: str
    start_s: float | None
    end_s: float | None
    text: str
    words: tuple[TimedWord, ...] = ()
    partly: tuple[TimedWord | str, ...] = ()


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
class Removed:
    """How many recognised words were taken out, by what gave them away; `model.recogniser.guards` has the rules.

    `silent`: the channel is not active there. `repeats`: a loop. `rushed`: faster than anyone speaks. `doubtful`: the
    recogniser doubts that stretch itself, or says the same in it over and over. `bleed`: the other speaker's word,
    heard through.
    """

    silent: int = 0
    repeats: int = 0
    rushed: int = 0
    doubtful: int = 0
    bleed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribed:
    """Where a clip's words come from, or why it has none.

    `file`: the transcript that came with the recording, None if none did. `speakers`: of the transcript, on channel 0
    and 1; "" for nobody. `certain`: whether names or times leave no doubt about that, nor that it belongs to the
    recording. `aligner`: what gave words their times, None where the transcript or the recogniser did. `approximate`:
    how many words share out their utterance's time. `notes`: what was left out, a line each. `recogniser`: what heard
    the words, None where nothing listened; `removed`: what it heard and is not in the clip.
    """

    file: TranscriptFile | None = None
    speakers: tuple[str, str] = ("", "")
    certain: bool = True
    aligner: str | None = None
    approximate: int = 0
    notes: tuple[str, ...] = ()
    recogniser: str | None = None
    removed: Removed | None = None

    @property
    def written(self) -> bool:
        """Whether somebody wrote down, or a recogniser heard, what is said."""
        return self.file is not None or self.recogniser is not None
