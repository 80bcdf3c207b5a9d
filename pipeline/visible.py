"""Text from outside on its way to a person: bounded, and nothing in it that a screen obeys."""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

SHORT: Final = 300
"""Characters of a text in a list."""
LONG: Final = 4_000
"""Characters of a text on a page of its own."""
_PRINTED: Final = 20_000
_SPACE: Final = re.compile(r"[\t\n\r\v\f\u0085\u2028\u2029]+")
# Control characters, marks and overrides of direction, zero widths, surrogates: shown as what they are.
ODD: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
"""A character that is not seen, or that changes how others are."""
# Of these, what moves a terminal or turns the text after it round; joiners, which words are written with, stay.
_OBEYED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """A text on one line, with nothing in it that a terminal obeys: what is printed of names and paths, whole unless
    it would fill the screen many times."""
    line = _spelled(_OBEYED, _SPACE.sub(" ", text[:_PRINTED]))
    return line if len(text) <= _PRINTED else f"{line}… ({len(text):,} characters)"


def shown(text: str, most: int = SHORT) -> str:
    """At most `most` characters of a text, on one line, with every character visible."""
    cut = _SPACE.sub(" ", text[:most])
    visible = _spelled(ODD, cut)
    return visible if len(text) <= most else f"{visible}… ({len(text):,} characters)"


def _spelled(odd: re.Pattern[str], text: str) -> str:
    return odd.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def clean(value: Any, most: int = LONG) -> Any:
    """A value as JSON may carry it: texts as `shown`, no NaN, figures with six digits after the point."""
    if isinstance(value, str):
        return shown(value, most)
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {shown(str(name)): clean(one, most) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(one, most) for one in value]
    return value if value is None or isinstance(value, (bool, int)) else shown(str(value), most)
