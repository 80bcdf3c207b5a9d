"""score: an output against the truth, recording by recording, and pooled."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from model.measures.activity import within
from model.measures.pooling import Figure, pooled
from model.measures.recording import Activity, RecordingScore, in_channel_order, score_recording
from pipeline.score_audio import ScoreError, compare, file_blocks, require_length
from pipeline.score_found import Found, Output, open_output
from pipeline.score_truth import Truth, TruthFiles, fact, fields_of, find_truth, read_truth
from schemas.errors import UserError

COLLAR_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Recordings that have a field of the truth in common, and their pooled figures."""

    name: str
    scores: tuple[RecordingScore, ...]
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """What a run of the scorer gives.

    problems: a line for each recording that could not be scored. no_output, no_truth: recordings on one side only.
    """

    collar_s: float
    by: str | None
    scores: tuple[RecordingScore, ...]
    everything: Group
    groups: tuple[Group, ...]
    problems: tuple[str, ...]
    no_output: tuple[str, ...]
    no_truth: tuple[str, ...]


def score(
    out: Path,
    truth: Path,
    *,
    collar_s: float = COLLAR_S,
    by: str | None = None,
    images: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Scoring:
    """Score every recording that `out` and `truth` both have, one at a time; `say` hears a line for each other one.
    images: see `find_truth`.

    Raises UserError where nothing can be scored.
    """
    if not (math.isfinite(collar_s) and collar_s >= 0):
        raise ScoreError(f"--collar {collar_s:g}: give seconds, 0 or more")
    files, output = find_truth(truth, images), open_output(out)
    names = output.names()
    no_output = [name for name in files if name not in names]
    no_truth = [name for name in names if name not in files]
    for name in no_output:
        say(f"{name}: no output: {output.why_not(name)}")
    for name in no_truth:
        say(f"{name}: no truth: neither {name}.rttm nor {name}.json in {truth}")
    scores, problems = [], []
    for name in sorted(set(names) & set(files)):
        try:
            scores.append(score_one(files[name], output, collar_s))
        except UserError as error:
            problems.append(f"{name}: {error}")
            say(problems[-1])
    if not scores:
        raise ScoreError(_nothing(out, truth, problems, names, list(files)))
    groups = _grouped(scores, by) if by else ()
    return Scoring(
        collar_s=collar_s,
        by=by,
        scores=tuple(scores),
        everything=_group("all", scores),
        groups=groups,
        problems=tuple(problems),
        no_output=tuple(no_output),
        no_truth=tuple(no_truth),
    )


def _nothing(out: Path, truth: Path, problems: Sequence[str], made: Sequence[str], true: Sequence[str]) -> str:
    if problems:
        return f"nothing could be scored; the first reason: {problems[0]}"
    ours, theirs = ", ".join(made[:3]) or "none", ", ".join(true[:3])
    return f"nothing to score: {out} has recordings {ours}, {truth} has {theirs}; names must be equal"


def score_one(files: TruthFiles, output: Output, collar_s: float) -> RecordingScore:
    """Score one recording. Raises UserError."""
    truth, found = read_truth(files), output.read(files.name)
    if truth.length_s is not None and found.length_s is not None:
        require_length("the output", found.length_s, truth.length_s)
    true, made = _on_one_clock(truth, found)
    length_s = true.covered[0][1]
    if files.audio is None or found.blocks is None:
        bare = score_recording(files.name, true, made, None, collar_s)
        return replace(bare, facts=truth.facts, how={**found.how, "mixture": "none"})
    mixture = file_blocks(files.mixture, "mixture") if files.mixture else None
    compared = compare(found.blocks(length_s), file_blocks(files.audio, "truth"), mixture, length_s)
    sums, late_ms = compared.sums, compared.late_ms
    true = true if truth.ordered else in_channel_order(true, sums.truth)
    made = made if found.ordered else in_channel_order(made, sums.found)
    kind = "room images" if files.audio.parent.name == "images" else "true channels"
    how = {**found.how, "truth": kind, "mixture": "file" if files.mixture else "sum of the true channels"}
    scored = score_recording(files.name, true, made, sums, collar_s)
    return replace(scored, facts=truth.facts, how=how, late_ms=late_ms)


def _on_one_clock(truth: Truth, found: Found) -> tuple[Activity, Activity]:
    """True and found activity over the recording's length: the truth's, or as far as either side goes."""
    true, made = truth.activity, found.activity
    length_s = truth.length_s
    if length_s is None:
        ends = (*(s.end_s for s in (*true.segments, *made.segments)), *(end_s for _, end_s in made.covered))
        length_s = max(found.length_s or 0.0, *ends)
    true = replace(true, segments=within(true.segments, [(0.0, length_s)]), covered=((0.0, length_s),))
    covered = [(0.0, length_s)] if found.whole else [(a, min(b, length_s)) for a, b in made.covered if a < length_s]
    return true, replace(made, covered=tuple(covered))


def _group(name: str, scores: Sequence[RecordingScore]) -> Group:
    return Group(name=name, scores=tuple(scores), figures=pooled(scores))


def _grouped(scores: Sequence[RecordingScore], by: str) -> tuple[Group, ...]:
    """The recordings by a field of their truth. Raises ScoreError where none has it."""
    found = defaultdict(list)
    for one in scores:
        found[fact(one.facts, by)].append(one)
    if set(found) == {None}:
        fields = ", ".join(sorted({field for one in scores for field in fields_of(one.facts)})) or "none"
        raise ScoreError(f"--by {by}: no truth has this field; there are: {fields}")
    return tuple(_group(name or "-", found[name]) for name in sorted(found, key=lambda n: (n is None, n or "")))
