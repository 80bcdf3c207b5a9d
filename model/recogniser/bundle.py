"""Recognition with torchaudio's ready networks of the wav2vec 2.0 kind, as torchaudio:WAV2VEC2_ASR_BASE_960H.

torchaudio keeps their weights in its cache (`TORCH_HOME`), or fetches them there. They are pickled: only PyTorch's
reader that makes nothing but tensors (`weights_only`) opens them.
"""

import hashlib
import pickle
import re
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.error import URLError

import torch
import torchaudio.pipelines
from torch import Tensor, nn
from torchaudio.pipelines import Wav2Vec2ASRBundle

from model.codec_blocks import one_thread
from model.ctc_network import RATE_HZ, CtcNetwork, Frames
from model.hub_folder import first_line
from model.recogniser.contract import RecogniserError
from model.recogniser.ctc import RULES, CtcRecogniser
from model.resample import Float32

_LANGUAGE: Final = re.compile(r"VOXPOPULI_\w+_([A-Z]{2})")


def load_bundle(name: str, device: str = "cpu") -> CtcRecogniser:
    """Load "torchaudio:BUNDLE". Raises RecogniserError where there is no such bundle or no weights of it."""
    bundle_name = name.removeprefix("torchaudio:")
    bundle: Any = getattr(torchaudio.pipelines, bundle_name, None)
    if type(bundle) is not Wav2Vec2ASRBundle:
        raise RecogniserError(f'torchaudio has no recogniser "{bundle_name}": it has {", ".join(bundles())}')
    model = _model(bundle, bundle_name)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv1d)][: _depth(model)]
    labels = bundle.get_labels(blank="")
    digest = digest_of(model.state_dict(), f"recogniser {RULES} {bundle_name} {labels}")
    language = _LANGUAGE.fullmatch(bundle_name)
    network = CtcNetwork(
        log_probabilities=_Listening(model, device),
        frames=Frames.of([m.kernel_size[0] for m in convolutions], [m.stride[0] for m in convolutions]),
        vocabulary={label: number for number, label in enumerate(labels) if label},
        blank=0,
        size=len(labels),
        digest=digest,
    )
    return CtcRecogniser(name, network, frozenset({language[1].lower() if language else "en"}))


def bundles() -> list[str]:
    """The names of torchaudio's bundles that write words."""
    named = torchaudio.pipelines.__all__
    return sorted(n for n in named if type(getattr(torchaudio.pipelines, n)) is Wav2Vec2ASRBundle)


def _model(bundle: Any, name: str) -> nn.Module:
    try:
        model = bundle.get_model(dl_kwargs={"weights_only": True, "map_location": "cpu", "progress": False})
    except (URLError, OSError, RuntimeError, KeyError, EOFError, pickle.UnpicklingError) as error:
        licence = "CC BY-NC 4.0" if name.startswith("VOXPOPULI") else "MIT"
        raise RecogniserError(
            f"no weights of torchaudio's {name} ({first_line(error)}): run once where the network can be reached, or "
            f"copy {bundle._path} into {torch.hub.get_dir()}/checkpoints (licence: {licence})"
        ) from error
    if bundle.sample_rate != RATE_HZ:
        raise RecogniserError(f"torchaudio's {name} takes {bundle.sample_rate:g} Hz, not {RATE_HZ}")
    return cast(nn.Module, model)


def _depth(model: nn.Module) -> int:
    """How many convolutions there are before the transformer."""
    return next(len(cast(nn.ModuleList, m)) for n, m in model.named_modules() if n.endswith("conv_layers"))


def digest_of(weights: Mapping[str, Tensor], rules: str) -> str:
    """SHA-256 in hex over names and values, whatever file they came in."""
    digest = hashlib.sha256(rules.encode())
    for name in sorted(weights):
        digest.update(f"{name} {tuple(weights[name].shape)}".encode())
        digest.update(weights[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


class _Listening:
    """A network of torchaudio, as `CtcNetwork.log_probabilities`; it normalises the audio itself, if at all."""

    def __init__(self, model: nn.Module, device: str) -> None:
        self._device = torch.device(device)
        self._model = model.train(mode=False).requires_grad_(False).to(self._device)

    def __call__(self, audio: Float32) -> Tensor:
        with one_thread():
            logits: Tensor = self._model(torch.from_numpy(audio).to(self._device)[None])[0]
            return logits[0].float().log_softmax(-1).cpu()
