"""transcribe: the words of each channel, with times, from the recording's transcript or by a recogniser."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Final

import numpy as np

from model.aligner.contract import Aligner
from model.aligner.load import load_aligner
from model.aligner.place import MOST_WORDS_PER_S, place_all, too_many
from model.recogniser.contract import Recogniser
from model.recogniser.listen import listen
from model.recogniser.load import load_recogniser
from schemas.conversation import Diarized, Word, Worded
from schemas.plain_text import counted
from schemas.recording import SAMPLE_RATE_HZ, LayoutKind, Source
from schemas.transcript import LEAST_CONFIDENCE, TimedWord, Transcribed, Transcript, TranscriptFile, Utterance
from stages.contract import Needs
from stages.ingest import transcript_of, without_words
from stages.transcripts.belongs import doubt
from stages.transcripts.placed import placed
from stages.transcripts.read import TranscriptError

TIME_DIGITS: Final = (3, 6, 9)  # the first in which every word has a duration
CONFIDENCE_DIGITS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribe:
    """Adds the words.

    `aligner`: what gives words their times where the transcript has none, see `load_aligner`. `recogniser`: what
    writes down recordings that come without words, see `load_recogniser`; "" leaves them without.
    """

    name: ClassVar[str] = "transcribe"
    reads: ClassVar[type] = Diarized
    writes: ClassVar[type] = Worded
    version: ClassVar[int] = 2

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
                    notes = (without_words(error, source),)
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
        words=_words((channel, _sure(word)) for channel in (0, 1) for word in heard[channel]),
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
    language = recording.source.language
    untimed = any(_is_untimed(u) for _, u in dealt.utterances)
    missing = aligner().missing(language) if untimed else None
    words = [(c, w) for c in (0, 1) for w in _timed(row, c, dealt.utterances, aligner)]
    given = {(c, w.start_s) for c, u in dealt.utterances for w in u.words}
    found = [(c, w) for c, w in words if w.confidence > 0.0 and (c, w.start_s) not in given]
    unlike = doubt(dealt.utterances, row.segments, found)
    crowded = sum(too_many(u) for _, u in dealt.utterances)
    notes = (
        *dealt.notes,
        f"words share out their utterance's time: {missing}" if missing else "",
        f"{counted(crowded, 'utterance')} of more than {MOST_WORDS_PER_S} words a second: are their times right?"
        if crowded
        else "",
        unlike or "",
    )
    return Worded(
        diarized=row,
        words=_words(words),
        transcript=Transcribed(
            file=file,
            speakers=dealt.match.speakers(),
            certain=dealt.match.certain and not unlike,
            aligner=aligner().name if untimed else None,
            approximate=sum(w.confidence == 0.0 for _, w in words),
            notes=tuple(filter(None, notes)),
        ),
    )


def _is_untimed(utterance: Utterance) -> bool:
    return bool(utterance.text) and not utterance.words


def _timed(
    row: Diarized, channel: int, dealt: Sequence[tuple[int, Utterance]], aligner: Callable[[], Aligner]
) -> Sequence[TimedWord]:
    """The words of one channel with times. aligner: asked for only where some have none."""
    own = sorted((u for c, u in dealt if c == channel), key=lambda u: u.start_s or 0.0)
    if not any(map(_is_untimed, own)):
        return [word for utterance in own for word in utterance.words]
    pcm = np.frombuffer(row.span.pcm, np.int16).reshape(2, -1)[channel]
    return place_all(pcm, own, row.span.source.recording.source.language, aligner=aligner())


def _sure(word: TimedWord) -> TimedWord:
    """With the recogniser's times, however sure that is of the word."""
    return replace(word, confidence=max(word.confidence, LEAST_CONFIDENCE))


def _words(words: Iterable[tuple[int, TimedWord]]) -> tuple[Word, ...]:
    """By start."""
    timed = list(words)
    for digits in TIME_DIGITS:
        rounded = [_word(channel, word, digits) for channel, word in timed]
        if all(word.start_s < word.end_s for word in rounded):
            break
    return tuple(sorted(rounded, key=lambda w: (w.start_s, w.channel, w.end_s)))


def _word(channel: int, word: TimedWord, digits: int) -> Word:
    """A word that has a place has a confidence above 0."""
    confidence = round(word.confidence, CONFIDENCE_DIGITS)
    return Word(
        channel=channel,
        text=word.text,
        start_s=round(word.start_s, digits),
        end_s=round(word.end_s, digits),
        confidence=max(confidence, LEAST_CONFIDENCE) if word.confidence > 0.0 else 0.0,
    )
