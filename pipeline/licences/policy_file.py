"""Policies as files: the ready ones by name, one's own by path, and the options on top of them."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pipeline.licences.expressions import normalise
from pipeline.licences.forms import codes, day
from schemas.errors import UserError
from schemas.licence import UNSTATED, LicenceError, missing
from schemas.policy import CLOSED, RIGHTS, Asks, Policy, Rule

_FOLDER: Final = Path(__file__).with_name("policies")
_LARGEST: Final = 1 << 20
_MOST_DAYS: Final = 36_500
_KEYS: Final = ("says", "allow", "deny", "unlicensed", "expires", "require")
STATABLE: Final = (*missing(UNSTATED), "licence_text")
"""What a policy may want to be stated."""


class PolicyError(UserError):
    """A policy that cannot be read; the message says where and what is accepted."""


def ready() -> list[str]:
    """The names of the policies that come with the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def policy_text(name: str) -> str:
    """The file of a policy, by name or path. Raises PolicyError."""
    path = _FOLDER / f"{name}.toml" if name in ready() else Path(name)
    try:
        if not path.is_file():
            raise PolicyError(f"policy {name!r}: no such file, and the ready ones are {', '.join(ready())}")
        if path.stat().st_size > _LARGEST:
            raise PolicyError(f"policy {name}: larger than 1 MiB: it holds a few lines")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError(f"policy {name} is not UTF-8 text ({error.reason}): save it as UTF-8") from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise PolicyError(f"policy {name!r} cannot be read ({error}): correct the path") from error


def read_policy(name: str) -> Policy:
    """A ready policy by its name, or the one in a TOML file. Raises PolicyError."""
    return policy_of(policy_text(name), name)


def policy_of(text: str, name: str) -> Policy:
    """The policy that a TOML text states. Raises PolicyError."""
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PolicyError(f"policy {name} is not TOML ({error})") from error
    _known(name, values, _KEYS)
    try:
        return Policy(
            name=name if name in ready() else _own(name),
            says=_typed(name, "says", values.get("says", ""), str),
            allow=_patterns(name, "allow", values.get("allow", [])),
            deny=_patterns(name, "deny", values.get("deny", [])),
            unlicensed=_typed(name, "unlicensed", values.get("unlicensed", False), bool),
            expires=day("expires", str(values["expires"])) if "expires" in values else None,
            rules=_rules(name, _typed(name, "require", values.get("require", {}), dict)),
        )
    except LicenceError as error:
        raise PolicyError(f"policy {name}: {error}") from error


def _own(name: str) -> str:
    """What a file's policy is called: never like a ready one."""
    stem = Path(name).stem
    return f"{stem} (a file)" if stem in ready() else stem


def with_options(
    policy: Policy, *, commercial: bool = False, allow: Sequence[str] = (), unlicensed: bool = False
) -> Policy:
    """The policy with the build's options on top. Raises LicenceError for a licence that is not known."""
    more = Rule(asks=Asks.COMMERCIAL_USE, accepts=("true",))
    commercial = commercial and more not in policy.rules
    others = tuple(rule for rule in policy.rules if rule.asks is not more.asks)
    return replace(
        policy,
        name=f"{policy.name} --commercial" if commercial else policy.name,
        rules=(*others, more) if commercial else policy.rules,
        allow=tuple(dict.fromkeys((*policy.allow, *map(_pattern, allow)))),
        unlicensed=policy.unlicensed or unlicensed,
    )


def _known(name: str, values: Mapping[str, Any], keys: Sequence[str]) -> None:
    unknown = sorted(values.keys() - set(keys))
    if unknown:
        raise PolicyError(f"policy {name}: unknown key {unknown[0]!r}; known are {', '.join(keys)}")


def _typed(name: str, key: str, value: Any, kind: type) -> Any:
    if type(value) is not kind:
        words = {
            str: 'a text, as "..."',
            bool: "true or false",
            dict: "a table, as [require]",
            list: "a list",
            int: "a number",
        }
        raise PolicyError(f"policy {name}: {key} must be {words[kind]}")
    return value


def _patterns(name: str, key: str, value: Any) -> tuple[str, ...]:
    return tuple(_pattern(text) for text in _texts(name, key, value))


def _pattern(text: str) -> str:
    """A licence in its one way of writing, or a pattern with *."""
    return text if re.fullmatch(r"[A-Za-z0-9.+*-]*\*[A-Za-z0-9.+*-]*", text) else normalise(text)


def _texts(name: str, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise PolicyError(f'policy {name}: {key} must be a list of texts, as ["..."]')
    return tuple(dict.fromkeys(value))


def _rules(name: str, table: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules in the order of `Asks`, whatever that of the file."""
    _known(f"{name} [require]", table, tuple(Asks))
    return tuple(Rule(asks=asks, accepts=_accepts(name, asks, table[asks])) for asks in Asks if asks in table)


def _accepts(name: str, asks: Asks, value: Any) -> tuple[str, ...]:
    if asks in RIGHTS:
        return (str(_typed(name, asks, value, bool)).casefold(),)
    if asks in {Asks.RETENTION_DAYS, Asks.EVIDENCE_AGE_DAYS}:
        if not 0 <= _typed(name, asks, value, int) <= _MOST_DAYS:
            raise PolicyError(f"policy {name}: {asks} {value}: give 0 to {_MOST_DAYS} days")
        return (str(value),)
    found = _texts(name, asks, value)
    if not found:
        raise PolicyError(f"policy {name}: {asks} is empty, which nothing satisfies: name what is accepted")
    if asks is Asks.JURISDICTION:
        return tuple(one for text in found for one in codes(asks.value, text))
    closed = STATABLE if asks is Asks.STATED else CLOSED[asks]
    wrong = [text for text in found if text not in closed]
    if wrong:
        raise PolicyError(f"policy {name}: {asks} {wrong[0]!r} is not known; known are {', '.join(closed)}")
    return found
