"""Text from outside on its way to a page, beside what `pipeline.visible` does to all of it: links and addresses.

What a text would do as HTML does not matter here: the page sets it as text, never as markup.
"""

import hashlib
import re
from typing import Final
from urllib.parse import urlsplit

from pipeline.visible import LONG, ODD
from schemas.errors import UserError

KEY: Final = 200
"""Characters of a value up to which it stands for itself in an address."""
_HIDDEN: Final = re.compile(r"\s")


class BrowseError(UserError):
    """What the page cannot show: a request that asks for nothing there is, or a dataset that cannot be read."""


def link_of(text: str | None) -> str | None:
    """A text as the address of a link: only of http and https, with a host and nothing hidden in it."""
    if text is None or len(text) > LONG or _HIDDEN.search(text) or ODD.search(text):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.hostname else None


def key_of(value: str | None) -> str:
    """How an address names a value to filter by: itself; a digest if long or unseemly; nothing if there is none."""
    if value is None or (len(value) <= KEY and not ODD.search(value)):
        return value or ""
    return "#" + hashlib.md5(value.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
