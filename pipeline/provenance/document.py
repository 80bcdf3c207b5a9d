"""A PROV-JSON document of any size: its records go to files, a section each, and are joined in the end."""

import json
import re
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO

SECTIONS: Final = (
    *("entity", "activity", "agent", "wasGeneratedBy", "used", "wasInformedBy", "wasStartedBy", "wasDerivedFrom"),
    *("wasAttributedTo", "wasAssociatedWith", "hadMember"),
)
_SAFE: Final = re.compile(r"[A-Za-z0-9_-]|(?<=.)\.(?=.)", re.DOTALL)

Values = Mapping[str, Any]


def name(prefix: str, local: str) -> str:
    """A qualified name: what a local part may not have, and `%`, is percent-encoded (PROV-N, production PERCENT)."""
    made = (
        local[at] if _SAFE.match(local, at) else "".join(f"%{byte:02X}" for byte in _bytes(local[at]))
        for at in range(len(local))
    )
    return f"{prefix}:{''.join(made)}"


def _bytes(letter: str) -> bytes:
    return letter.encode("utf-8", "surrogatepass")


def qualified(text: str) -> dict[str, str]:
    """A qualified name as the value of an attribute."""
    return {"$": text, "type": "xsd:QName"}


class Document:
    """Takes records in any order and writes them by section; a name is described once, first come.

    Names are remembered only where `once` asks for it. Use as a context: its files go when it ends.
    """

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._prefixes = dict(prefixes)
        self._files: dict[str, TextIO] = {}
        self._seen: set[tuple[str, str]] = set()
        self._relations = 0
        self._stack = ExitStack()

    def __enter__(self) -> "Document":
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="duplexset-prov-")))
        for section in SECTIONS:
            file = (folder / section).open("w+", encoding="ascii")
            self._files[section] = self._stack.enter_context(file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, section: str, called: str, **values: Any) -> str:
        """A record; None and empty values are left out, `prov_type` is prov:type. Gives its name."""
        stated = {_key(key): value for key, value in values.items() if value not in (None, "", [])}
        file = self._files[section]
        file.write(f"{',' if file.tell() else ''}\n  {json.dumps(called)}: {json.dumps(stated)}")
        return called

    def once(self, section: str, called: str, **values: Any) -> str:
        """The same, unless it is there."""
        if (section, called) not in self._seen:
            self._seen.add((section, called))
            self.add(section, called, **values)
        return called

    def has(self, section: str, called: str) -> bool:
        """Whether `once` described it."""
        return (section, called) in self._seen

    def relate(self, section: str, **values: Any) -> None:
        """A relation, which has no name of its own."""
        self._relations += 1
        self.add(section, f"_:r{self._relations}", **values)

    def write(self, target: TextIO) -> None:
        """All of it, in ASCII: a terminal obeys nothing of what is in it."""
        target.write(f'{{\n "prefix": {json.dumps(self._prefixes)}')
        for section in SECTIONS:
            file = self._files[section]
            if file.tell():
                file.seek(0)
                target.write(f',\n "{section}": {{')
                while part := file.read(1 << 20):
                    target.write(part)
                target.write("\n }")
        target.write("\n}\n")


def _key(key: str) -> str:
    prefix, _, local = key.partition("_")
    return f"{prefix}:{local}"
