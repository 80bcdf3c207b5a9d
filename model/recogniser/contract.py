"""What a recogniser is: a stretch of one speaker's audio in, the words in it out."""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from model.resample import Float32, Resampler
from schemas.errors import UserError
from schemas.transcript import TimedWord

SAMPLE_RATE_HZ: Final = 24_000
MODEL_RATE_HZ: Final = 16_000
MAX_STRETCH_S: Final = 30.0
"""The longest stretch that a recogniser is given, and so the bound on its memory."""


class RecogniserError(UserError):
    """A recogniser that cannot be loaded: what is missing, and what to fetch."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The words of a stretch by start, on its clock and inside it, disjoint; and how sure the recogniser is of it.

    `no_speech`: probability that nobody speaks. `log_probability`: mean of the tokens', in nats. Either is None where
    the recogniser does not say.
    """

    words: tuple[TimedWord, ...] = ()
    no_speech: float | None = None
    log_probability: float | None = None


class Recogniser(Protocol):
    """Writes down what one speaker says. The same stretch gives the same words, whatever came before it."""

    @property
    def name(self) -> str:
        """As given to `load_recogniser`."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 in hex of everything that shapes the words: weights, configuration, rules."""
        ...

    def missing(self, language: str | None) -> str | None:
        """Why a language (BCP 47; None: not known) cannot be written down; None if it can."""
        ...

    def language_of(self, audio: Float32) -> str | None:
        """The language of a stretch, as `recognise` takes it; None where the recogniser does not tell languages."""
        ...

    def recognise(self, audio: Float32, *, language: str | None) -> Heard:
        """The words in a stretch, float32 [samples] at 24 kHz, at most `MAX_STRETCH_S` long.

        language: None where it is not known. `confidence` of a word: 0 to 1, how sure the recogniser is of it.
        """
        ...


def at_model_rate(audio: Float32) -> Float32:
    """A stretch at 16 kHz, float32 [samples]."""
    resampler = Resampler(SAMPLE_RATE_HZ, MODEL_RATE_HZ, 1)
    low: Float32 = np.concatenate([resampler.push(audio[None]), resampler.flush()], axis=1)[0]
    return low
