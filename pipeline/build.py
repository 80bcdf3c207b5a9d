"""build: prepare, select, pack. No step keeps state anywhere but in files that it wrote whole."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

from cluster.engine import Engine
from cluster.gather import UnitDone
from cluster.rows import Failed
from model.aligner.load import load_aligner
from model.codec import load_codec
from model.diarization.networks import load_networks, weight_files
from model.enhancer.apply import load_enhancer
from model.persona.roles import function_of, load_roles
from model.recogniser.load import load_recogniser
from pipeline.config import BuildConfig, fingerprint
from pipeline.dataset_json import read_description
from pipeline.describe import MadeBy, describe
from pipeline.index import write_clips, write_recordings
from pipeline.licences.evidence import forget, keep
from pipeline.lock import held, remove_leftovers
from pipeline.prepare import Preparation, Prepared
from pipeline.select import select
from pipeline.sources import Sources
from pipeline.view import View
from pipeline.withdraw.finish import settle
from pipeline.withdraw.indexes import recording_left, tombstones_before
from pipeline.withdraw.scrub import evidence_that_stays
from pipeline.withdraw.tombstones import loss_of_clip, without
from schemas.atomic import write_text
from schemas.errors import UserError
from schemas.plain_text import counted
from schemas.recording import Recording
from schemas.rejection import Reason
from schemas.shard import ClipRow, Loss, PackedShard, RecordingRow, ShardPlan
from schemas.withdrawn import NAME, read_withdrawn
from stages.pack import Pack, packed_before


class BuildError(UserError):
    """The build cannot go on; the message says why and what to do."""


class PackError(UserError):
    """A shard cannot be written."""

    exit_code = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """What a build left."""

    recordings: list[RecordingRow]
    shards: list[PackedShard]
    packed_now: int
    quarantined: list[str]


def build(sources: Sources, out: Path, config: BuildConfig, *, engine: Engine, view: View) -> BuildResult:
    """Make or complete the dataset in `out`. Raises BuildError, CodecError, EngineError, OSError."""
    made_by = made_by_of(config)
    with held(out):
        remove_leftovers(out)
        if let_through := claim(out, made_by):
            view.say(let_through, "yellow")
        prepared = _preparation(out, made_by, engine, view).run(sources)
        licences = [file.licence for file in prepared.files]
        keep(out, licences, sources.documents)
        result = select_and_pack(prepared, out, made_by, engine=engine, view=view)
        for name in settle(out, date.today().isoformat(), view.phase):
            view.say(f"withdrawal {name}, which was begun before, is done now", "yellow")
        unproved = any(why.reason is Reason.EVIDENCE for _, why in sources.rejected)
        if not unproved and not prepared.quarantined:  # else it may be the only copy of what is named again
            forget(out, licences, stays=evidence_that_stays(read_withdrawn(out / NAME)))
        _report(out, view)
        return result


def _preparation(out: Path, made_by: MadeBy, engine: Engine, view: View) -> Preparation:
    return Preparation(
        config=made_by.config,
        fingerprint=made_by.fingerprint,
        out=out,
        engine=engine,
        view=view,
        withdrawn=read_withdrawn(out / NAME),
    )


def _report(out: Path, view: View) -> None:
    """Write report.html. The dataset is whole by now, and stays so if this fails."""
    from pipeline.report.write import write_report

    view.phase("writing the report")
    try:
        write_report(out)
    except (OSError, UserError) as error:
        view.say(f"no report ({error}): the dataset is whole; try `duplexset report {out}`", "yellow")


def made_by_of(config: BuildConfig) -> MadeBy:
    """The configuration with the digests of its weights. Raises CodecError, FitError, RecogniserError, RoleError."""
    files = weight_files(config.networks)
    load_networks(speaker=files["speaker"], separator=files["separator"])  # what cannot be loaded is said at once
    load_enhancer(files["enhancer"])
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    aligner = {f"aligner {config.aligner}": load_aligner(config.aligner).digest}
    heard_by = config.recogniser
    recogniser = {f"recogniser {heard_by}": load_recogniser(heard_by).digest} if heard_by else {}
    roles = {f"roles {function_of(config.roles)}": load_roles(config.roles).digest} if config.roles else {}
    weights = {config.codec: load_codec(config.codec).digest, **aligner, **recogniser, **roles, **digests}
    return MadeBy(config=config, weights=weights, fingerprint=fingerprint(config, weights))


def select_and_pack(prepared: Prepared, out: Path, made_by: MadeBy, *, engine: Engine, view: View) -> BuildResult:
    """Phases 2 and 3: from what is prepared to shards, indexes and, last of all, the description."""
    view.phase("selecting clips")
    config = made_by.config
    withdrawn = read_withdrawn(out / NAME)
    selection = select(prepared.files, withdrawn, config)
    view.dropped(selection.dropped)
    tombstones, before = tombstones_before(out, withdrawn, selection.clip_ids)
    refused = [row for row in prepared.refused if row.recording_id not in before]
    rows = with_drops([*refused, *(file.recording() for file in prepared.files)], selection.dropped)
    rows = [*(recording_left(row, withdrawn, {}, ()) for row in rows), *chain(*before.values())]
    shards, packed_now = _pack(selection.plans, out, engine, view)
    write_clips(out, shards, selection.dropped, selection.duplicates, tombstones)
    write_recordings(out, rows)
    describe(out, made_by.parts(), rows, shards)
    _remove_unnamed(out, {shard.name for shard in shards})
    return BuildResult(recordings=rows, shards=shards, packed_now=packed_now, quarantined=prepared.quarantined)


def with_drops(rows: list[RecordingRow], dropped: list[ClipRow]) -> list[RecordingRow]:
    """The rows of the recordings after selection: what was dropped is no longer kept, but lost."""
    losses: dict[str | None, list[Loss]] = {}
    for clip in dropped:
        loss = loss_of_clip(clip.info, clip.reason or "", clip.detail or "")
        losses.setdefault(clip.info.recording_id, []).append(loss)
    return [without(row, losses.get(row.recording_id, [])) if row.n_clips else row for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPlan:
    """What a build would do: recordings that are there already, those to prepare, and what would be refused."""

    there: int
    missing: list[Recording]
    refused: list[RecordingRow]


def dry_run(sources: Sources, out: Path, config: BuildConfig, *, engine: Engine, view: View) -> BuildPlan:
    """Find out what `build` would do, and write nothing. Raises BuildError where it would."""
    made_by = made_by_of(config)
    if out.exists() and (let_through := check_claim(out, made_by)):
        view.say(let_through, "yellow")
    preparation = _preparation(out, made_by, engine, view)
    units, missing = preparation.plan(sources)
    return BuildPlan(
        there=len(units) - len(missing),
        missing=[recording for recording, _ in missing],
        refused=preparation.result.refused,
    )


def claim(out: Path, made_by: MadeBy) -> str:
    """Mark the folder as this configuration's, once `check_claim` lets it be."""
    let_through = check_claim(out, made_by)
    write_text(_mark(out), json.dumps(made_by.parts(), indent=2))
    return let_through


