"""The networks that follow two voices through a recording, and where the weights of those for mixtures lie."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from model.fitting import FitError, load_net
from model.separator.net import SeparatorNet
from model.speaker.net import SpeakerNet

WEIGHTS: Final = Path(__file__).parents[1] / "weights"
FOR_MIXTURES: Final = ("speaker", "separator", "enhancer")


@dataclass(frozen=True, slots=True)
class Networks:
    """Ready to use: no gradients, no dropout."""

    speaker: SpeakerNet
    separator: SeparatorNet


def weight_files(folder: str = "") -> dict[str, Path]:
    """Weights by network: those in a folder, the package's for those that are not there.

    Raises FitError where the folder holds none, or the package has lost some.
    """
    files = {name: WEIGHTS / f"{name}.safetensors" for name in FOR_MIXTURES}
    own = {name: Path(folder) / path.name for name, path in files.items() if (Path(folder) / path.name).is_file()}
    if folder and not own:
        raise FitError(f"{folder} holds none of {', '.join(p.name for p in files.values())}: see `duplexset fit`")
    files |= own if folder else {}
    for name, path in files.items():
        if not path.is_file():
            raise FitError(f"no {name} weights at {path}: reinstall the package, or train with `fit {name}`")
    return files


def load_networks(
    device: str = "cpu",
    *,
    speaker: Path = WEIGHTS / "speaker.safetensors",
    separator: Path = WEIGHTS / "separator.safetensors",
) -> Networks:
    """The networks with these weights. Raises FitError where weights and network do not belong together."""
    networks = Networks(SpeakerNet(), SeparatorNet())
    load_net(networks.speaker, speaker)
    load_net(networks.separator, separator)
    for net in (networks.speaker, networks.separator):
        net.to(torch.device(device)).eval().requires_grad_(False)
    return networks
