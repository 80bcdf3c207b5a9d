"""Recognition with a CTC network: the likeliest character of each frame, read off (Graves et al. 2006)."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final

import numpy as np

from model.ctc_network import CtcNetwork, load_network
from model.hub_folder import NetworkError
from model.recogniser.contract import SAMPLE_RATE_HZ, Heard, RecogniserError, at_model_rate
from model.resample import Float32
from schemas.transcript import TimedWord

RULES: Final = 1
"""To be raised when the text, the times or the confidence change: it is part of the digest."""
BETWEEN_WORDS: Final = ("|", " ")


def load_ctc(name: str, device: str = "cpu") -> "CtcRecogniser":
    """Load "ctc:FOLDER" or "ctc:HUB_ID". Raises RecogniserError."""
    try:
        network = load_network(name.removeprefix("ctc:"), device, kind="recogniser", rules=f"recogniser {RULES}")
    except NetworkError as error:
        raise RecogniserError(str(error)) from error
    return CtcRecogniser(name, network)


class CtcRecogniser:
    """Words by the characters of a CTC network; see `model.recogniser.contract.Recogniser`.

    A word is from the first frame of its first character to the last of its last; `confidence` is the mean
    probability of its characters there. Words are in lower case if the network writes only one case.
    """

    def __init__(self, name: str, network: CtcNetwork, languages: frozenset[str] = frozenset()) -> None:
        """languages: ISO 639-1, empty if it is not known which. Raises RecogniserError if nothing parts words."""
        self.name: Final = name
        self.digest: Final = network.digest
        self._network, self._languages = network, languages
        between = [network.vocabulary[c] for c in BETWEEN_WORDS if c in network.vocabulary]
        if not between:
            raise RecogniserError(
                f'the model of {name} writes nothing between words: take one that writes letters and "|"'
            )
        self._between = frozenset(between)
        self._letters = letters(network.vocabulary, {network.blank, *between})

    def missing(self, language: str | None) -> str | None:
        """A model of a folder does not say which languages it knows, and is trusted with any."""
        if language is None or not self._languages or _primary(language) in self._languages:
            return None
        return f'the recogniser {self.name} knows {", ".join(sorted(self._languages))}, not "{language}"'

    def language_of(self, audio: Float32) -> str | None:
        """None: it writes what it was trained on."""
        del audio
        return None

    def recognise(self, audio: Float32, *, language: str | None) -> Heard:
        """See `Recogniser.recognise`."""
        low = at_model_rate(audio)
        if low.size < self._network.frames.field or self.missing(language):
            return Heard()
        return Heard(words=tuple(self._words(self._network.log_probabilities(low).numpy(), audio.size)))

    def _words(self, log_probs: Float32, samples: int) -> Iterator[TimedWord]:
        """The words of log-probabilities [frames, characters]."""
        best = log_probs.argmax(axis=1)
        length_s, start_s = samples / SAMPLE_RATE_HZ, self._network.frames.start_s
        for between, run in groupby(range(len(best)), lambda frame: int(best[frame]) in self._between):
            frames = [] if between else [frame for frame in run if int(best[frame]) in self._letters]
            if not frames:
                continue
            changes = [n for n in range(frames[0], frames[-1] + 1) if n == frames[0] or best[n] != best[n - 1]]
            confidence = float(np.exp(log_probs[frames, best[frames]].astype(np.float64)).mean())
            yield TimedWord(
                text="".join(self._letters.get(int(best[n]), "") for n in changes),
                start_s=min(start_s(frames[0]), length_s),
                end_s=min(start_s(frames[-1] + 1), length_s),
                confidence=min(1.0, confidence),
            )


def letters(vocabulary: Mapping[str, int], others: set[int]) -> dict[int, str]:
    """What each number writes: single characters, in lower case if there is no choice. others: marks, left out."""
    found = {number: c for c, number in vocabulary.items() if len(c) == 1 and number not in others}
    return found if any(c.islower() for c in found.values()) else {n: c.lower() for n, c in found.items()}


def _primary(language: str) -> str:
    return language.lower().replace("_", "-").split("-")[0]
