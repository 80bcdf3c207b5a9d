"""Text from outside on its way to a page: bounded, and nothing in it that a screen obeys.

What it would do as HTML does not matter here: the page sets it as text, never as markup.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from schemas.errors import UserError

SHORT: Final = 300
"""Characters of a text in a list."""
LONG: Final = 4_000
"""Characters of a text on a page of its own."""
KEY: Final = 200
"""Characters of a value up to which it stands for itself in an address."""
_SPACE: Final = re.compile(r"[\t\n\r\v\f\u0085\u2028\u2029]+")
# Control characters, marks and overrides of direction, zero widths, surrogates: shown as what they are.
_ODD: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_HIDDEN: Final = re.compile(r"\s")


class BrowseError(UserError):
    """What the page cannot show: a request that asks for nothing there is, or a dataset that cannot be read."""


def shown(text: str, most: int = SHORT) -> str:
    """At most `most` characters of a text, on one line, with every character visible."""
    cut = _SPACE.sub(" ", text[:most])
    visible = _ODD.sub(lambda odd: f"\\u{ord(odd.group()):04x}", cut)
    return visible if len(text) <= most else f"{visible}… ({len(text):,} characters)"


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


def link_of(text: str | None) -> str | None:
    """A text as the address of a link: only of http and https, with a host and nothing hidden in it."""
    if text is None or len(text) > LONG or _HIDDEN.search(text) or _ODD.search(text):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.hostname else None


def key_of(value: str | None) -> str:
    """How an address names a value to filter by: itself; a digest if long or unseemly; nothing if there is none."""
    if value is None or (len(value) <= KEY and not _ODD.search(value)):
        return value or ""
    return "#" + hashlib.md5(value.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
