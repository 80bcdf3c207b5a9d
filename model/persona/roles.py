"""Role texts out of the user's own generator: a function in a Python file, given what is known of a speaker.

    def describe(facts):                      # build --roles roles.py:describe
        return f"You are {facts.speaker} and speak {facts.language}."

What it returns is the speaker's role in that clip; None: no role. To keep the manifest's, return `facts.role`.
"""

import hashlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

from schemas.errors import UserError

_AT_IMPORT: Final = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError),
)


class RoleError(UserError):
    """The user's generator of role texts cannot be used; the message says why and what is wanted."""


class SpokenWord(NamedTuple):
    """A word on the clip's clock."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts:
    """What is known of the speaker on `channel` of a clip.

    `speaker`, `speakers`: names, of the one and of both channels; the source's, or made up (`<recording>/<number>`).
    `words`: of both channels, by start; none without a transcript. `language`: BCP 47. `recording`: what the indexes
    call it. `licence`: SPDX. `duration_s`: of the clip. `role`: the manifest's for this speaker. `stated_speakers`,
    `stated_roles`: the manifest's for the two speakers of a mixture, where nothing tells which of them is on which
    channel.
    """

    channel: int
    speaker: str
    speakers: tuple[str, str]
    words: tuple[tuple[SpokenWord, ...], tuple[SpokenWord, ...]]
    language: str | None
    recording: str
    licence: str
    duration_s: float
    role: str | None
    stated_speakers: tuple[str, str] | None = None
    stated_roles: tuple[str | None, str | None] | None = None


@dataclass(frozen=True, slots=True)
class RoleGenerator:
    """A user's function. `name`: FILE.py:FUNCTION as it was asked for; `digest`: SHA-256 of the file's bytes."""

    name: str
    digest: str
    function: Callable[[RoleFacts], object]

    def __call__(self, facts: RoleFacts) -> str | None:
        """The role of a speaker. Raises RoleError for what is neither text nor None, and what the function raises."""
        said = self.function(facts)
        if said is not None and not isinstance(said, str):
            raise RoleError(
                f"--roles {self.name} gave {said!r:.80} for a role: it must return text, or None for none"
            )
        return (said.strip() or None) if said else None


def function_of(name: str) -> str:
    """FUNCTION of FILE.py:FUNCTION, "" of "": what a description of the data says, wherever the file lies."""
    return name.rpartition(":")[2]


def located(name: str) -> str:
    """FILE.py:FUNCTION with the file's absolute path, for other processes; "" for ""."""
    file, _, function = name.rpartition(":")
    return f"{Path(file).absolute()}:{function}" if file else name


def load_roles(name: str) -> RoleGenerator:
    """Load FILE.py:FUNCTION. Raises RoleError where there is none that takes one argument."""
    file, _, function_name = name.rpartition(":")
    if not file or not function_name:
        raise RoleError(f"--roles {name}: give a Python file and a function in it, as roles.py:describe")
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise RoleError(f"--roles {name}: {file} cannot be read ({error.strerror}): give a Python file") from error
    digest = hashlib.sha256(content).hexdigest()
    try:
        module = _module(Path(file), content, f"duplexset_roles_{digest[:16]}")
    except _AT_IMPORT as error:
        raise RoleError(f"--roles {name}: {file} cannot be imported ({type(error).__name__}: {error})") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        there = sorted(n for n, v in vars(module).items() if inspect.isfunction(v) and not n.startswith("_"))
        raise RoleError(
            f"--roles {name}: {file} has no function {function_name}; it has {', '.join(there) or 'none'}"
        )
    _require_one_argument(name, function)
    return RoleGenerator(name, digest, function)


def _require_one_argument(name: str, function: Callable[..., object]) -> None:
    try:
        inspect.signature(function).bind(object())
    except TypeError as error:
        raise RoleError(f"--roles {name}: it must take one argument, the facts of a speaker ({error})") from error
    except ValueError:  # a built-in without a signature
        return


def _module(path: Path, content: bytes, name: str) -> ModuleType:
    """The file as a module, from exactly these bytes: no cache of it beside the file is read or made."""
    loader = SourceFileLoader(name, str(path))
    spec = spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ImportError(f"{path} is no Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses in it look themselves up
    exec(loader.source_to_code(content, str(path)), module.__dict__)  # noqa: S102 - the user's own code, asked for
    return module
