"""pyannote.audio's segmentation network (PyanNet, powerset), built from a few sizes without a checkpoint of theirs.

Bredin, "pyannote.audio 2.1 speaker diarization pipeline", Interspeech 2023; Plaquet and Bredin, "Powerset multi-class
cross entropy loss for neural speaker diarization", Interspeech 2023.
"""

import os
import warnings
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import torch
from torch import Tensor, nn

SEGMENTATION_RATE_HZ: Final = 16_000
MAX_SPEAKERS: Final = 3  # in a window
MAX_AT_ONCE: Final = 2
WINDOW_S: Final = 10
WINDOW_SAMPLES: Final = WINDOW_S * SEGMENTATION_RATE_HZ
FRAME_SAMPLES: Final = 270  # strides of SincNet: 10 * 3 * 3 * 3
FRAME_RATE_HZ: Final = SEGMENTATION_RATE_HZ / FRAME_SAMPLES  # 59.259
FRAME_CENTRE: Final = 495  # sample in the middle of what the first frame sees
FRAME_SEES: Final = 2 * FRAME_CENTRE + 1
WINDOW_FRAMES: Final = (WINDOW_SAMPLES - FRAME_SEES) // FRAME_SAMPLES + 1  # 589
_SINC_STRIDE: Final = 10
_LEVEL: Final = 0.1  # RMS of a window as the network sees it
_SILENCE: Final = 1e-6  # RMS below which a window is left as quiet as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class NetConfig:
    """Sizes of the layers after SincNet; these are pyannote's own."""

    lstm_size: int = 128
    lstm_layers: int = 2
    linear_size: int = 128
    linear_layers: int = 2


def frames_of(n_samples: int) -> int:
    """Frames that the network gives for so many samples at 16 kHz."""
    return max(0, (n_samples - FRAME_SEES) // FRAME_SAMPLES + 1)


def build_net(config: NetConfig | None = None) -> nn.Module:
    """A network with new weights: float32 [windows, 1, samples] at 16 kHz -> log-probabilities [windows, frames, 7].

    The classes are pyannote's powerset: nobody; 0; 1; 2; 0 and 1; 0 and 2; 1 and 2. The sinc filters stay as they are
    made, on a mel scale, and take no part in training: what lies below them then needs no gradient.
    """
    config = config or NetConfig()
    task, pyannet = _pyannote("core.task"), _pyannote("models.segmentation.PyanNet")
    net: nn.Module = pyannet.PyanNet(
        sincnet={"stride": _SINC_STRIDE},
        lstm={"hidden_size": config.lstm_size, "num_layers": config.lstm_layers},
        linear={"hidden_size": config.linear_size, "num_layers": config.linear_layers},
        sample_rate=SEGMENTATION_RATE_HZ,
    )
    net.specifications = task.Specifications(
        problem=task.Problem.MONO_LABEL_CLASSIFICATION,
        resolution=task.Resolution.FRAME,
        duration=float(WINDOW_S),
        classes=[str(speaker) for speaker in range(MAX_SPEAKERS)],
        powerset_max_classes=MAX_AT_ONCE,
        permutation_invariant=True,
    )
    net.build()  # type: ignore[operator]
    sincnet = net.get_submodule("sincnet")
    for name in ("wav_norm1d", "conv1d.0"):
        sincnet.get_submodule(name).requires_grad_(False)
    filters = sincnet.get_submodule("conv1d.0.filterbank")
    for name in ("window_", "n_"):  # constants that float16 would blur
        filters.register_buffer(name, filters.get_buffer(name), persistent=False)
    for name, parameter in net.named_parameters():
        if name.startswith("lstm.bias_ih"):
            with torch.no_grad():
                parameter[config.lstm_size : 2 * config.lstm_size] += 1.0  # remember at first
    return net


def powerset() -> Any:
    """pyannote's Powerset: between the 7 classes and the 3 speakers."""
    return _pyannote("utils.powerset").Powerset(MAX_SPEAKERS, MAX_AT_ONCE)


def normalised(windows: Tensor) -> Tensor:
    """float32 [windows, samples] -> the same, each without its mean and at one level, whatever its level was."""
    centred = windows - windows.mean(dim=1, keepdim=True)
    rms = centred.square().mean(dim=1, keepdim=True).sqrt()
    return centred * (_LEVEL / rms.clamp_min(_SILENCE))


def _pyannote(module: str) -> ModuleType:
    """A module of pyannote.audio, imported where it is needed: it takes seconds."""
    _import_quietly()
    return import_module(f"pyannote.audio.{module}")


@cache
def _import_quietly() -> None:
    """Import pyannote.audio so that it warns of nothing and reports nothing to its makers over the network."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "false"  # else it reports every use
    with warnings.catch_warnings():
        # Without FFmpeg's libraries it warns that it cannot read files; it never reads one here.
        warnings.filterwarnings("ignore", message=r"\s*torchcodec is not installed correctly", category=UserWarning)
        telemetry = import_module("pyannote.audio.telemetry.metrics")
    telemetry.provider.shutdown()  # the thread that would send
