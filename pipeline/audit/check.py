"""check: whether what a dataset says of itself holds: licences, evidence, policies, dates, withdrawals, bytes."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import duckdb

from pipeline.audit.summary import USED
from pipeline.catalog import bounded, open_catalog, root_of
from pipeline.clip_trace import licence_of
from pipeline.dataset_json import DescriptionError, described, listed_files
from pipeline.licences.choice import chosen
from pipeline.licences.evidence import FOLDER, Kept, kept_state, names_of
from schemas.licence import Licence
from schemas.plain_text import counted
from schemas.policy import LICENCE, Asks, Policy, violations

KINDS: Final = ("licence", "retention", "policy", "evidence", "withdrawn", "bytes")
_TIMEOUT_S: Final = 1_800.0
_ROWS: Final = 1_000
_WITHDRAW: Final = "withdraw it, or correct it where it is stated and build again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that does not hold. `kind`: of KINDS. `what`: where, what is wrong and what to do, in a line.

    `name`: the recording's, file's or policy's; `recording_id`, `clips`: of a recording, how many of its clips.
    """

    kind: str
    name: str
    what: str
    recording_id: str | None = None
    clips: int | None = None

    def written(self) -> dict[str, Any]:
        """As JSON, without what there is not."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
    """What is checked, and against what. quick: no shard is read. say: takes what is being done, in words."""

    out: Path
    policies: tuple[Policy, ...]
    built_with: Policy | None
    today: date
    quick: bool
    say: Callable[[str], None]

    def faults(self) -> Iterator[Fault]:
        """Every fault, as it is found. Raises CatalogError, VerifyError, BrowseError, WithdrawnError."""
        self.say("licences, policies and dates")
        files: dict[str, tuple[int, str]] = {}
        yield from self._recordings(files)
        self.say("evidence")
        yield from _evidence(root_of(self.out), files)
        self.say("what is withdrawn")
        yield from _withdrawn(self.out)
        self.say("indexes" if self.quick else "indexes and shards, every byte")
        yield from _quick(self.out) if self.quick else _bytes(self.out)

    def _recordings(self, files: dict[str, tuple[int, str]]) -> Iterator[Fault]:
        """What is wrong with the licence of a recording that is used; files: evidence -> recordings, the first."""
        expired = {p.name for p in self.every() if p.expires is not None and self.today.isoformat() > p.expires}
        for name in sorted(expired):
            yield Fault(kind="policy", name=name, what=f"policy {name} has ended: look at it again, set another date")
        wrong = lru_cache(10_000)(lambda licence: list(self._wrong(licence)))
        for uri, recording_id, clips, licence in _used(self.out):
            for name in names_of(licence):
                files[name] = (files.get(name, (0, uri))[0] + 1, files.get(name, (0, uri))[1])
            for kind, what in wrong(licence):
                line = f"{uri} ({counted(clips, 'clip')}): {what}"
                yield Fault(kind=kind, name=uri, what=line, recording_id=recording_id, clips=clips)

    def _wrong(self, licence: Licence) -> Iterator[tuple[str, str]]:
        """(kind, what) of everything; nothing is said twice."""
        if licence.unlicensed:
            yield "licence", f"it has no licence: {_WITHDRAW}"
        late = licence.retain_until is not None and licence.retain_until < self.today.isoformat()
        if late:
            yield "retention", f"it was to be kept until {licence.retain_until}: withdraw it, or state a later date"
        for policy in self.every():
            one = licence if policy is self.built_with else chosen(licence, policy, self.today)
            for rule, why in violations(policy, one, today=self.today):
                if rule not in (LICENCE, "expires") and not (late and rule == Asks.RETENTION_DAYS):
                    yield "policy", f"{why} (policy {policy.name}, rule {rule})"

    def every(self) -> tuple[Policy, ...]:
        """The policies that have to hold, that of the build first."""
        built = (self.built_with,) if self.built_with else ()
        return tuple(dict.fromkeys((*built, *self.policies)))

    def checked(self) -> str:
        """What there is to check, in words. Raises CatalogError."""
        catalog = open_catalog(self.out, ordered=False)
        try:
            with bounded(catalog) as cursor:
                sums = f"SELECT count(*), count(DISTINCT recording_id), count(DISTINCT shard) FROM clips WHERE {USED}"
                ((clips, recordings, shards),) = cursor.execute(sums).fetchall()
        finally:
            catalog.close()
        names = ", ".join(policy.name for policy in self.every()) or "none"
        tars = "the size of" if self.quick else "every byte of"
        return (
            f"{counted(clips, 'clip')} of {counted(recordings, 'recording')}: licences, evidence, retention on"
            f" {self.today}, policies ({names}), withdrawals, indexes, {tars} {counted(shards, 'shard')}"
        )


def checking(
    out: Path, policies: Sequence[Policy], today: date, *, quick: bool, say: Callable[[str], None]
) -> Checking:
    """What there is to check in OUT, with the policy that it was built with. Raises DescriptionError."""
    return Checking(
        out=out,
        policies=tuple(policies),
        built_with=_built_with(out, described(root_of(out))),
        today=today,
        quick=quick,
        say=say,
    )


def _built_with(out: Path, description: Mapping[str, Any]) -> Policy | None:
    """None in datasets of versions that knew no policies."""
    written = description["configuration"].get("policy")
    if written is None:
        return None
    try:
        return Policy.read(written)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DescriptionError(f"{out}/dataset.json: its policy cannot be read ({error}): build again") from error


def _used(out: Path) -> Iterator[tuple[str, str, int, Licence]]:
    """(file, id, clips, licence) of every recording that is used, by name."""
    sql = (
        f"SELECT uri, recording_id, count(*), info.licence AS l FROM clips WHERE {USED}"
        " GROUP BY uri, recording_id, l ORDER BY uri, recording_id"
    )
    catalog = open_catalog(out)
    try:
        with bounded(catalog, _TIMEOUT_S) as cursor:
            for uri, recording_id, clips, stated in _streamed(cursor, sql):
                yield uri, recording_id, clips, licence_of(stated)
    finally:
        catalog.close()


def _streamed(cursor: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[Any, ...]]:
    cursor.execute(sql)
    while rows := cursor.fetchmany(_ROWS):
        yield from rows


def _evidence(root: Path, files: Mapping[str, tuple[int, str]]) -> Iterator[Fault]:
    """Files that are named and not there, or others."""
    if files and not (root / FOLDER).is_dir():
        what = f"the folder is missing, with {counted(len(files), 'file')}: get it from whoever built the dataset"
        yield Fault(kind="evidence", name=FOLDER, what=what)
        return
    for name, (recordings, first) in sorted(files.items()):
        state = kept_state(root, name)
        if state is not Kept.WHOLE:
            of = f"{counted(recordings, 'recording')} rest on it, {first} first"
            what = (
                f"{FOLDER}/{name}: {state.value}; {of}: put the original back, or state new evidence and build again"
            )
            yield Fault(kind="evidence", name=f"{FOLDER}/{name}", what=what)


def _withdrawn(out: Path) -> Iterator[Fault]:
    from pipeline.withdraw.proof import remains

    for line in remains(root_of(out)):
        yield Fault(kind="withdrawn", name=line.partition(":")[0], what=line)


def _bytes(out: Path) -> Iterator[Fault]:
    """Everything that `verify` finds but evidence, which was looked at."""
    from pipeline.verify import verify

    for line in verify(root_of(out)):
        if not line.startswith(f"{FOLDER}/"):
            yield Fault(kind="bytes", name=line.partition(":")[0], what=line)


def _quick(out: Path) -> Iterator[Fault]:
    """The indexes against their digests in dataset.json, and the shards against the sizes there."""
    root = root_of(out)
    for name, (sha256, size) in listed_files(root).items():
        path = root / name
        if not path.is_file():
            yield Fault(kind="bytes", name=name, what=f"{name}: missing: restore it, or build again")
        elif name.startswith("index/") and _sha256(path) != sha256:
            yield Fault(kind="bytes", name=name, what=f"{name}: its bytes changed: restore it, or build again")
        elif size is not None and path.stat().st_size != size:
            what = f"{name}: {path.stat().st_size} bytes, {size} by dataset.json: restore it, or build again"
            yield Fault(kind="bytes", name=name, what=what)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
