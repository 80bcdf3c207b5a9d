"""The draft of a transcript: what a reader of a format hands over, with the checks that all formats share."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.plain_text import counted
from schemas.transcript import LEAST_CONFIDENCE, TimedWord, Transcript, Utterance
from stages.transcripts.errors import TranscriptError
from stages.transcripts.word_times import Written, in_utterances, spelled_as

TOLERANCE_S: Final = 0.5
"""How far a start may lie past the end of the recording, and a word outside its utterance."""

NUMBER: Final = re.compile(r"[-+]?(?:\d++\.?\d*+|\.\d++)(?:e[-+]?\d++)?|[-+]?(?:nan|inf(?:inity)?)", re.A | re.I)
_NOT_TEXT: Final = re.compile("[\x00-\x08\x0e-\x1b\x7f\ud800-\udfff]")
_NO_CONFIDENCE: Final = frozenset({"", "na", "<na>", "-"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenWord:
    """A word as it is written; `start_s`, `end_s`: None where it has no times."""

    text: str
    start_s: float | None
    end_s: float | None
    confidence: float = 1.0


class Draft:
    """The utterances and notes so far. `at` says in which line, tier or entry of `path` something stands."""

    def __init__(self, path: Path, recording: str, duration_s: float | None) -> None:
        self.path = path
        self.recording = recording
        self._duration_s = duration_s
        self._utterances: list[Utterance] = []
        self._words: dict[str, list[TimedWord]] = {}
        self._notes: list[str] = []
        self._counts: Counter[str] = Counter()

    def error(self, at: str, what: str) -> TranscriptError:
        """The error to raise."""
        return TranscriptError(f"{self.path}{', ' if at else ''}{at}: {what}")

    def not_among(self, at: str, recordings: Iterable[str]) -> TranscriptError:
        """The error to raise for a file of other recordings."""
        names = sorted(set(recordings))
        few = ", ".join(repr(name[:40]) for name in names[:3])
        what = f"has {counted(len(names), 'recording')} ({few}), none is {self.recording!r}"
        return self.error(at, f"{what}: name one as the recording's file is named")

    def note(self, line: str) -> None:
        """Say something once of the whole transcript."""
        if line not in self._notes:
            self._notes.append(line)

    def count(self, kind: str) -> None:
        """Count something that is left out or changed."""
        self._counts[kind] += 1

    def seconds(self, at: str, written: str | float, name: str) -> float:
        """A time from its text or number, to the microsecond; `name` says which."""
        if isinstance(written, str):
            if not NUMBER.fullmatch(written.strip()):
                raise self.error(at, f"the {name} {written[:40]!r} is no number of seconds: write it as 12.34")
            written = float(written)
        if not (math.isfinite(written) and written >= 0):
            raise self.error(at, f"the {name} is {written:g} s: give the seconds from the start of the recording")
        return round(written, 6) + 0.0

    def end_after(self, at: str, start_s: float, duration: str | float) -> float:
        """The end of what is written as start and duration."""
        return round(start_s + self.seconds(at, duration, "duration"), 6)

    def confidence(self, at: str, written: str | float | None) -> float:
        """A confidence above 0 from its text or number; 1 where there is none, or one that is no probability."""
        if written is None or (isinstance(written, str) and written.strip().lower() in _NO_CONFIDENCE):
            return 1.0
        if isinstance(written, str):
            if not NUMBER.fullmatch(written.strip()):
                raise self.error(at, f"the confidence {written[:40]!r} is no number: write one from 0 to 1")
            written = float(written)
        if 0 <= written <= 1:
            return max(float(written), LEAST_CONFIDENCE)
        self.count("left out: confidences that are not from 0 to 1")
        return 1.0

    def add(
        self, at: str, speaker: str, start_s: float, end_s: float, text: str, *, words: Sequence[WrittenWord] = ()
    ) -> None:
        """An utterance with its text; `words`: where they have times of their own."""
        text = self._clean(at, text) or self._clean(at, " ".join(w.text for w in words))
        written = self._written(at, start_s, end_s, words)
        start_s, end_s = self._within_recording(at, "utterances", start_s, end_s)
        if not text or start_s == end_s:
            self.count(f"left out: utterances without {'text' if not text else 'duration'}")
            return
        spelled = spelled_as(text, written)
        if written and not spelled:
            self.count("left out: the word times of utterances whose text has other words")
        timed = tuple(word for word in spelled if isinstance(word, TimedWord))
        if timed and len(timed) < len(spelled):
            self._counts["words that have no times, or no duration, among words that have"] += len(spelled) - len(
                timed
            )
            self._put(at, speaker, start_s, end_s, text, partly=spelled)
        else:
            self._put(at, speaker, start_s, end_s, text, words=timed)

    def add_turn(self, at: str, speaker: str, start_s: float, end_s: float) -> None:
        """That somebody speaks, in a format that says no more."""
        start_s, end_s = self._within_recording(at, "turns", start_s, end_s)
        if start_s == end_s:
            self.count("left out: turns without duration")
            return
        self._put(at, speaker, start_s, end_s, "")

    def add_untimed(self, at: str, speaker: str, text: str) -> None:
        """An utterance of a transcript without times."""
        self._put(at, speaker, None, None, self._clean(at, text))

    def add_word(
        self, at: str, speaker: str, start_s: float, end_s: float, text: str, *, confidence: float = 1.0
    ) -> None:
        """A word of a format that has no utterances; they are made from the pauses between a speaker's words."""
        text = self._clean(at, text)
        start_s, end_s = self._within_recording(at, "words", start_s, end_s)
        if not text or start_s == end_s:
            self.count(f"left out: words without {'text' if not text else 'duration'}")
            return
        word = TimedWord(text=text, start_s=start_s, end_s=end_s, confidence=confidence)
        self._words.setdefault(self._clean_name(at, speaker), []).append(word)

    def transcript(self) -> Transcript:
        """All of it, by start."""
        found = [*self._utterances, *(u for name, words in self._words.items() for u in in_utterances(name, words))]
        notes = [*self._notes, *(f"{kind} ({count})" for kind, count in self._counts.items())]
        if not found:
            notes.append("it has no utterances")
        in_order = sorted(found, key=lambda u: (u.start_s is None, u.start_s or 0.0))
        return Transcript(utterances=tuple(in_order), notes=tuple(notes))

    def _put(
        self,
        at: str,
        speaker: str,
        start_s: float | None,
        end_s: float | None,
        text: str,
        *,
        words: tuple[TimedWord, ...] = (),
        partly: tuple[Written, ...] = (),
    ) -> None:
        name = self._clean_name(at, speaker)
        self._utterances.append(
            Utterance(speaker=name, start_s=start_s, end_s=end_s, text=text, words=words, partly=partly)
        )

    def _clean(self, at: str, text: str) -> str:
        if found := _NOT_TEXT.search(text):
            raise self.error(at, f"has the character U+{ord(found[0]):04X}, which is no text: is the file damaged?")
        return " ".join(text.split())

    def _clean_name(self, at: str, speaker: str) -> str:
        self._clean(at, speaker)
        return speaker.strip()

    def _written(self, at: str, start_s: float, end_s: float, words: Sequence[WrittenWord]) -> tuple[Written, ...]:
        """The words of an utterance by start; only its text of one without times or duration, after its neighbour."""
        found: list[tuple[float, Written]] = []
        for word in words:
            text, last_s = self._clean(at, word.text), found[-1][0] if found else -1.0
            if not text:
                continue
            if word.start_s is None or word.end_s is None:
                found.append((last_s, text))
                continue
            if word.start_s < start_s - TOLERANCE_S - 1e-6 or word.end_s > end_s + TOLERANCE_S + 1e-6:
                raise self.error(
                    at,
                    f"the word {text[:40]!r} ({word.start_s:g}-{word.end_s:g} s) lies outside its utterance"
                    f" ({start_s:g}-{end_s:g} s): correct the times",
                )
            from_s, to_s = self._within_recording(at, "words", word.start_s, word.end_s)
            timed = TimedWord(text=text, start_s=from_s, end_s=to_s, confidence=word.confidence)
            found.append((from_s, timed) if from_s < to_s else (last_s, text))
        return tuple(word for _, word in sorted(found, key=lambda f: f[0]))

    def _within_recording(self, at: str, kind: str, start_s: float, end_s: float) -> tuple[float, float]:
        """The times, cut at the end of the recording; equal where nothing is left."""
        if end_s < start_s:
            raise self.error(at, f"ends at {end_s:g} s, before it starts at {start_s:g} s: correct the times")
        limit_s = self._duration_s
        if limit_s is None or end_s <= limit_s:
            return start_s, end_s
        if start_s >= limit_s + TOLERANCE_S:
            raise self.error(
                at,
                f"times are past the end of the recording ({start_s:.1f} s of {limit_s:.1f} s):"
                " is it the transcript of another recording?",
            )
        if end_s > limit_s + 1e-3:
            self.count(f"cut at the end of the recording: {kind}")
        return min(start_s, limit_s), limit_s
