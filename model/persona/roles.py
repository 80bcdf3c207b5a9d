"""Role texts out of the user's own generator: a function in a Python file, given what is known of a speaker.

    def describe(facts):                      # build --roles roles.py:describe
        return f"You are {facts.speaker} and speak {facts.language}."

What it returns is the speaker's role in that clip; None: no role. To keep the manifest's, return `facts.role`.
"""

import hashlib
import inspect
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import FrameType, ModuleType
from typing import Final, NamedTuple

from schemas.errors import UserError
from schemas.plain_text import fault_of, one_line, writable

_LONGEST: Final = 500  # characters of what the user's code says


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
        """The role of a speaker. Raises RoleError for what is no text nor None, and for what the function raises."""
        with _users_code(f"--roles {self.name} failed", self.name.rpartition(":")[0]):
            said = self.function(facts)
            shown = "" if isinstance(said, str) else f"{said!r:.80}"
        if said is None:
            return None
        if not isinstance(said, str):
            raise RoleError(
                f"--roles {self.name} gave {_line(shown)} for a role: it must return text, or None for none"
            )
        if fault := fault_of(said, allowed="\t\n\r"):
            raise RoleError(f"--roles {self.name} gave a role that {fault}: it must return plain text")
        return str.strip(said) or None


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
    with _users_code(f"--roles {name}: {file} cannot be imported", file):
        module = _module(Path(file), content, f"duplexset_roles_{digest[:16]}")
    function = getattr(module, function_name, None)
    if not callable(function):
        there = sorted(n for n, v in vars(module).items() if inspect.isfunction(v) and not n.startswith("_"))
        raise RoleError(
            f"--roles {name}: {file} has no function {function_name}; it has {', '.join(there) or 'none'}"
        )
    _require_one_argument(name, function)
    return RoleGenerator(name, digest, function)


@contextmanager
def _users_code(what: str, file: str) -> Iterator[None]:
    """Run what the user wrote: whatever it raises is a RoleError that begins with `what`.

    The one place that catches everything: a sys.exit() in it would end the build as if all were done, and its own
    exceptions may derive from anything. A real Ctrl-C passes.
    """
    with _stops() as stop:
        try:
            yield
        except BaseException as error:
            if stop.is_set():
                raise KeyboardInterrupt from error
            lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if Path(at.filename) == Path(file)]
            said = _line(str(traceback.TracebackException(type(error), error, None)))  # its own str() may fail
            where = f" in line {lines[-1]}" if lines else ""
            said = f"{type(error).__name__}{where}" + (f": {said}" if said else "")
            raise RoleError(f"{what} ({said}): correct it") from error


@contextmanager
def _stops() -> Iterator[threading.Event]:
    """An event that is set when Ctrl-C interrupts; only the main thread is interrupted."""
    stop = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield stop
        return

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()
        before(number, frame)

    signal.signal(signal.SIGINT, on_signal)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _line(text: str) -> str:
    return writable(one_line(text))[:_LONGEST]


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
