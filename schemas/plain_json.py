"""JSON from outside: what cannot be read raises one kind of error, whatever is wrong with it."""

import json
from typing import Any, Final

_SAID: Final = 200  # characters


def parsed(text: str | bytes) -> Any:
    """The value of a JSON text, in UTF-8. Raises ValueError, also for what is nested without end."""
    try:
        return json.loads(text.decode("utf-8") if isinstance(text, bytes) else text)
    except (ValueError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())[:_SAID]) from error


def parsed_object(text: str | bytes) -> dict[str, Any]:
    """The same, where only an object will do."""
    value = parsed(text)
    if not isinstance(value, dict):
        raise ValueError(f"it is a JSON {type(value).__name__}, no object")
    return value
