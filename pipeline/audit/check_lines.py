"""What `audit check` prints: a line for each fault, up to so many of a kind, and what is being done meanwhile."""

from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.status import Status

from pipeline.audit.check import KINDS, Checking, Fault
from pipeline.audit.tables import console
from pipeline.visible import shown
from schemas.plain_text import counted

SHOWN: Final = 100
"""Faults of a kind that are printed; all of them are in the JSON."""
_LONG: Final = 1_000


class Printer:
    """Prints faults as they come to standard output, and on a terminal what is being done to standard error."""

    def __init__(self, *, to_terminal: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._out = console() if to_terminal else None
        self._err = console(stderr=True)
        self._status = Status("", console=self._err) if self._err.is_terminal else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._pause()

    def _pause(self) -> None:
        """Both may be one terminal: nothing moves on it while a line is printed."""
        if self._status:
            self._status.stop()

    def say(self, what: str) -> None:
        """What is being done now."""
        if self._status:
            self._status.update(f"checking {what}")
            self._status.start()

    def fault(self, fault: Fault) -> None:
        """Print a fault, unless there were many of its kind."""
        self.counts[fault.kind] += 1
        if self._out and self.counts[fault.kind] <= SHOWN:
            self._pause()
            self._out.print(f"{fault.kind}: {shown(fault.what, _LONG)}", soft_wrap=True)

    def end(self, out: Path, checked: Checking) -> None:
        """What was found in all."""
        self._pause()
        if self._out is None:
            return
        for kind in KINDS:
            if self.counts[kind] > SHOWN:
                self._out.print(f"{kind}: {self.counts[kind] - SHOWN:,} more: --json has all of them")
        if self.counts:
            sums = ", ".join(f"{self.counts[kind]:,} {kind}" for kind in KINDS if self.counts[kind])
            self._err.print(f"{counted(self.counts.total(), 'fault')} in {out}: {sums}", soft_wrap=True)
        else:
            self._out.print(f"nothing is wrong with {out}; checked: {checked.checked()}", soft_wrap=True)
