"""Networks of other people in a folder or on the hub, as transformers saves them: found, checked, digested."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    StrictDataclassError,
)
from safetensors import SafetensorError
from torch import nn

from schemas.errors import UserError

_UNLOADABLE = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, MemoryError, OSError),
    *(RuntimeError, TypeError, ValueError, SafetensorError, StrictDataclassError),
)
"""What transformers raises on files that are broken or of another kind of network."""


class NetworkError(UserError):
    """A network that cannot be loaded: what is missing, and what to fetch."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. `files`: that must be there beside `weights`. `more`: that count if they are there.

    `kind`: as messages call it, "aligner", with what else a name could have been. `fetch`: what to get, and under
    which licence.
    """

    kind: str
    fetch: str
    files: tuple[str, ...]
    more: tuple[str, ...] = ()
    weights: tuple[str, ...] = ("*.safetensors",)

    def error(self, what: str) -> NetworkError:
        """What is wrong, with what to fetch."""
        return NetworkError(f"{what}: {self.fetch}")


@dataclass(frozen=True, slots=True)
class HubFolder:
    """A folder with the wanted files and weights without pickles; `paths`: all of them, in a fixed order."""

    path: Path
    wanted: Wanted
    paths: tuple[Path, ...]

    def digest(self, rules: str) -> str:
        """SHA-256 in hex over the files' bytes, and over `rules`: what else shapes what comes out."""
        digest = hashlib.sha256(rules.encode())
        for path in self.paths:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def json(self, file: str) -> dict[str, Any]:
        """A file of the folder. Raises NetworkError."""
        path = self.path / file
        try:
            value = json.loads(path.read_text("utf-8"))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise self.wanted.error(f"{path} is not JSON") from error
        if not isinstance(value, dict):
            raise self.wanted.error(f"{path} is no JSON object")
        return value

    def error(self, what: str) -> NetworkError:
        """What is wrong with it, with what to fetch."""
        return self.wanted.error(what)

    @contextmanager
    def loading(self, what: str) -> Iterator[None]:
        """Whatever its files make transformers raise is a NetworkError: there is no `what` in it."""
        try:
            yield
        except Exception as error:
            # tokenizers raises the bare Exception
            if isinstance(error, NetworkError) or not (isinstance(error, _UNLOADABLE) or type(error) is Exception):
                raise
            why = first_line(error)
            if isinstance(error, StrictDataclassError):
                why = f"config.json: {' '.join(str(error).split())}"
            elif type(error) is Exception:
                why = f"tokenizer.json: {why}"
            raise self.error(f"no {what} in {self.path} ({why})") from error

    def require_rate(self, rate_hz: int) -> None:
        """Raise NetworkError where the model listens at another rate."""
        stated = self.json("preprocessor_config.json").get("sampling_rate", rate_hz)
        if stated != rate_hz:
            raise self.error(f"preprocessor_config.json in {self.path}: it takes {stated!r} Hz, not {rate_hz}")


def open_folder(name: str, wanted: Wanted) -> HubFolder:
    """A folder, or what the hub has under a name (its local cache first). Raises NetworkError where files lack."""
    if not name.strip():
        raise wanted.error(f"the name of the {wanted.kind.partition(',')[0]} is empty")
    path = Path(name) if Path(name).is_dir() else _fetch(name, wanted)
    weights = sorted({file for pattern in wanted.weights for file in path.glob(pattern)})
    if not weights:
        raise wanted.error(f"no .safetensors weights in {path} (pickled ones are not loaded)")
    lacking = [file for file in wanted.files if not (path / file).is_file()]
    if lacking:
        raise wanted.error(f"no {lacking[0]} in {path}")
    there = [path / file for file in (*wanted.files, *wanted.more) if (path / file).is_file()]
    return HubFolder(path, wanted, (*there, *weights))


def _fetch(hub_id: str, wanted: Wanted) -> Path:
    if hub_id.startswith(("/", ".", "~")):
        raise wanted.error(f"no folder {hub_id}")
    try:
        return Path(snapshot_download(hub_id, allow_patterns=[*wanted.files, *wanted.more, *wanted.weights]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        kind, _, others = wanted.kind.partition(", ")
        neither = f"neither {others} nor a folder" if others else "neither a folder"
        raise wanted.error(f'no {kind} "{hub_id}", {neither} nor on the hub ({first_line(error)})') from error


def check_complete(
    model: nn.Module, missing: Sequence[str], folder: HubFolder, *, spare: tuple[str, ...] = ()
) -> None:
    """Raise NetworkError where parameters of the model are not in the folder's weights, or are no finite numbers.

    missing: the keys that transformers did not find. spare: ends of names that may be missing.
    """
    parameters = {name for name, _ in model.named_parameters() if not name.endswith(spare)}
    lacking = sorted(parameters.intersection(missing))
    if lacking:
        raise folder.error(f"weights in {folder.path} lack {len(lacking)}, as {lacking[0]}")
    for name, values in model.state_dict().items():
        if not name.endswith(spare) and not bool(torch.isfinite(values).all()):
            raise folder.error(f"weights in {folder.path} are not finite, as {name}")


def first_line(error: BaseException) -> str:
    """An error's message as far as the end of its first line."""
    return (str(error).splitlines() or [type(error).__name__])[0]
