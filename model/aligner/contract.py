"""What an aligner is: words and one speaker's audio in, the words' times out."""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from model.aligner.windows import MODEL_RATE_HZ, Item, Search, in_windows
from model.resample import Float32, Resampler
from schemas.errors import UserError
from schemas.transcript import TimedWord

SAMPLE_RATE_HZ: Final = 24_000


class AlignerError(UserError):
    """An aligner that cannot be loaded: what is missing, and what to fetch."""


class Aligner(Protocol):
    """Places words in the audio of one speaker."""

    @property
    def name(self) -> str:
        """As given to `load_aligner`."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 in hex of everything that shapes the times: weights, dictionary, rules."""
        ...

    def missing(self, language: str | None) -> str | None:
        """Why words of a language (BCP 47; None: not known) cannot be placed; None if they can."""
        ...

    def align(self, audio: Float32, words: Sequence[str], *, language: str | None) -> list[TimedWord | None]:
        """The words with seconds from the start of `audio`, float32 [samples] at 24 kHz, of any length.

        In order, disjoint, inside the audio; as many as went in. None for a word that has no place: nobody says it
        (a bracketed event, a dash), it has no pronunciation, is of another language, or the audio has no room for the
        words. `confidence`: 0 to 1, how sure the place is; the aligner says how it is found.
        """
        ...


def align_items(
    search: Search[Item], audio: Float32, words: Sequence[str], items: Sequence[Item | None]
) -> list[TimedWord | None]:
    """The words of `Aligner.align` by a search at 16 kHz; None stays None where a word has no item to search for."""
    said = [i for i, item in enumerate(items) if item is not None]
    resampler = Resampler(SAMPLE_RATE_HZ, MODEL_RATE_HZ, 1)
    low = np.concatenate([resampler.push(audio[None]), resampler.flush()], axis=1)[0]
    spans = in_windows(search, low, [item for item in items if item is not None])
    length_s = audio.size / SAMPLE_RATE_HZ
    found: list[TimedWord | None] = [None] * len(words)
    for i, span in zip(said, spans, strict=True):
        if span and span.start_s < length_s:
            end_s = min(span.end_s, length_s)
            found[i] = TimedWord(text=words[i], start_s=span.start_s, end_s=end_s, confidence=span.confidence)
    return found
