"""What dataset.json says of how a dataset was made: stages, configuration, weights and the licences of those."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import model
from pipeline.catalog import root_of
from schemas.errors import UserError

_CARDS: Final = Path(model.__file__).parent / "weights"
_ROW: Final = re.compile(r"\| (?P<folder>[^|]+) \| (?P<files>[0-9,]+) \| (?P<licence>[^|]+) \| (?P<origin>[^|]+) \|")
_SIZE: Final = re.compile(r"([0-9]{1,18}) B")
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


class DescriptionError(UserError):
    """dataset.json is not there or cannot be read; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A network's weights. `data`: what they were trained on, with its licence, a line each."""

    name: str
    sha256: str
    licence: str
    data: tuple[str, ...]


def description_of(out: Path) -> dict[str, Any] | None:
    """The `duplexset` part of dataset.json, None where there is no such file. Raises DescriptionError."""
    whole = _whole(out)
    if whole is not None and not isinstance(whole.get("duplexset"), dict):
        raise DescriptionError(f"{root_of(out)}/dataset.json has no duplexset part: build the dataset again")
    return None if whole is None else whole["duplexset"]


def files_of(out: Path) -> dict[str, tuple[str, int | None]]:
    """File -> its SHA-256 and size in bytes (None: not stated) by dataset.json. Raises DescriptionError."""
    try:
        listed = [one for one in (_whole(out) or {})["distribution"] if "contentUrl" in one]
        sizes = [_SIZE.fullmatch(one.get("contentSize", "")) for one in listed]
        return {
            one["contentUrl"]: (one["sha256"], int(size[1]) if size else None)
            for one, size in zip(listed, sizes, strict=True)
        }
    except (KeyError, TypeError) as error:
        raise DescriptionError(f"{root_of(out)}/dataset.json does not list its files: build again") from error


def _whole(out: Path) -> dict[str, Any] | None:
    path = root_of(out) / "dataset.json"
    if not path.is_file():
        return None
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        why = " ".join(str(error).split())[:200]
        raise DescriptionError(f"{path} cannot be read ({why}): build the dataset again") from error
    if not isinstance(whole, dict):
        raise DescriptionError(f"{path} is no description of a dataset: build it again")
    return whole


def weights_of(description: Mapping[str, Any]) -> list[Weights]:
    """The networks that a dataset was made with. Built-in ones are known by their digest, others by name alone."""
    cards = _cards()
    return [_weights(str(name), str(digest), cards) for name, digest in _mapping(description, "weights").items()]


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
    stages = description.get("stages")
    return [
        (str(one.get("stage")), str(one.get("version")), _mapping(one, "settings"))
        for one in (stages if isinstance(stages, list) else [])
        if isinstance(one, dict)
    ]


def _mapping(of: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = of.get(name)
    return value if isinstance(value, dict) else {}