def _mark(out: Path) -> Path:
    return out / "work" / "build.json"


def check_claim(out: Path, made_by: MadeBy) -> str:
    """Raise BuildError for a folder that is another configuration's or holds something else; write nothing.

    The policy may be another: it chooses what is used and shapes nothing. So may the file of role texts, so that a
    fault in it can be mended: all is then prepared anew. Returns what a person should know of that, "" else.
    """
    mark = _mark(out)
    before = {**(read_description(out) or {}), **(json.loads(mark.read_text()) if mark.exists() else {})}
    mine = json.loads(json.dumps(made_by.parts()))
    let_through = ""
    if not before:
        strange = sorted(p.name for p in out.iterdir() if p.name not in {"work", "withdrawn.jsonl"})
        if strange:
            raise BuildError(f"{out} holds other files ({strange[0]}, ...): choose an empty or new folder")
    elif changed := _changed(before["configuration"], mine["configuration"]):
        raise BuildError(f"{out} was built with another configuration ({changed}): use the same or another folder")
    elif before["fingerprint"] != made_by.fingerprint:
        differ = _differing(before, mine)
        if differ != [_roles_of(made_by)]:
            what = ", ".join(differ) or "stage versions or weights"
            raise BuildError(f"{out} was built by others than are here now ({what}): choose another folder")
        let_through = (
            f"{made_by.config.roles} was changed: every recording is prepared anew, and what was prepared before "
            f"stays in {out / 'work' / 'prepared'} until you delete it"
        )
    return let_through


def _roles_of(made_by: MadeBy) -> str:
    return f"roles {function_of(made_by.config.roles)}"


def _differing(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """Which stages and weights are others, by name; none where the mark of an older version does not say."""
    if not {"stages", "weights"} <= theirs.keys():
        return []
    stages = {entry["stage"]: entry for entry in theirs["stages"]}
    differ = []
    for now in ours["stages"]:
        then = stages.get(now["stage"], {"version": "none"})
        if then["version"] != now["version"]:
            differ.append(f"stage {now['stage']}: version {then['version']} there, {now['version']} now")
        elif then != now:
            differ.append(f"settings of stage {now['stage']}")
    weights = [theirs["weights"], ours["weights"]]
    return differ + [
        name for name in sorted({*weights[0], *weights[1]}) if weights[0].get(name) != weights[1].get(name)
    ]


def _changed(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """What differs between two configurations but for their policies, in words."""
    names = [name for name in ours if name != "policy" and theirs.get(name) != ours[name]]
    said = [(name, *("none" if v in ("", None) else v for v in (theirs.get(name), ours[name]))) for name in names]
    return ", ".join(f"{name}: {then} there, {now} now" for name, then, now in said)


def _pack(plans: list[ShardPlan], out: Path, engine: Engine, view: View) -> tuple[list[PackedShard], int]:
    """Phase 3. Shards of exactly this plan that are in place stay."""
    packed = {plan.name: before for plan in plans if (before := packed_before(plan, out)) is not None}
    missing = [plan for plan in plans if plan.name not in packed]
    view.phase(f"packing {counted(len(missing), 'shard')}" + (f", {len(packed)} are there" if packed else ""))
    for unit, row in engine.run(missing, [Pack(out=str(out))]):
        if isinstance(row, Failed):
            raise PackError(
                f"shard {missing[unit].name} could not be written ({row.error}): "
                "mend it and run the same command again; what is done is kept"
            )
        if not isinstance(row, UnitDone):
            packed[row.name] = row
    return [packed[plan.name] for plan in plans], len(missing)


def _remove_unnamed(out: Path, names: set[str]) -> None:
    """Remove shards, and parts of the index, that the description does not name."""
    for folder, suffix in (("shards", ""), ("work/packed", ".parquet")):
        if (out / folder).is_dir():
            for path in (out / folder).iterdir():
                if path.name.removesuffix(suffix) not in names:
                    path.unlink()
