"""Text tokenizers of the text row: SentencePiece models, Moshi's or those of `duplexset fit text`.

Words are encoded one at a time, each with its leading marker "▁", as in kyutai-labs/moshi-finetune
(`finetune/data/interleaver.py`). Ids 0 and 3 of the row mean EPAD and PAD (`model.streams`); in Moshi's tokenizer
they are the unknown piece and the padding, which no word should give.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import sentencepiece
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from model.streams import TEXT_EPAD, TEXT_PAD
from schemas.errors import UserError

MOSHI_FILE = "tokenizer_spm_32k_3.model"
MARKER = "▁"  # SentencePiece's sign for the space before a word
WHAT_TO_GIVE = (
    f"give the file that `duplexset fit text` wrote, or Moshi's {MOSHI_FILE} (as from kyutai/moshiko-pytorch-bf16)"
)


class TextError(UserError):
    """A text tokenizer that cannot be read or trained; the message says why and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class SentencePieceText:
    """A loaded tokenizer; it can be pickled. name: as it was asked for; proto: the bytes of the model file."""

    name: str
    proto: bytes = field(repr=False)
    _pieces: sentencepiece.SentencePieceProcessor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Raise TextError for what is no SentencePiece model or has words at the ids of EPAD and PAD."""
        object.__setattr__(self, "_pieces", _processor(self.name, self.proto))
        for token, meaning in ((TEXT_EPAD, "EPAD"), (TEXT_PAD, "PAD")):
            if not _reserved(self._pieces, token):
                raise TextError(
                    f"{self.name}: id {token} is {self._pieces.id_to_piece(token)!r}, a part of words, "
                    f"but means {meaning} in the text row; {WHAT_TO_GIVE}"
                )

    def __reduce__(self) -> tuple[type["SentencePieceText"], tuple[str, bytes]]:
        """From the bytes again, in another process."""
        return SentencePieceText, (self.name, self.proto)

    @property
    def digest(self) -> str:
        """SHA-256 of the model file."""
        return hashlib.sha256(self.proto).hexdigest()

    @property
    def text_card(self) -> int:
        """Number of ids."""
        return self._pieces.get_piece_size()

    def encode(self, text: str) -> list[int]:
        """Ids of one word, the first with the leading marker; EPAD's or PAD's id among them: it cannot be spelled."""
        ids: list[int] = self._pieces.encode(text)
        return ids

    def decode(self, tokens: list[int]) -> str:
        """The text of one word's ids, or of some of them; bytes that are no UTF-8 become U+FFFD."""
        return str(self._pieces.decode(tokens))

    def starts_word(self, token: int) -> bool:
        """Whether a word begins with this id: its piece has the leading marker. False for an id there is not."""
        return 0 <= token < self.text_card and self._pieces.id_to_piece(token).startswith(MARKER)


def load_text_tokenizer(name: str | Path) -> SentencePieceText:
    """Load FILE.model, or "moshi:FOLDER" or "moshi:HUB_ID" with Moshi's; "@SHA256" behind it pins the digest.

    Raises TextError where it is missing, no SentencePiece model, of another digest, or not fit for the text row.
    """
    path, expected = Path(name), ""
    if not path.is_file():
        source, _, expected = str(name).partition("@")
        path = _moshi(source.removeprefix("moshi:")) if source.startswith("moshi:") else Path(source)
    try:
        proto = path.read_bytes()
    except OSError as error:
        raise TextError(f"no text tokenizer at {path} ({error.strerror}): {WHAT_TO_GIVE}") from error
    tokenizer = SentencePieceText(str(name), proto)
    if expected and tokenizer.digest != expected.lower():
        raise TextError(f"{path} has digest {tokenizer.digest}, not {expected}")
    return tokenizer


def _moshi(source: str) -> Path:
    """Moshi's tokenizer in a folder, or on the hub (from its local cache where it is there)."""
    if Path(source).is_dir():
        return Path(source) / MOSHI_FILE
    try:
        return Path(hf_hub_download(source, MOSHI_FILE))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise TextError(
            f'no {MOSHI_FILE} at "{source}", neither a folder nor on the hub ({reason}): {WHAT_TO_GIVE}'
        ) from error


def _processor(name: str, proto: bytes) -> sentencepiece.SentencePieceProcessor:
    """A ready processor; TextError for bytes that are no model of at least four ids."""
    broken = TextError(f"{name}: not a SentencePiece model; {WHAT_TO_GIVE}")
    if not proto:
        raise broken
    try:
        pieces = sentencepiece.SentencePieceProcessor(model_proto=proto)
    except RuntimeError as error:
        raise broken from error
    if pieces.get_piece_size() <= TEXT_PAD:
        raise broken
    return pieces


def _reserved(pieces: sentencepiece.SentencePieceProcessor, token: int) -> bool:
    """Whether no ordinary word gives this id: a sign such as <unk>, <pad> or [PAD], or the byte of no text."""
    piece = pieces.id_to_piece(token)
    sign = (piece[:1], piece[-1:]) in {("<", ">"), ("[", "]")}
    return sign or pieces.is_unknown(token) or pieces.is_control(token) or pieces.is_unused(token)
