"""Values of JSON with the place where they stand, read by type; a wrong type is one clear line."""

import json
from dataclasses import dataclass

from stages.transcripts.draft import Draft
from stages.transcripts.errors import TranscriptError

_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the file of `draft`. `line`: where the JSON is one line of many. `at`: as `segments[3].start`."""

    draft: Draft
    value: object
    at: str = ""
    line: str = ""

    def error(self, what: str) -> TranscriptError:
        """The error to raise."""
        return self.draft.error(self.place, what)

    @property
    def place(self) -> str:
        """For messages."""
        return ", ".join(part for part in (self.line, self.at) if part)

    def items(self) -> "list[Node]":
        """The items of a list."""
        if not isinstance(self.value, list):
            raise self._not("a list")
        return [Node(self.draft, item, f"{self.at}[{k}]", self.line) for k, item in enumerate(self.value)]

    def fields(self) -> list[str]:
        """The names of the fields of an object."""
        if not isinstance(self.value, dict):
            raise self._not("an object")
        return list(self.value)

    def maybe(self, key: str) -> "Node | None":
        """A field of an object; None where it is not there, or null."""
        if not isinstance(self.value, dict):
            raise self._not("an object")
        value = self.value.get(key)
        return None if value is None else Node(self.draft, value, f"{self.at}.{key[:40]}".lstrip("."), self.line)

    def field(self, key: str) -> "Node":
        """A field that has to be there."""
        found = self.maybe(key)
        if found is None:
            raise self.error(f"has no {key!r}: write one")
        return found

    def text(self) -> str:
        """A text."""
        if not isinstance(self.value, str):
            raise self._not("a text")
        return self.value

    def name(self) -> str:
        """A text, or a whole number in the place of one."""
        if isinstance(self.value, int) and not isinstance(self.value, bool) and abs(self.value) < 10**12:
            return str(self.value)
        return self.text()

    def number(self) -> float:
        """A number; infinite where it is too large."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self._not("a number")
        try:
            return float(self.value)
        except OverflowError:
            return float("inf")

    def seconds(self, name: str) -> float:
        """A time."""
        return self.draft.seconds(self.place, self.number(), name)

    def confidence(self, *, unplaced: bool = False) -> float:
        """A confidence from 0 to 1; 1 for null. unplaced: 0 is our mark of a word that has no place, and stays."""
        number = None if self.value is None else self.number()
        return 0.0 if unplaced and number == 0.0 else self.draft.confidence(self.place, number)

    def _not(self, expected: str) -> TranscriptError:
        return self.error(f"is {_KINDS.get(type(self.value), 'null')} where {expected} is expected")


def parse(draft: Draft, text: str, line: str = "") -> Node:
    """The value of a JSON text. Raises TranscriptError."""
    try:
        return Node(draft, json.loads(text), "", line)
    except json.JSONDecodeError as error:
        at = line or f"line {error.lineno}"
        raise draft.error(at, f"not JSON ({error.msg} at character {error.colno}): write it anew") from error
    except (RecursionError, ValueError) as error:  # nested too deeply, or a number of thousands of digits
        raise draft.error(
            line, "is nested too deeply or has a number that is too long: is it a transcript?"
        ) from error
