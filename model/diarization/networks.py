"""The networks that follow two voices through a recording, with the weights that come with the package."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from model.fitting import load_net
from model.separator.net import SeparatorNet
from model.speaker.net import SpeakerNet

WEIGHTS: Final = Path(__file__).parents[1] / "weights"


@dataclass(frozen=True, slots=True)
class Networks:
    """Ready to use: no gradients, no dropout."""

    speaker: SpeakerNet
    separator: SeparatorNet


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
