"""What a text from outside may hold, so that every file and every line of ours can."""

import re
from typing import Final

_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def fault_of(text: str, *, allowed: str = "\t") -> str | None:
    """What is wrong with a text, None where nothing is: half a character, or a control character but those allowed.

    Lone surrogates are what broken JSON escapes give, and what UTF-8 cannot write.
    """
    if found := _SURROGATE.search(text):
        return f"is not valid Unicode (a lone surrogate, U+{ord(found[0]):04X})"
    control = next((c for c in _CONTROL.findall(text) if c not in allowed), None)
    return f"has a control character (U+{ord(control):04X})" if control else None


def writable(text: str) -> str:
    """The text with lone surrogates spelled out, as \\ud800: what UTF-8 can write."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def one_line(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.splitlines())


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: 1 recording, 2 recordings. plural: where it is not the noun with an s."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
