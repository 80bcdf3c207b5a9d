"""Phase 1: from sources to one prepared file per recording. What is there already is not made again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cluster.engine import Engine
from cluster.gather import UnitDone
from cluster.rows import Failed
from pipeline import quarantine
from pipeline.config import BuildConfig, conversation, intake
from pipeline.licences.choice import chosen
from pipeline.sources import Sources
from pipeline.view import View
from pipeline.withdraw.tombstones import recording_tombstone
from schemas.arrow import to_dict
from schemas.policy import objected
from schemas.prepared import PreparedFile, PreparedWriter, loss_of
from schemas.recording import Recording, Source
from schemas.rejection import Reason, Rejection
from schemas.shard import RecordingRow
from schemas.withdrawn import Mark, Withdrawn
from stages.ingest import Ingest, refusal_of


@dataclass(slots=True)
class Prepared:
    """What phase 1 left: a file per usable recording, a row per source that is not one, and what was quarantined."""

    files: list[PreparedFile] = field(default_factory=list)
    refused: list[RecordingRow] = field(default_factory=list)
    quarantined: list[str] = field(default_factory=list)


def prepared_path(out: Path, recording: Recording, fingerprint: str, *, told: str = "") -> Path:
    """Names the recording and everything that shaped the file: phase 1 as a whole and the recording's own row.

    A licence shapes nothing, but for what a generator of role texts is told of it.
    """
    row = to_dict(recording)
    source = recording.source
    del row["notes"], row["licence"]
    unnamed = (
        {"origin", "transcript", "licence"}
        | ({"uri"} if source.name else set())
        | ({"uri_b"} if source.name_b else set())
    )
    row["source"] = {name: value for name, value in row["source"].items() if name not in unnamed}
    shape = hashlib.sha256((fingerprint + told + json.dumps(row, sort_keys=True)).encode()).hexdigest()[:16]
    return out / "work" / "prepared" / f"{recording.recording_id}-{shape}.parquet"


def _copy_of(recording: Recording, reason: Reason, detail: str) -> Rejection:
    """The rejection of a source whose bytes another one has."""
    uri, recording_id = recording.source.uri, recording.recording_id
    return Rejection(uri=uri, stage="ingest", reason=reason, detail=detail, recording_id=recording_id)


@dataclass(slots=True, kw_only=True)
class Preparation:
    """One run of phase 1; everything is written under `out/work`."""

    config: BuildConfig
    fingerprint: str
    out: Path
    engine: Engine
    view: View
    withdrawn: Withdrawn = field(default_factory=Withdrawn)
    result: Prepared = field(default_factory=Prepared)

    def plan(self, sources: Sources) -> tuple[list[tuple[Recording, Path]], list[tuple[Recording, Path]]]:
        """Identify the recordings; give (all, missing), each with the path of its prepared file."""
        for source, rejection in sources.rejected:
            self._refuse(source, rejection)
        units = []
        for recording in self._identify([self._licensed(source) for source in sources.usable]):
            path = self._path(recording)
            refused = self._refusal(recording)
            if refused and not path.exists():  # as it is now, it was never prepared
                self._refuse(recording.source, refused)
            else:
                units.append((recording, path))
        self.result.refused.sort(key=lambda row: (row.uri, row.origin))
        return units, [(recording, path) for recording, path in units if not path.exists()]

    def run(self, sources: Sources) -> Prepared:
        """Prepare what is missing and give all that is there."""
        quarantine.clear(self.out)
        units, missing = self.plan(sources)
        self.view.preparing(sum(r.duration_s or 0.0 for r, _ in missing), len(missing))
        for recording, path in units:
            if path.exists():
                self.view.finished(PreparedFile(path, recording.licence).recording(), resumed=True)
        self._prepare(missing)
        self.result.files = [PreparedFile(path, recording.licence) for recording, path in units if path.exists()]
        return self.result

    def _path(self, recording: Recording) -> Path:
        told = recording.licence.spdx if self.config.roles else ""
        return prepared_path(self.out, recording, self.fingerprint, told=told)

    def _licensed(self, source: Source) -> Source:
        """The source under the alternative of its licence that the policy permits."""
        if source.licence is None:
            return source
        return replace(source, licence=chosen(source.licence, self.config.policy, self.config.today))

    def _refusal(self, recording: Recording) -> Rejection | None:
        return refusal_of(recording.licence, recording.source, self.config.policy, self.config.today)

    def _known(self, sources: Sequence[Source]) -> frozenset[str]:
        """What the indexes call the recordings that are prepared, if the policy refuses any source."""
        config = self.config
        if not any(refusal_of(source.licence, source, config.policy, config.today) for source in sources):
            return frozenset()
        folder = self.out / "work" / "prepared"
        return frozenset(PreparedFile(path).recording().uri for path in sorted(folder.glob("[!.]*.parquet")))

    def _identify(self, sources: Sequence[Source]) -> list[Recording]:
        """The recordings that may be used, each once, in the order of their ids."""
        found: dict[str, list[Recording]] = {}
        known = self._known(sources)
        stages = [replace(s, known=known) if isinstance(s, Ingest) else s for s in intake(self.config)]
        for unit, row in self.engine.run(sources, stages):
            if isinstance(row, Recording):
                found.setdefault(row.recording_id, []).append(row)
            elif isinstance(row, Rejection):
                self._refuse(sources[unit], row)
            elif isinstance(row, Failed):
                self._quarantine(sources[unit].uri, None, row)
            self.view.identified(unit + 1, len(sources))
        firsts = [self._first(same) for _, same in sorted(found.items()) if not self._gone(same)]
        return [recording for recording in firsts if recording is not None]

    def _gone(self, same: list[Recording]) -> bool:
        """Refuse all sources with the bytes of a recording that is withdrawn."""
        mark = self.withdrawn.recordings.get(same[0].recording_id)
        mark = mark or next(filter(None, (self._mark(one.source) for one in same)), None)
        for one in same if mark else ():
            detail = mark.detail if mark else ""
            self._refuse(one.source, _copy_of(one, Reason.WITHDRAWN, detail))
        return mark is not None

    def _mark(self, source: Source) -> Mark | None:
        """Why nothing of a source may be used: who speaks, where it comes from, or its licence is withdrawn."""
        address, spdx = (source.licence.source_url, source.licence.spdx) if source.licence else (None, None)
        return self.withdrawn.of(source.speakers or (), address, spdx)

    def _first(self, same: list[Recording]) -> Recording | None:
        """One of several sources with the same bytes, one that may be used if any may; the others are refused."""
        against = [one for one in same if objected(self.config.policy, one.licence)]
        if against:
            return self._unwilling(same, min(against, key=lambda r: (r.source.uri, r.source.origin)))
        first, *others = sorted(same, key=lambda r: (bool(self._refusal(r)), r.source.uri, r.source.origin))
        for other in others:
            detail = f"the same bytes as {first.source.uri} ({first.source.origin}): remove one of the two"
            duplicate = _copy_of(other, Reason.DUPLICATE, detail)
            self._refuse(other.source, self._refusal(other) or duplicate)
        return first

    def _unwilling(self, same: list[Recording], against: Recording) -> Recording | None:
        """Refuse all sources with the bytes of one whose speakers refused or withdrew.

        One that was prepared before is given as theirs, so that selection says which clips are refused.
        """
        consent, policy = against.licence.speakers_consent, self.config.policy.name
        ordered = sorted(same, key=lambda r: (r.source.uri, r.source.origin))
        before = next((one for one in ordered if self._path(one).exists()), None)
        for one in (one for one in ordered if one is not before):
            whose = f"the same bytes as {against.source.uri} ({against.source.origin}), whose speakers_consent is"
            detail = f"{whose} {consent.value} (policy {policy}, rule speakers_consent)"
            copied = _copy_of(one, Reason.LICENCE_REFUSED, detail)
            self._refuse(one.source, self._refusal(one) or copied)
        return before and replace(before, licence=replace(before.licence, speakers_consent=consent))

    def _prepare(self, missing: Sequence[tuple[Recording, Path]]) -> None:
        open_files: dict[int, PreparedWriter] = {}
        over: set[int] = set()
        try:
            for unit, row in self.engine.run([recording for recording, _ in missing], conversation(self.config)):
                recording, path = missing[unit]
                if unit not in over and unit not in open_files:
                    open_files[unit] = PreparedWriter(path, recording, self.fingerprint)
                if isinstance(row, Failed):
                    open_files.pop(unit).abort()
                    self._quarantine(recording.source.uri, recording.duration_s, row)
                    over.add(unit)
                elif isinstance(row, UnitDone):
                    if unit not in over:
                        self.view.finished(open_files.pop(unit).close())
                    over.add(unit)
                else:
                    open_files[unit].add(row)
                    self.view.row(row)
        finally:
            for writer in open_files.values():
                writer.abort()
        for unit in set(range(len(missing))) - over:
            lost = Failed(error="the engine ended without its result", trace="")
            self._quarantine(missing[unit][0].source.uri, missing[unit][0].duration_s, lost)

    def _refuse(self, source: Source, rejection: Rejection) -> None:
        row = RecordingRow(
            uri=source.name or source.uri,
            uri_b=source.name_b or source.uri_b,
            origin=source.origin,
            recording_id=rejection.recording_id,
            licence=source.licence.spdx if source.licence else "",
            unlicensed=False,
            language=source.language,
            duration_s=rejection.end_s - rejection.start_s,
            kept_s=0.0,
            n_clips=0,
            lost=(loss_of(rejection, source),),
            stated=source.licence,
        )
        if rejection.reason is Reason.WITHDRAWN or self._mark(source):
            row = recording_tombstone(row, self.withdrawn.salt)
        self.result.refused.append(row)
        self.view.row(rejection)
        self.view.finished(row)

    def _quarantine(self, uri: str, duration_s: float | None, failed: Failed) -> None:
        trace = quarantine.put(self.out, uri, duration_s, failed)
        self.result.quarantined.append(uri)
        self.view.quarantined(uri, failed.error, trace)
