"""Networks of the wav2vec 2.0 kind: from audio to the probability of each character in each frame.

Through transformers from a folder or the hub, for example facebook/wav2vec2-base-960h (English, Apache-2.0; Baevski
et al. 2020), or one of the language at hand.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModelForCTC

from model.codec_blocks import one_thread
from model.hub_folder import HubFolder, Wanted, check_complete, open_folder
from model.resample import Float32

RATE_HZ: Final = 16_000  # that all such networks listen at
FILES: Final = ("config.json", "vocab.json", "preprocessor_config.json")
WHAT_TO_FETCH: Final = (
    "fetch a CTC model of the wav2vec 2.0 kind, as facebook/wav2vec2-base-960h (config.json, vocab.json, "
    "preprocessor_config.json, model.safetensors; Apache-2.0), and give its folder"
)
_FOR_TRAINING: Final = "masked_spec_embed"  # a weight that published models lack


class Frames(NamedTuple):
    """How the model's frames lie on its samples: one in `hop`, each seeing `field`."""

    hop: int
    field: int

    @classmethod
    def of(cls, kernels: Sequence[int], strides: Sequence[int]) -> "Frames":
        """From the widths and strides of its convolutions."""
        hop, field = 1, 1
        for kernel, stride in zip(kernels, strides, strict=True):
            field += (kernel - 1) * hop
            hop *= stride
        return cls(hop, field)

    def start_s(self, frame: int) -> float:
        """Where the share of a frame begins: half a hop before the middle of what it sees."""
        return (frame * self.hop + (self.field - self.hop) / 2) / RATE_HZ


@dataclass(frozen=True, slots=True)
class CtcNetwork:
    """`log_probabilities`: float32 [frames, size] on the CPU, of audio, float32 [samples] at 16 kHz.

    `vocabulary`: numbers of the characters, below `size`; `blank`: that of CTC. `digest`: SHA-256 (hex).
    """

    log_probabilities: Callable[[Float32], Tensor]
    frames: Frames
    vocabulary: Mapping[str, int]
    blank: int
    size: int
    digest: str


def load_network(name: str, device: str, *, kind: str, rules: str) -> CtcNetwork:
    """Load a network from a folder or from the hub (its local cache first). kind: see `Wanted`; rules: see `digest`.

    Raises NetworkError where files are missing, the weights are no safetensors, or it is another kind of model.
    """
    folder = open_folder(name, Wanted(kind=kind, fetch=WHAT_TO_FETCH, files=FILES))
    model, config = _model(folder)
    vocabulary, blank = _vocabulary(folder, config)
    folder.require_rate(RATE_HZ)
    normalise = bool(folder.json("preprocessor_config.json").get("do_normalize", True))
    listening = _Listening(model, device, normalise=normalise)
    with folder.loading("working CTC model"):
        heard = listening(np.sin(np.arange(RATE_HZ, dtype=np.float32)))
    if heard.shape[1:] != (config.vocab_size,) or not bool(torch.isfinite(heard).all()):
        raise folder.error(f"the model in {folder.path} makes no probabilities of a sound: its files are broken")
    return CtcNetwork(
        log_probabilities=listening,
        frames=Frames.of(config.conv_kernel, config.conv_stride),
        vocabulary=vocabulary,
        blank=blank,
        size=config.vocab_size,
        digest=folder.digest(rules),
    )


class _Listening:
    """A network of transformers, as `CtcNetwork.log_probabilities`."""

    def __init__(self, model: nn.Module, device: str, *, normalise: bool) -> None:
        """normalise: whether the audio is brought to mean 0 and variance 1."""
        self._device = torch.device(device)
        self._model = model.train(mode=False).requires_grad_(False).to(self._device)
        self._normalise = normalise

    def __call__(self, audio: Float32) -> Tensor:
        with one_thread():
            x = torch.from_numpy(audio).to(self._device)
            if self._normalise:
                x = (x - x.mean()) / torch.sqrt(x.var(unbiased=False) + 1e-7)
            logits: Tensor = self._model(x[None]).logits
            return logits[0].float().log_softmax(-1).cpu()


def _model(folder: HubFolder) -> tuple[nn.Module, Any]:
    """The folder's model, float32, with every weight from the folder, and its configuration."""
    with folder.loading("CTC model"):
        loaded: object = AutoModelForCTC.from_pretrained(
            folder.path,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    model, report = cast(tuple[nn.Module, dict[str, set[str]]], loaded)
    check_complete(model, sorted(report["missing_keys"]), folder, spare=(_FOR_TRAINING,))
    config: Any = model.config
    if not hasattr(config, "conv_stride") or not hasattr(config, "conv_kernel"):
        raise folder.error(f"the model in {folder.path} is not of the wav2vec 2.0 kind")
    return model, config


def _vocabulary(folder: HubFolder, config: Any) -> tuple[dict[str, int], int]:
    vocabulary = folder.json("vocab.json")
    if not all(isinstance(number, int) and 0 <= number < config.vocab_size for number in vocabulary.values()):
        raise folder.error(f"vocab.json in {folder.path} is no list of characters with their numbers")
    blank = config.pad_token_id
    if not isinstance(blank, int) or not 0 <= blank < config.vocab_size:
        raise folder.error(f"config.json in {folder.path} names no blank (pad_token_id)")
    return vocabulary, blank
