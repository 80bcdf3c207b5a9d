"""The reference aligner: a CTC model of the wav2vec 2.0 kind, through transformers.

For example facebook/wav2vec2-base-960h (English, Apache-2.0; Baevski et al. 2020), or one of the language at hand.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModelForCTC

from model.aligner.contract import AlignerError, align_items
from model.aligner.ctc_search import CtcSearch, Frames
from model.aligner.ctc_text import Alphabet
from model.aligner.windows import MODEL_RATE_HZ
from model.codec_blocks import one_thread
from model.resample import Float32
from schemas.transcript import TimedWord

RULES: Final = 1
"""To be raised when the text, the search or the confidence change: it is part of the digest."""
FILES: Final = ("config.json", "vocab.json", "preprocessor_config.json")
WHAT_TO_FETCH: Final = (
    "fetch a CTC model of the wav2vec 2.0 kind, as facebook/wav2vec2-base-960h (config.json, vocab.json, "
    "preprocessor_config.json, model.safetensors), and give its folder"
)
_FOR_TRAINING: Final = "masked_spec_embed"  # a weight that published models lack


def load_ctc(name: str, device: str = "cpu") -> "CtcAligner":
    """Load a model from a folder or from the hub (its local cache first).

    Raises AlignerError where files are missing, the weights are no safetensors, or it is another kind of model.
    """
    folder = Path(name) if Path(name).is_dir() else _fetch(name)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise AlignerError(f"no .safetensors weights in {folder} (pickled ones are not loaded): {WHAT_TO_FETCH}")
    lacking = [file for file in FILES if not (folder / file).is_file()]
    if lacking:
        raise AlignerError(f"no {lacking[0]} in {folder}: {WHAT_TO_FETCH}")
    digest = hashlib.sha256(str(RULES).encode())
    for path in [*(folder / file for file in FILES), *weights]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return CtcAligner(folder, name=name, digest=digest.hexdigest(), device=device)


def _fetch(hub_id: str) -> Path:
    try:
        return Path(snapshot_download(hub_id, allow_patterns=[*FILES, "*.safetensors"]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise AlignerError(
            f'no aligner "{hub_id}", neither "builtin" nor a folder nor on the hub ({reason}): {WHAT_TO_FETCH}'
        ) from error


class CtcAligner:
    """Words by the characters of a CTC model; see `model.aligner.contract.Aligner`.

    `confidence` is the mean probability that the model gives the word's characters in the frames they are placed in.
    """

    def __init__(self, folder: Path, *, name: str, digest: str, device: str) -> None:
        """Raises AlignerError where the folder holds no such model."""
        self.name: Final = name
        self.digest: Final = digest
        self._device = torch.device(device)
        model, config = _model(folder)
        self._model = model.train(mode=False).requires_grad_(False).to(self._device)
        self._alphabet = _alphabet(folder, config)
        self._normalise, rate_hz = _preprocessing(folder)
        if rate_hz != MODEL_RATE_HZ:
            raise AlignerError(f"the model in {folder} takes {rate_hz} Hz, not {MODEL_RATE_HZ}: {WHAT_TO_FETCH}")
        frames = Frames.of(config.conv_kernel, config.conv_stride)
        self._search = CtcSearch(self._log_probabilities, frames, self._alphabet)

    def missing(self, language: str | None) -> str | None:
        """None: what the model's alphabet cannot write is not placed, whatever the language."""
        del language
        return None

    def align(self, audio: Float32, words: Sequence[str], *, language: str | None) -> list[TimedWord | None]:
        """See `Aligner.align`. A word with no character that the model knows is None; it keeps its room, though."""
        return align_items(self._search, audio, words, self._alphabet.items(words, language))

    def _log_probabilities(self, audio: Float32) -> Tensor:
        """float32 [frames, characters] of audio, float32 [samples] at 16 kHz, on the CPU."""
        with one_thread():
            x = torch.from_numpy(audio).to(self._device)
            if self._normalise:
                x = (x - x.mean()) / torch.sqrt(x.var(unbiased=False) + 1e-7)
            logits: Tensor = self._model(x[None]).logits
            return logits[0].float().log_softmax(-1).cpu()


def _model(folder: Path) -> tuple[nn.Module, Any]:
    """The folder's model, float32, with every weight from the folder, and its configuration."""
    try:
        loaded: object = AutoModelForCTC.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, dtype=torch.float32, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise AlignerError(f"no CTC model in {folder} ({str(error).splitlines()[0]}): {WHAT_TO_FETCH}") from error
    model, report = cast(tuple[nn.Module, dict[str, set[str]]], loaded)
    parameters = {name for name, _ in model.named_parameters() if not name.endswith(_FOR_TRAINING)}
    lacking = sorted(report["missing_keys"] & parameters)
    if lacking:
        raise AlignerError(f"weights in {folder} lack {len(lacking)}, as {lacking[0]}: {WHAT_TO_FETCH}")
    config: Any = model.config
    if not hasattr(config, "conv_stride") or not hasattr(config, "conv_kernel"):
        raise AlignerError(f"the model in {folder} is not of the wav2vec 2.0 kind: {WHAT_TO_FETCH}")
    return model, config


def _alphabet(folder: Path, config: Any) -> Alphabet:
    vocabulary = _json(folder / "vocab.json")
    if not all(isinstance(number, int) and 0 <= number < config.vocab_size for number in vocabulary.values()):
        raise AlignerError(f"vocab.json in {folder} is no list of characters with their numbers: {WHAT_TO_FETCH}")
    blank = config.pad_token_id
    if not isinstance(blank, int) or not 0 <= blank < config.vocab_size:
        raise AlignerError(f"config.json in {folder} names no blank (pad_token_id): {WHAT_TO_FETCH}")
    return Alphabet(vocabulary, blank=blank, size=config.vocab_size)


def _preprocessing(folder: Path) -> tuple[bool, int]:
    """Whether the audio is brought to mean 0 and variance 1, and the sample rate."""
    settings = _json(folder / "preprocessor_config.json")
    return bool(settings.get("do_normalize", True)), int(settings.get("sampling_rate", MODEL_RATE_HZ))


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise AlignerError(f"{path} is not JSON: {WHAT_TO_FETCH}") from error
    if not isinstance(value, dict):
        raise AlignerError(f"{path} is no JSON object: {WHAT_TO_FETCH}")
    return value
