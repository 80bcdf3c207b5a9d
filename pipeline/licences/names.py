"""What people call a licence, in words or as an address, and its SPDX identifier."""

import difflib
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from license_expression import get_spdx_licensing

from pipeline.licences.terms import TERMS
from schemas.licence import LicenceError

_LIST: Final = "spdx.org/licenses lists them"
_FILLERS: Final = frozenset({"the", "a", "license", "licence", "licensed", "under", "version", "v"})
_CC_WORDS: Final = {
    "attribution": "BY",
    "by": "BY",
    "noncommercial": "NC",
    "nc": "NC",
    "noderivatives": "ND",
    "noderivs": "ND",
    "noderivative": "ND",
    "nd": "ND",
    "sharealike": "SA",
    "sa": "SA",
}
_CC_FILLERS: Final = frozenset(
    {"creative", "commons", "cc", "international", "unported", "generic", "public", "works"}
)
_CC_PATH: Final = re.compile(
    r"/licenses/(?P<elements>[a-z-]+)/(?P<version>\d\.\d)(?:/(?P<port>[a-z]{2,3}))?(?:/(?:deed|legalcode)[.\w-]*)?/?"
)
_CC_PUBLIC: Final = re.compile(r"/publicdomain/(?P<kind>zero|mark)/1\.0(?:/(?:deed|legalcode)[.\w-]*)?/?")


@cache
def identifiers() -> dict[str, str]:
    """Every SPDX identifier of a licence, and those that SPDX has replaced, in lower case -> the identifier."""
    return _listed(exceptions=False)


@cache
def exceptions() -> dict[str, str]:
    """The same of the exceptions that stand after WITH."""
    return _listed(exceptions=True)


