"""DATA_CARD.md: a dataset for people, in the order of questions of a datasheet (Gebru et al. 2021) or a data card."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from model.turns.references import BUILTIN, builtin
from pipeline.description.described import Described
from pipeline.description.facts import Grouped
from pipeline.description.making import checked, imputed, limits, manipulated, preprocessing
from pipeline.description.markdown import code, escaped, items, table
from pipeline.description.people import biases, impact, maintained, personal
from pipeline.description.phrases import NOT_STATED, percent, span
from pipeline.description.stages import networks_of
from pipeline.licences.combine import combine
from schemas.shard import Split

CARD: Final = "DATA_CARD.md"
SPLITS: Final = tuple(split.value for split in Split)
_ROWS: Final = 15
"""Groups that a table shows."""
_OVERLAPS: Final = ("backchannel", "terminal", "interruption", "competitive")


def card(d: Described, version: str, cite_as: str) -> str:
    """The whole card. version, cite_as: as in dataset.json."""
    sections: Sequence[tuple[str, Callable[[Described], Iterator[str]]]] = (
        ("What is in it", _composition),
        ("How people talk in it", _talk),
        ("How it was made", _making),
        ("How good it is", _quality),
        ("What was left out", _lost),
        ("What may be done with it", _licences),
        ("People and consent", _people),
        ("Having something taken out", lambda d: iter([escaped(maintained(d), 4_000)])),
        ("Known limits", lambda d: iter(items(escaped(line, 2_000) for line in limits(d)))),
        ("How to load it", _loading),
    )
    lines = ["# Two-channel conversations", "", *_first(d, version)]
    for title, section in sections:
        lines += ["", f"## {title}", "", *section(d)]
    lines += ["", "## How to cite it", "", *(f"    {line}" for line in cite_as.splitlines())]
    return "\n".join(lines) + "\n"


def grouped_table(what: str, grouped: Grouped, whole_s: float, nameless: str = NOT_STATED) -> list[str]:
    """Clips and time of the largest groups. what: they are groups of; nameless: the one without a name is called."""
    shown, rest = grouped.groups[:_ROWS], grouped.groups[_ROWS:]
    rows = [
        (
            nameless if group.name is None else escaped(group.name),
            f"{group.clips:,}",
            span(group.seconds),
            percent(group.seconds, whole_s),
        )
        for group in shown
    ]
    if more := len(rest) + grouped.more:
        more_s = sum(group.seconds for group in rest) + grouped.more_s
        rows.append((f"{more:,} more", "", span(more_s), percent(more_s, whole_s)))
    return table((what, "clips", "length", "share"), rows, figures=True)


def _first(d: Described, version: str) -> Iterator[str]:
    facts = d.facts
    yield "Conversations of two people, a channel for each on one clock, with overlap, backchannels and silence left"
    yield "in place: codec tokens, words with times, turn-taking, and for every clip its licence and its origin."
    yield f"Made with {escaped(d.software)}. Every figure is computed from the dataset; what nobody stated says so."
    yield ""
    speakers = f"{'' if facts.speakers.exact else 'about '}{facts.speakers.number:,}"
    languages = [escaped(group.name or "") for group in facts.by["language"].named[:12]]
    whole = combine(d.taken).whole if facts.clips else None
    yield from table(
        ("at a glance", ""),
        [
            ("clips", f"{facts.clips:,}"),
            ("length", span(facts.seconds)),
            ("speakers", speakers),
            ("languages", ", ".join(languages) or NOT_STATED),
            ("licence of the whole", escaped(whole) if whole else "none: each clip has its own"),
            ("version", code(version)),
        ],
    )


def _composition(d: Described) -> Iterator[str]:
    facts, figures = d.facts, d.facts.figures
    if not facts.clips:
        yield "Nothing was kept: there are no clips. What was left out, and why, stands below."
        return
    shortest, middle, longest = (figures[name] or 0.0 for name in ("shortest_s", "median_s", "longest_s"))
    yield f"Clips are {span(shortest)} to {span(longest)} long, half of them under {span(middle)}."
    yield "No speaker and no recording is in two splits."
    for what, name in (("split", "split"), ("language", "language"), ("words", "words"), ("recorded as", "source")):
        yield ""
        yield from grouped_table(what, facts.by[name], facts.seconds, "none" if name == "words" else NOT_STATED)


def _talk(d: Described) -> Iterator[str]:
    facts = d.facts
    if not facts.sums["talk_s"]:
        yield "There is no talk to count."
        return
    there, minutes = builtin().figures(), facts.sums["talk_s"] / 60.0

    def seconds(*kinds: str) -> float:
        return sum(facts.events.get(kind, (0, 0.0))[1] for kind in kinds)

    def number(kind: str) -> int:
        return facts.events.get(kind, (0, 0.0))[0]

    offset = facts.figures["fto_median_s"]
    overlap_s, silence_s = seconds(*(f"overlap_{kind}" for kind in _OVERLAPS)), seconds("pause", "gap")
    rows = [
        ("both speak, share of the time", percent(overlap_s / 60.0, minutes), percent(there["overlap_of_time"])),
        ("nobody speaks, share of the time", percent(silence_s / 60.0, minutes), percent(there["silence_of_time"])),
        ("changes of speaker a minute", f"{number('transfer') / minutes:.1f}", f"{there['transfers_per_min']:.1f}"),
        (
            "of these with overlap",
            percent(number("overlapped_changes"), number("transfer")),
            percent(there["overlapped_changes"]),
        ),
        (
            "from one speaker to the next, median",
            "–" if offset is None else f"{1_000 * offset:.0f} ms",
            f"{1_000 * there['fto_median_s']:.0f} ms",
        ),
        ("backchannels a minute", f"{number('backchannel') / minutes:.1f}", f"{there['backchannels_per_min']:.1f}"),
    ]
    yield f"Beside it, how people talked in 45 medical consultations by video (`{BUILTIN}`)."
    yield ""
    yield from table(("turn-taking", "here", "there"), rows, figures=True)


def _making(d: Described) -> Iterator[str]:
    yield "One stage after the other; with the same recordings, settings and weights the same bytes come out."
    yield ""
    for at, (name, words) in enumerate(preprocessing(d), start=1):
        yield f"{at}. **{escaped(name)}**: {escaped(words, 2_000)}"
    yield ""
    yield escaped(manipulated(d.facts), 2_000)
    yield escaped(imputed(d.facts), 2_000)
    yield ""
    weights = networks_of(d.made["weights"], d.configuration)
    yield from table(("weights", "SHA-256"), [(escaped(name), code(digest)) for name, digest in weights])


def _quality(d: Described) -> Iterator[str]:
    if not d.facts.clips:
        yield "There is nothing to measure."
        return
    yield from items(escaped(line, 2_000) for line in checked(d.facts))
    yield ""
    yield "`quality` of each clip has its own figures, and `report.html` how they are spread."


def _lost(d: Described) -> Iterator[str]:
    totals = d.recordings
    yield (
        f"{totals['count']:,} recordings ({span(totals['seconds'])}) went in, of which {totals['kept']:,} "
        f"({span(totals['kept_s'])}) are in it. `index/recordings.parquet` has every second that is not."
    )
    lost = sorted(totals["lost"].items(), key=lambda item: (-item[1]["seconds"], item[0]))
    if lost:
        yield ""
    yield from table(
        ("stage: reason", "times", "length"),
        [(escaped(name.replace("_", " ")), f"{row['count']:,}", span(row["seconds"])) for name, row in lost],
        figures=True,
    )


def _licences(d: Described) -> Iterator[str]:
    facts = d.facts
    if not facts.clips:
        yield "There is nothing to license."
        return
    yield "Every clip has the licence of its recording; it stands in its JSON and in `index/clips.parquet`."
    yield ""
    yield from grouped_table("licence", facts.by["licence"], facts.seconds)
    yield ""
    yield "Of the whole:"
    yield ""
    yield from items(escaped(line, 4_000) for line in combine(d.taken).lines())
    yield ""
    yield "That is no legal advice."
    for what, name in (("rights holder", "holder"), ("to credit", "attribution"), ("source", "source_url")):
        yield ""
        yield from _stated(what, facts.by[name], facts.seconds)


def _people(d: Described) -> Iterator[str]:
    facts = d.facts
    yield from items(escaped(line, 2_000) for line in (*personal(facts), *biases(facts)))
    yield ""
    yield escaped(impact(facts), 2_000)
    for what, name in (
        ("basis of consent", "consent"),
        ("what the speakers agreed to", "speakers_consent"),
        ("jurisdiction", "jurisdiction"),
    ):
        if facts.clips:
            yield ""
            yield from _stated(what, facts.by[name], facts.seconds)


def _stated(what: str, grouped: Grouped, whole_s: float) -> list[str]:
    """A table, or a line where nobody stated anything."""
    return grouped_table(what, grouped, whole_s) if grouped.named else [f"Nothing is stated of: {what}."]


def _loading(d: Described) -> Iterator[str]:
    present = [split for split in SPLITS if d.facts.by["split"].seconds(split)]
    yield "Plain WebDataset tars:"
    yield ""
    yield "    import io, json, numpy as np, webdataset"
    yield f'    for sample in webdataset.WebDataset("shards/{(present or SPLITS)[0]}-00000.tar", shardshuffle=False):'
    yield '        codes = np.load(io.BytesIO(sample["codes.npy"]))'
    yield '        print(sample["__key__"], codes.shape, json.loads(sample["json"])["licence"]["spdx"])'
    yield ""
    yield "Or by its description, which names every file with its SHA-256:"
    yield ""
    yield "    import mlcroissant"
    yield '    for clip in mlcroissant.Dataset("dataset.json").records("clips"):'
    yield '        print(clip["clips/clip_id"], clip["clips/split"], clip["clips/duration_s"])'
