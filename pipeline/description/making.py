"""How a dataset was made, and how far what it says is to be trusted, in sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.description.described import Described
from pipeline.description.facts import Facts
from pipeline.description.phrases import listed, percent, sentences, shares, span
from pipeline.description.stages import in_words, networks_of, select_in_words


def losses(totals: Mapping[str, Any]) -> str:
    """What was lost where and why, the longest first. totals: of the recordings, as in dataset.json."""
    rows = sorted(totals["lost"].items(), key=lambda item: (-item[1]["seconds"], item[0]))
    return listed([f"{name} {span(row['seconds'])} ({row['count']:,} times)" for name, row in rows])


def preprocessing(d: Described) -> Iterator[tuple[str, str]]:
    """The stages in their order, then selection and packing: name and version, and what it does."""
    for name, version, words in in_words(d.made["stages"]):
        yield f"{name}, version {version}", f"{words or 'not described by this version of the software'}."
    yield "select", f"{select_in_words(d.configuration)}."
    yield "pack", "samples go into plain tars, in the order of hashes of their ids."


def imputed(facts: Facts) -> str:
    """What stands in the data without having been observed."""
    words, guessed = facts.figures["words"] or 0, facts.figures["approximate_words"] or 0
    separated = span(facts.sums["separated_s"])
    return sentences(
        [
            f"{guessed:,.0f} of {words:,.0f} words share out the time of their utterance." if guessed else None,
            f"Silence stands where a speaker does not talk in the {separated} taken out of one track."
            if facts.sums["separated_s"]
            else None,
            None if guessed or facts.sums["separated_s"] else "Nothing is imputed.",
        ]
    )


def manipulated(facts: Facts) -> str:
    """What was done to the sound."""
    separated, enhanced = facts.sums["separated_s"], facts.sums["enhanced_s"]
    return sentences(
        [
            "All sound is brought to 24 kHz and encoded by a lossy codec.",
            f"Two channels were made out of one track in {span(separated)} ({percent(separated, facts.seconds)});"
            f" music or noise was taken out of {span(enhanced)} ({percent(enhanced, facts.seconds)}).",
            "Samples of voices are brought to -24 LUFS.",
            "Voices are not changed and nothing that is said is masked: nothing here is made anonymous.",
        ]
    )


def annotated(facts: Facts) -> str:
    """Who says the words and the turns."""
    aligners = [group.name or "" for group in facts.by["aligner"].named]
    return sentences(
        [
            "Machines annotate, no person does. Who speaks when comes from a speech detector per channel, or, where"
            " both were on one track, from a speaker embedding and the separator; turns, backchannels, pauses, gaps"
            " and overlaps follow from it by rules.",
            f"Words: {shares(facts.by['words'], nameless='none')}." if facts.clips else None,
            f"Times that transcripts lacked come from the aligner {listed(aligners)}." if aligners else None,
            "Who wrote the transcripts, people or programs, is not stated." if facts.by["words"].named else None,
        ]
    )


def checked(facts: Facts) -> Iterator[str]:
    """How far channels and annotations are to be trusted, measured on this dataset."""
    for name, what in (
        ("leakage", "recordings had one for each"),
        ("separated_leakage", "both were on one track"),
    ):
        middle, worst = facts.figures[f"{name}_median_db"], facts.figures[f"{name}_worst_db"]
        if middle is not None and worst is not None:
            yield (
                f"Leakage of one speaker into the other's channel where {what}: {middle:.0f} dB in the median"
                f" clip, {worst:.0f} dB in the worst."
            )
    overlap, unsure = facts.sums["separated_overlap_s"], facts.sums["unsure_overlap_s"]
    if facts.figures["doubted_words"]:
        yield f"{facts.figures['doubted_words']:,.0f} recognised words were taken out by rules for what nobody said."
    if facts.sums["uncertain_s"]:
        yield (
            f"In {span(facts.sums['uncertain_s'])} it is not certain who of the transcript is on which channel, or"
            " that it belongs to the recording (transcript.certain)."
        )
    if overlap:
        yield f"Of {span(overlap)} of overlap on one track, {percent(unsure, overlap)} has a confidence below 0.5."
    yield "No annotation of this dataset was compared with one by a person."


def tools(d: Described) -> Iterator[str]:
    """Software, and the networks with the SHA-256 of their weights."""
    yield d.software
    for name, digest in networks_of(d.made["weights"], d.configuration):
        yield f"{name} (SHA-256 {digest})"


def limits(d: Described) -> Iterator[str]:
    """What it is no good for."""
    facts = d.facts
    yield "Two people only: of a recording with more, clips are the stretches in which exactly two talk."
    if facts.sums["separated_s"] and not d.configuration["networks"]:
        yield (
            "The built-in networks that take voices apart are small; in the project's own tests on simulated"
            " conversations more than four tenths of the overlap on one track was not found."
        )
    yield "The tokens are of a lossy codec: what it does not keep is lost."
    if facts.clips and (wordless := facts.by["words"].seconds(None)):
        yield f"{span(wordless)} have no words."
