"""What dataset.json says of how a dataset was made: stages, configuration, weights and the licences of those."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import model

_CARDS: Final = Path(model.__file__).parent / "weights"
_ROW: Final = re.compile(r"\| (?P<folder>[^|]+) \| (?P<files>[0-9,]+) \| (?P<licence>[^|]+) \| (?P<origin>[^|]+) \|")
NOT_KNOWN: Final = "not known here: see where these weights came from"
_BY_NAME: Final[Mapping[str, tuple[str, str]]] = {
    "aligner builtin": ("BSD, PocketSphinx's English model and the CMU dictionary", "not stated by its authors"),
    "mimi:kyutai/mimi": ("CC-BY-4.0", NOT_KNOWN),
    "recogniser whisper:openai/whisper-small": ("Apache-2.0", NOT_KNOWN),
    "recogniser ctc:facebook/wav2vec2-base-960h": ("Apache-2.0", "LibriSpeech, CC-BY-4.0"),
    "aligner facebook/wav2vec2-base-960h": ("Apache-2.0", "LibriSpeech, CC-BY-4.0"),
    "recogniser torchaudio:WAV2VEC2_ASR_BASE_960H": ("MIT", "LibriSpeech, CC-BY-4.0"),
}
"""Weights of others by the name that a build gives them -> their licence, their training data's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A network's weights. `data`: what they were trained on, with its licence, a line each."""

    name: str
    sha256: str
    licence: str
    data: tuple[str, ...]


def weights_of(description: Mapping[str, Any]) -> list[Weights]:
    """The networks that a dataset was made with. Built-in ones are known by their digest, others by name alone."""
    cards = _cards()
    return [_weights(name, digest, cards) for name, digest in description.get("weights", {}).items()]


def _weights(name: str, sha256: str, cards: Mapping[str, tuple[str, ...]]) -> Weights:
    if sha256 in cards:
        return Weights(
            name=name, sha256=sha256, licence="Apache-2.0, built in: as the project itself", data=cards[sha256]
        )
    plain = name.partition("@")[0]
    if plain.startswith("recogniser torchaudio:VOXPOPULI"):
        licence, data = "CC-BY-NC-4.0", NOT_KNOWN
    elif plain.startswith("roles "):
        licence, data = "a function of your own, no network", "none"
    else:
        licence, data = _BY_NAME.get(plain, (NOT_KNOWN, NOT_KNOWN))
    return Weights(name=name, sha256=sha256, licence=licence, data=(data,))


def _cards() -> dict[str, tuple[str, ...]]:
    """SHA-256 of the built-in weights -> what their model card says that they were trained on."""
    found = {}
    for path in sorted(_CARDS.glob("*.json")):
        figures = json.loads(path.read_text(encoding="utf-8"))
        by_licence: dict[str, list[str]] = {}
        for row in filter(None, map(_ROW.fullmatch, path.with_suffix(".md").read_text("utf-8").splitlines())):
            by_licence.setdefault(row["licence"], []).append(f"{row['folder']} ({row['origin']})")
        lines = tuple(f"{licence}: {', '.join(sets)}" for licence, sets in sorted(by_licence.items()))
        found[str(figures.get("sha256") or figures["digest"])] = lines
    return found


def stages_of(description: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """(name, version, settings) of each stage, in order."""
    return [(one["stage"], str(one["version"]), one["settings"]) for one in description.get("stages", [])]
