"""transcribe: the words of each channel, with times, from the recording's transcript or by a recogniser."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from model.aligner.contract import Aligner
from model.aligner.load import load_aligner
from model.aligner.place import place
from model.recogniser.contract import Recogniser
from model.recogniser.listen import listen
from model.recogniser.load import load_recogniser
from schemas.conversation import Diarized, Word, Worded
from schemas.recording import SAMPLE_RATE_HZ, LayoutKind, Source
from schemas.transcript import TimedWord, Transcribed, Transcript, TranscriptFile
from stages.contract import Needs
from stages.ingest import transcript_of, without_words
from stages.transcripts.placed import placed
from stages.transcripts.read import TranscriptError

TIME_DIGITS: Final = 3
LEAST_CONFIDENCE: Final = 10.0**-TIME_DIGITS  # of a word that was placed; 0 says that it was not


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribe:
    """Adds the words.

    `aligner`: what gives words their times where the transcript has none, see `load_aligner`. `recogniser`: what
    writes down recordings that come without words, see `load_recogniser`; "" leaves them without.
    """

    name: ClassVar[str] = "transcribe"
    reads: ClassVar[type] = Diarized
    writes: ClassVar[type] = Worded
    version: ClassVar[int] = 1

    aligner: str = "builtin"
    recogniser: str = ""

    @property
    def needs(self) -> Needs:
        """A recogniser runs on a GPU where there is one."""
        return Needs(gpus=0.25) if self.recogniser else Needs()

    def load(self, device: str) -> Callable[[Diarized], Worded]:
        """The networks are loaded when the first recording needs them."""

        @lru_cache(maxsize=1)
        def aligner() -> Aligner:
            return load_aligner(self.aligner, device)

        @lru_cache(maxsize=1)
        def recogniser() -> Recogniser:
            return load_recogniser(self.recogniser, device)

        @lru_cache(maxsize=1)
        def transcript(source: Source, sha256: str, duration_s: float) -> Transcript:
            del sha256  # of another file of that name, another transcript
            return transcript_of(source, duration_s)

        def transcribe(row: Diarized) -> Worded:
            source, file = row.span.source.recording.source, row.span.source.recording.transcript
            duration_s = row.span.source.n_samples / SAMPLE_RATE_HZ
            made, worded = Worded(diarized=row), False
            if file is not None:
                try:
                    read = transcript(source, file.sha256, duration_s)
                except TranscriptError as error:  # the length is known only now
                    notes = (without_words(error, [Path(p) for p in source.transcript]),)
                    made = replace(made, transcript=Transcribed(file=file, certain=False, notes=notes))
                else:
                    made, worded = with_words(row, file, read, aligner), says_words(read)
            return made if worded or not self.recogniser else recognised(made, recogniser())

        return transcribe


def says_words(transcript: Transcript) -> bool:
    """Whether it says what is said anywhere, and not only who speaks when."""
    return any(utterance.text or utterance.words for utterance in transcript.utterances)


def recognised(row: Worded, recogniser: Recogniser) -> Worded:
    """A span with the words that a recogniser hears, beside what a transcript said of who is on which channel."""
    span = row.diarized.span
    stated = row.transcript or Transcribed()
    language = span.source.recording.source.language
    missing = recogniser.missing(language)
    if missing:
        return replace(row, transcript=replace(stated, notes=(*stated.notes, f"no words: {missing}")))
    pcm = np.frombuffer(span.pcm, np.int16).reshape(2, -1)
    heard, removed = listen(pcm, row.diarized.segments, span.source.layout.leakage_db, language, recogniser)
    return replace(
        row,
        words=_in_order(_word(channel, word, stated=True) for channel in (0, 1) for word in heard[channel]),
        transcript=replace(
            stated, recogniser=recogniser.name, removed=removed, certain=stated.certain or not any(stated.speakers)
        ),
    )


def with_words(row: Diarized, file: TranscriptFile, transcript: Transcript, aligner: Callable[[], Aligner]) -> Worded:
    """A span with the words that the transcript has for it. aligner: loads it, where it is needed."""
    span = row.span
    recording = span.source.recording
    separate = span.source.layout.kind is LayoutKind.SEPARATE
    dealt = placed(
        transcript.utterances,
        (span.start_sample / SAMPLE_RATE_HZ, span.end_sample / SAMPLE_RATE_HZ),
        row.segments,
        recording.source.speakers if separate else None,
        separate=separate,
        whole=span.end_sample - span.start_sample >= span.source.n_samples,
    )
    pcm = np.frombuffer(span.pcm, np.int16).reshape(2, -1)
    language = recording.source.language
    untimed = any(u.text and not u.words for _, u in dealt.utterances)
    missing = aligner().missing(language) if untimed else None
    words: list[Word] = []
    for channel, utterance in dealt.utterances:
        timed = utterance.words
        if utterance.text and not timed:
            timed = place(pcm[channel], utterance, language, aligner=aligner())
        words += (_word(channel, w, stated=bool(utterance.words)) for w in timed)
    return Worded(
        diarized=row,
        words=_in_order(words),
        transcript=Transcribed(
            file=file,
            speakers=dealt.match.speakers(),
            certain=dealt.match.certain,
            aligner=aligner().name if untimed else None,
            approximate=sum(w.confidence == 0.0 for w in words),
            notes=dealt.notes
            if missing is None
            else (*dealt.notes, f"words share out their utterance's time: {missing}"),
        ),
    )


def _in_order(words: Iterable[Word]) -> tuple[Word, ...]:
    return tuple(sorted(words, key=lambda w: (w.start_s, w.channel, w.end_s)))


def _word(channel: int, word: TimedWord, *, stated: bool) -> Word:
    """stated: its times are the transcript's or the recogniser's, however sure that is of the word."""
    placed = stated or word.confidence > 0.0
    return Word(
        channel=channel,
        text=word.text,
        start_s=round(word.start_s, TIME_DIGITS),
        end_s=round(word.end_s, TIME_DIGITS),
        confidence=max(round(word.confidence, TIME_DIGITS), LEAST_CONFIDENCE) if placed else 0.0,
    )
