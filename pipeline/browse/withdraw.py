"""What a withdrawal would take out, before anybody withdraws anything: this only reads."""

import re
import shlex
import string
from typing import Any, Final

from pipeline.browse.store import Store, listed
from pipeline.browse.text import BrowseError
from pipeline.visible import ODD, clean, shown
from pipeline.withdraw.choose import KINDS, LONGEST, Selection, direct

SHOWN: Final = 100
_HALF: Final = re.compile("[\ud800-\udfff]")


def selection_of(parameters: list[tuple[str, str]]) -> Selection:
    """The selection of an address's parameters. Raises BrowseError unless it is just one."""
    given = [(name, value) for name, value in parameters if value]
    if len(given) != 1 or given[0][0] not in KINDS or len(given[0][1]) > LONGEST:
        raise BrowseError(f"give one of {', '.join(KINDS)}")
    return Selection(*given[0])


def preview(store: Store, selection: Selection) -> dict[str, Any]:
    """Clips, seconds and shards that would go, with the first of the clips."""
    chosen = direct(selection)
    kept, values = f"kept AND NOT withdrawn AND ({chosen.sql})", chosen.values
    (sums,) = store.ask(
        "SELECT count(*) AS clips, coalesce(sum(duration_s), 0) AS seconds, count(DISTINCT shard) AS shards,"
        f" count(DISTINCT recording_id) AS recordings FROM flat WHERE {kept}",
        values,
    )
    (known,) = store.ask(
        f"SELECT count(*) AS n, count(*) FILTER (withdrawn) AS gone FROM flat WHERE {chosen.sql}", values
    )
    page = f"FROM flat WHERE {kept} ORDER BY clip_id LIMIT {SHOWN}"
    columns = "clip_id AS id, split, shard, duration_s, uri, speakers, licence, consent, holder, reason, language"
    return {
        "kind": selection.kind,
        "value": shown(selection.value),
        "command": command(str(store.out), selection),
        **clean(sums),
        "splits": clean(
            store.ask(f"SELECT split, count(*) AS n FROM flat WHERE {kept} GROUP BY ALL ORDER BY ALL", values)
        ),
        "known": known["n"],
        "withdrawn": known["gone"],
        "first": [listed(row) for row in store.ask(f"SELECT {columns}, source_url AS source {page}", values)],
        "borrowed": _borrowed(store, selection, int(sums["clips"])),
    }


def _borrowed(store: Store, selection: Selection, clips: int) -> int | None:
    """How many other clips hold samples of voices out of these, so that their shards change, too.

    Only clips of the same recordings do; None where too many are chosen to say so quickly.
    """
    if not 0 < clips <= 20_000:
        return 0 if clips == 0 else None
    chosen = direct(selection)
    places = f"SELECT clip_id, recording_id FROM flat WHERE kept AND NOT withdrawn AND ({chosen.sql})"
    others = (
        f"WITH chosen AS MATERIALIZED ({places}), others AS (SELECT clip_id, [v.clip_id FOR v IN info.voices] AS lent"
        " FROM clips WHERE kept AND info.recording_id IN (SELECT recording_id FROM chosen)"
        " AND clip_id NOT IN (SELECT clip_id FROM chosen)) SELECT count(DISTINCT o.clip_id) AS n"
        " FROM (SELECT clip_id, unnest(lent) AS lender FROM others) AS o JOIN chosen ON chosen.clip_id = o.lender"
    )
    return int(store.ask(others, chosen.values)[0]["n"])


def command(out: str, selection: Selection) -> str | None:
    """What a person types into a shell to withdraw a selection; None for a name that no command line can hold."""
    words = [out, f"--{selection.kind}={selection.value}"]
    if any("\0" in word or _HALF.search(word) for word in words):
        return None
    return f'duplexset withdraw {" ".join(map(typed, words))} --reason "..."'


def typed(word: str) -> str:
    """A word of a command line. What could not be seen or changes how others are seen is spelled out, for bash."""
    if word.isprintable() and not ODD.search(word):
        return shlex.quote(word)
    plain = string.ascii_letters + string.digits + "-_=./:@ "
    return "$'" + "".join(c if c in plain else "".join(f"\\x{b:02x}" for b in c.encode()) for c in word) + "'"