def _listed(*, exceptions: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    symbols = get_spdx_licensing().known_symbols
    for key in sorted(symbols):
        if symbols[key].is_exception == exceptions and not key.startswith("LicenseRef-"):
            older = [alias for alias in symbols[key].aliases if not alias.startswith("LicenseRef-")]
            found |= {name.casefold(): key for name in older if name.casefold() not in found} | {key.casefold(): key}
    return found


@cache
def _words() -> dict[str, dict[str, Any]]:
    table = tomllib.loads(Path(__file__).with_name("names.toml").read_text(encoding="utf-8"))
    names = {_folded(name): spdx for spdx, names in table["names"].items() for name in names}
    urls = {url: spdx for spdx, urls in table["urls"].items() for url in urls}
    urls |= {_bare(terms.url): spdx for spdx, terms in list(TERMS.items())[::-1]}
    return {"names": names, "several": {_folded(n): ids for n, ids in table["several"].items()}, "urls": urls}


def name_of(text: str) -> str | None:
    """The SPDX identifier or `LicenseRef-<name>` of one licence, None where it is not known.

    Raises LicenceError for a name that means several licences, and names them.
    """
    text = text.strip()
    if re.match(r"(?i)https?://", text):
        return _of_address(text)
    if match := re.fullmatch(r"(?i)licenseref-([a-z0-9.-]+)", text):
        return f"LicenseRef-{match[1]}"
    folded = _folded(text)
    known = identifiers().get(re.sub(r"[\s_]+", "-", text).casefold())
    if known is not None and folded not in _words()["several"]:
        return known
    named = _words()["names"].get(folded)
    found = str(named) if named else _creative_commons(text)
    if found is None:
        _require_exact(text, folded)
    return found


def unknown(text: str) -> LicenceError:
    """The error for a name that is not known, with the nearest ones."""
    near = difflib.get_close_matches(text.casefold()[:80], list(identifiers()), 3, 0.75)
    hint = f" (did you mean {', '.join(identifiers()[name] for name in near)}?)" if near else ""
    return LicenceError(
        f"licence {shown(text)} is not known{hint}: give an SPDX identifier such as CC-BY-4.0 ({_LIST}), "
        "or LicenseRef-<name> for a contract"
    )


def shown(text: str) -> str:
    """A text of others in a message: quoted, on one line, cut."""
    return repr(text if len(text) <= 80 else text[:77] + "...")


def _folded(text: str) -> str:
    """The words that matter, joined by hyphens; "" for a text with signs that no name has."""
    if not re.fullmatch(r"[\w\s.,+&:/-]*(\([\w\s.,+-]*\))?\s*", text):
        return ""
    words = [re.sub(r"^v(?=\d)", "", word) for word in re.findall(r"[a-z0-9.+]+", text.casefold())]
    return "-".join(word.strip(".") for word in words if word not in _FILLERS)


def _require_exact(text: str, folded: str) -> None:
    """Raise LicenceError where only the version is missing."""
    if not folded:
        return
    ids = _words()["several"].get(folded) or [
        spdx
        for name, spdx in sorted(identifiers().items())
        if re.fullmatch(re.escape(folded) + r"-\d[\d.]*(-only|-or-later|-clause)?", name) and name == spdx.casefold()
    ]
    if ids:
        raise LicenceError(f"licence {shown(text)} is not exact: say which of {', '.join(ids[:12])}")


def _creative_commons(text: str) -> str | None:
    """'Creative Commons Attribution-NonCommercial 4.0 International (CC BY-NC 4.0)' -> CC-BY-NC-4.0."""
    if not _folded(text):
        return None
    joined = re.sub(r"(non|no|share)[\s-]+(?=commercial|deriv|alike)", r"\1", text.casefold())
    words = re.findall(r"\d\.\d|[^\W\d_]+|\d+", joined)
    named = _named_together(words)
    elements = {element for together in named for element in together}
    versions = {word for word in words if re.fullmatch(r"\d\.\d", word)}
    rest = [
        w for w in words if w not in _CC_WORDS and w not in _CC_FILLERS and w not in _FILLERS and w not in versions
    ]
    if not elements or not ({"cc", "attribution"} & set(words) or "creative commons" in joined) or len(rest) > 1:
        return None
    if len(set(named)) > 1:
        raise LicenceError(f"licence {shown(text)} names several: give one, or put AND or OR between them")
    family = "CC-" + "-".join(e for e in ("BY", "NC", "ND", "SA") if e in elements)
    if not versions:
        known = [name for key, name in identifiers().items() if re.fullmatch(family.casefold() + r"-\d\.\d", key)]
        if known and not rest:
            raise LicenceError(f"licence {shown(text)} has no version: say which of {', '.join(sorted(known))}")
        return None
    if len(versions) > 1:
        return None
    return identifiers().get("-".join([family, *versions, *rest]).casefold())


def _named_together(words: list[str]) -> list[frozenset[str]]:
    """The elements of each licence that is named: one begins with Attribution, and ends with its version."""
    found: list[set[str]] = [set()]
    for word in words:
        element = _CC_WORDS.get(word)
        if re.fullmatch(r"\d\.\d", word) or (element == "BY" and "BY" in found[-1]):
            found.append(set())
        if element:
            found[-1].add(element)
    return [frozenset(elements) for elements in found if elements]


def _bare(url: str) -> str:
    parts = urlsplit(url)
    path = re.sub(r"\.(html?|txt|json|md)$", "", parts.path.rstrip("/"), flags=re.IGNORECASE)
    return f"{(parts.hostname or '').removeprefix('www.')}{path}".casefold().rstrip("/")


def _of_address(url: str) -> str | None:
    try:
        bare = _bare(url)
    except ValueError:  # an address that is none, as http://[
        return None
    host, _, path = bare.partition("/")
    if host == "creativecommons.org":
        return _of_creative_commons(f"/{path}") or _words()["urls"].get(bare)
    known = _words()["urls"].get(bare)
    if known is not None:
        return str(known)
    slug = re.fullmatch(r"(?:spdx\.org/licenses|opensource\.org/licenses?)/([a-z0-9.+-]+)", bare)
    if slug is None:
        return None
    by_slug = {name.replace(".", "-"): spdx for name, spdx in identifiers().items()}
    return identifiers().get(slug[1]) or by_slug.get(slug[1])


def _of_creative_commons(path: str) -> str | None:
    if public := _CC_PUBLIC.fullmatch(path):
        return {"zero": "CC0-1.0", "mark": "CC-PDM-1.0"}[public["kind"]]
    match = _CC_PATH.fullmatch(path)
    if match is None:
        return None
    elements = match["elements"].replace("nd-nc", "nc-nd")  # as version 1.0 had it
    port = f"-{match['port']}" if match["port"] else ""
    return identifiers().get(f"cc-{elements}-{match['version']}{port}")
