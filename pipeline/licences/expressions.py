"""SPDX expressions: read in whatever words, written in one way, and what is taken of those that offer a choice."""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from typing import Any, Final

from boolean import ParseError
from license_expression import ExpressionError, LicenseWithExceptionSymbol, Licensing

from pipeline.licences.names import exceptions, name_of, shown, unknown
from pipeline.licences.terms import terms_of, together
from schemas.licence import NO_LICENCE, LicenceError, Rights

LONGEST: Final = 1_000
"""Characters of an expression."""
DEEPEST: Final = 20
"""Parentheses inside one another."""
MOST: Final = 256
"""Alternatives that an expression may offer."""
_LICENSING: Final = Licensing()  # names no licence itself: ours are SPDX identifiers by then
_TOKENS: Final = re.compile(
    r"(\s+(?:AND|OR|WITH)\s+|[()]|(?<=\))\s*(?:AND|OR)\s+|\s+(?:AND|OR)\s*(?=\())", re.IGNORECASE
)


@lru_cache(4096)
def normalise(text: str) -> str:
    """'cc by 4.0' -> 'CC-BY-4.0'; '(MIT or apache-2.0)' -> 'Apache-2.0 OR MIT'; 'noassertion' -> 'NOASSERTION'.

    Raises LicenceError for a name that is not known or means several, and for what is no SPDX expression.
    """
    stripped = text.strip()
    if len(stripped) > LONGEST:
        raise LicenceError(f"licence {shown(stripped)} has {len(stripped)} characters: {LONGEST} at most")
    if not stripped.isprintable() or not stripped:
        raise unknown(text)
    if stripped.upper() == NO_LICENCE:
        return NO_LICENCE
    whole = _whole(stripped)
    return whole if whole is not None else str(_parsed(stripped).simplify().render("{symbol.key}"))


@lru_cache(4096)
def taken_of(expression: str) -> str:
    """Of a normalised expression with OR, the alternative that permits most; else the expression without parentheses.

    Which is best: derived works, commercial use, no share-alike, no credit, fewer licences, the first by name.
    """
    return " AND ".join(ranked(expression)[0])


def ranked(expression: str) -> list[tuple[str, ...]]:
    """The alternatives of a normalised expression, the one that permits most first, each as its licences."""
    return sorted(alternatives(expression), key=_rank)


def rights_of(expression: str) -> Rights:
    """What a normalised expression permits, by the alternative taken; all None where nothing is known."""
    return rights_of_parts(taken_of(expression).split(" AND "))


def rights_of_parts(parts: Iterable[str]) -> Rights:
    """What is permitted where all of these licences hold."""
    return together(terms_of(part).rights for part in parts)


def alternatives(expression: str) -> list[tuple[str, ...]]:
    """The sets of licences among which one may choose, each sorted: MIT AND (A OR B) -> (A, MIT), (B, MIT)."""
    if expression == NO_LICENCE:
        return [(NO_LICENCE,)]
    return sorted({tuple(sorted(set(parts))) for parts in _spread(_parse(expression))})


def _whole(text: str) -> str | None:
    """A text that is one name, although it may have an "or" in it."""
    try:
        return name_of(text)
    except LicenceError:
        if _TOKENS.search(text):  # as in "CC-BY or MIT": said of its parts
            return None
        raise


def _parsed(text: str) -> Any:
    depth = 0
    words: list[str] = []
    for token in _TOKENS.split(text):
        word = token.strip()
        depth += (word == "(") - (word == ")")
        if depth > DEEPEST:
            raise LicenceError(f"licence {shown(text)} has more than {DEEPEST} parentheses inside one another")
        words.append(_word(word, text, words))
    return _parse(" ".join(word for word in words if word), text)


def _word(word: str, text: str, before: list[str]) -> str:
    if word in {"", "(", ")"}:
        return word
    if word.upper() in {"AND", "OR", "WITH"}:
        return word.upper()
    if before and before[-1] == "WITH":
        exception = exceptions().get(word.casefold())
        if exception is None:
            raise LicenceError(f"licence {shown(text)}: {shown(word)} is no SPDX exception, which stand after WITH")
        return exception
    name = name_of(word)
    if name is None:
        raise unknown(word)
    return name


def _parse(expression: str, said: str | None = None) -> Any:
    try:
        tree = _LICENSING.parse(expression)
    except (ExpressionError, ParseError, IndexError) as error:
        tree = None
        cause: Exception | None = error
    else:
        cause = None
    if tree is None:
        raise LicenceError(
            f"licence {shown(said or expression)} is no SPDX expression: give a licence, "
            "or licences with AND, OR, WITH and parentheses between them"
        ) from cause
    if len(_spread(tree)) > MOST:
        raise LicenceError(f"licence {shown(said or expression)} offers more than {MOST} alternatives: name the one")
    return tree


def _spread(node: Any) -> list[tuple[str, ...]]:
    """The alternatives of a tree, each as its licences; cut off just above MOST."""
    if isinstance(node, LicenseWithExceptionSymbol):
        return [(f"{node.license_symbol.key} WITH {node.exception_symbol.key}",)]
    if not node.args:
        return [(str(node.key),)]
    parts = [_spread(child) for child in node.args]
    if isinstance(node, _LICENSING.OR):
        return [one for part in parts for one in part][: MOST + 1]
    combined: list[tuple[str, ...]] = [()]
    for part in parts:
        combined = [a + b for a, b in product(combined, part)][: MOST + 1]
    return combined


def _rank(parts: tuple[str, ...]) -> tuple[int, int, int, int, int, tuple[str, ...]]:
    rights = rights_of_parts(parts)
    permitted = {True: 0, None: 1, False: 2}
    asked = {False: 0, None: 1, True: 2}
    return (
        permitted[rights.derivatives],
        permitted[rights.commercial_use],
        asked[rights.share_alike],
        asked[rights.attribution],
        len(parts),
        parts,
    )
