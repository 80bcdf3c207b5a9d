"""The reference aligner: a CTC model of the wav2vec 2.0 kind, through transformers; see `model.ctc_network`."""

from collections.abc import Sequence
from typing import Final

from model.aligner.contract import AlignerError, align_items
from model.aligner.ctc_search import CtcSearch
from model.aligner.ctc_text import Alphabet
from model.ctc_network import CtcNetwork, load_network
from model.hub_folder import NetworkError
from model.resample import Float32
from schemas.transcript import TimedWord

RULES: Final = 1
"""To be raised when the text, the search or the confidence change: it is part of the digest."""


def load_ctc(name: str, device: str = "cpu") -> "CtcAligner":
    """Load a model from a folder or from the hub (its local cache first).

    Raises AlignerError where files are missing, the weights are no safetensors, or it is another kind of model.
    """
    try:
        return CtcAligner(name, load_network(name, device, kind='aligner, "builtin"', rules=str(RULES)))
    except NetworkError as error:
        raise AlignerError(str(error)) from error


class CtcAligner:
    """Words by the characters of a CTC model; see `model.aligner.contract.Aligner`.

    `confidence` is the mean probability that the model gives the word's characters in the frames they are placed in.
    """

    def __init__(self, name: str, network: CtcNetwork) -> None:
        self.name: Final = name
        self.digest: Final = network.digest
        self._alphabet = Alphabet(network.vocabulary, blank=network.blank, size=network.size)
        self._search = CtcSearch(network.log_probabilities, network.frames, self._alphabet)

    def missing(self, language: str | None) -> str | None:
        """None: what the model's alphabet cannot write is not placed, whatever the language."""
        del language
        return None

    def align(self, audio: Float32, words: Sequence[str], *, language: str | None) -> list[TimedWord | None]:
        """See `Aligner.align`. A word with no character that the model knows is None; it keeps its room, though."""
        return align_items(self._search, audio, words, self._alphabet.items(words, language))
