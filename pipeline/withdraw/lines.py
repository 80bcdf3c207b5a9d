"""The lines of withdrawn.jsonl that a withdrawal writes. The file is replaced whole, and only ever grows."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from schemas.atomic import write_text
from schemas.withdrawn import NAME, State, Withdrawal, Withdrawn, parse_withdrawn, read_withdrawn, text_of


def append(out: Path, lines: Iterable[Mapping[str, Any]]) -> Withdrawn:
    """Add lines, all or none; gives what counts then. Call it while the folder is held. Raises WithdrawnError."""
    path = out / NAME
    before = text_of(path)
    text = before + ("\n" if before and not before.endswith("\n") else "")
    text += "".join(json.dumps(line) + "\n" for line in lines)
    found = parse_withdrawn(text, str(path))
    write_text(path, text)
    return found


def turn(out: Path, ids: Iterable[str], state: State, date: str, **facts: Any) -> Withdrawn:
    """Say what became of withdrawals."""
    found = [{"withdrawal": one, "state": state.value, "date": date, **facts} for one in ids]
    return append(out, found) if found else read_withdrawn(out / NAME)


def in_state(withdrawn: Withdrawn, *states: State) -> list[Withdrawal]:
    """The withdrawals that stand so, in the order in which they were begun."""
    return [one for one in withdrawn.withdrawals.values() if one.state in states]
