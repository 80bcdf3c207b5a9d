"""The built-in aligner: forced alignment with PocketSphinx and its English model (Huggins-Daines et al. 2006, BSD).

The model (16 kHz, phones in context) and the CMU pronouncing dictionary come with the pocketsphinx package.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pocketsphinx

from model.aligner.contract import AlignerError, align_items
from model.aligner.lexicon import Lexicon, read_dictionary
from model.aligner.sphinx_search import search
from model.aligner.tokens import is_english, spoken
from model.resample import Float32
from schemas.transcript import TimedWord

RULES: Final = 1
"""To be raised when the pronunciations, the search or the confidence change: it is part of the digest."""
ENGLISH: Final = Path(pocketsphinx.__file__).parent / "model" / "en-us"


class SphinxAligner:
    """English words by PocketSphinx; see `model.aligner.contract.Aligner`.

    `confidence` is the probability that both ends of the word are within 100 ms, as far as the likelihood of its
    sounds tells: fitted on the demo's recordings, clean and in noise, half of them with another text.
    """

    name: Final = "builtin"

    def __init__(self, folder: Path = ENGLISH) -> None:
        """folder: where the model and its dictionary are. Raises AlignerError where they are not."""
        dictionary, self._model = folder / "cmudict-en-us.dict", folder / "en-us"
        if not dictionary.is_file() or not (self._model / "mdef").is_file():
            raise AlignerError(f"no English model in {folder}: install pocketsphinx 5.1.1 or later anew")
        self._lexicon = Lexicon(read_dictionary(dictionary))
        digest = hashlib.sha256(f"{RULES} {version('pocketsphinx')}".encode())
        for path in [dictionary, *sorted(path for path in self._model.iterdir() if path.is_file())]:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        self.digest: Final = digest.hexdigest()

    def missing(self, language: str | None) -> str | None:
        """Why the words of a language cannot be placed; a language that is not known counts as English."""
        return None if is_english(language) else f'the built-in aligner knows English, not "{language}"'

    def align(self, audio: Float32, words: Sequence[str], *, language: str | None) -> list[TimedWord | None]:
        """See `Aligner.align`."""
        if self.missing(language):
            return [None] * len(words)
        items = [(self._lexicon.sayings(token) or None) if token else None for token in spoken(words)]
        return align_items(partial(search, self._model), audio, words, items)
