"""What a person should know before using a dataset: rules with their limits, and what to do."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.report.clips import ClipFacts
from pipeline.report.flow import Flow
from schemas.plain_text import counted

LIMITS: Final = {
    "unused": 0.10,  # share of recordings of which nothing was used
    "lost": 0.20,  # share of the hours
    "low_confidence": 0.25,  # share of the separated overlap with a confidence below 0.5
    "leakage_db": -25.0,  # mean energy, worse channel
    "less_of_speech": 0.20,  # the quieter speaker's share, over all clips
    "overlap_low": 0.02,  # share of the time; people: see model.turns.references
    "overlap_high": 0.15,
    "uncertain": 0.10,  # share of the time with a transcript
    "approximate": 0.20,  # share of the words
    "speakers": 20,
}
"""A figure on its limit is no warning."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A warning in plain words, and what to do. `name`: of the rule."""

    name: str
    text: str
    do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the rules look at: shares 0 to 1, NaN where there is nothing to measure.

    `transcripts`: which were not read, in words; "" where all were.
    """

    clips: int
    recordings: int
    unused: float
    lost: float
    low_confidence: float
    leakage_db: float
    unlicensed: int
    empty_splits: tuple[str, ...]
    less_of_speech: float
    overlap: float
    uncertain: float
    approximate: float
    speakers: int
    withdrawn: int
    quarantined: int
    transcripts: str = ""


def measured(flow: Flow, clips: ClipFacts, wanted_splits: Sequence[str], quarantined: int) -> Measured:
    """The figures of a dataset. wanted_splits: those that were to get a share. quarantined: recordings."""
    quality, figures = clips.quality, clips.turns.figures()
    return Measured(
        clips=clips.clips,
        recordings=flow.recordings,
        unused=_share(flow.recordings - flow.kept, flow.recordings),
        lost=_share(flow.lost_s, flow.seconds),
        low_confidence=_share(quality.low_confidence_s, quality.histograms["confidence"].total),
        leakage_db=quality.leakage_db,
        unlicensed=flow.unlicensed,
        empty_splits=tuple(split for split in wanted_splits if split not in clips.splits) if clips.clips else (),
        less_of_speech=figures["less_of_speech"],
        overlap=figures["overlap_of_time"],
        uncertain=_share(quality.uncertain_s, quality.transcribed_s),
        approximate=_share(quality.approximate, quality.words),
        speakers=clips.speakers.count(),
        withdrawn=clips.withdrawn,
        quarantined=quarantined,
        transcripts=flow.transcripts.words(),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def advise(m: Measured) -> list[Advice]:
    """The warnings, the gravest first; none where all is well."""
    return [*_whole(m), *_sound(m), *_talk(m)]


def _whole(m: Measured) -> Iterator[Advice]:
    """What was let in, and how much of it is there."""
    if m.unlicensed:
        text = f"Without a licence: {m.unlicensed} of the recordings used."
        yield Advice("unlicensed", text, "Do not give the dataset to others before you have their licences.")
    if m.quarantined:
        text = f"In quarantine, as their work failed again and again: {counted(m.quarantined, 'recording')}."
        yield Advice("quarantined", text, "Run the same build again; if they fail again, send us the traceback.")
    if not m.clips:
        do = "Section 'What went in' says why; correct that and build again." if m.recordings else "Name recordings."
        yield Advice("nothing", "Nothing was kept: the dataset has no clips.", do)
    if m.withdrawn:
        text = f"Withdrawn since the build, but still in the shards: {m.withdrawn} of the clips."
        yield Advice("withdrawn", text, "Remove them: `duplexset withdraw OUT`.")
    if m.unused > LIMITS["unused"]:
        text = (
            f"Nothing of {_percent(m.unused)} of the recordings was used. Those that could not be read have no hours."
        )
        yield Advice("unused", text, "Look for the reasons in section 'What went in'.")
    if m.lost > LIMITS["lost"]:
        text = f"{_percent(m.lost)} of the hours that went in were lost."
        yield Advice("lost", text, "The staircase in section 'What went in' shows where, the table below it why.")
    if m.empty_splits:
        text = (
            f"No clip fell to {' and '.join(m.empty_splits)}: no speaker may be in two splits, so few fall unevenly."
        )
        yield Advice("empty_splits", text, "Add recordings of other speakers, or choose larger shares with --split.")
    if m.clips and m.speakers < LIMITS["speakers"]:
        text = f"Only {counted(m.speakers, 'speaker')}: a model will learn their voices more than how people talk."
        yield Advice(
            "speakers", text, "Add recordings of others; name speakers in the manifest if they are named nowhere."
        )


def _sound(m: Measured) -> Iterator[Advice]:
    """How clean the channels are."""
    if m.low_confidence > LIMITS["low_confidence"]:
        text = f"{_percent(m.low_confidence)} of overlap frames have low separation confidence (below 0.5)."
        do = "Listen to the clips below; where overlap matters, use only overlaps above a confidence ('overlaps')."
        yield Advice("low_confidence", text, do)
    if m.leakage_db > LIMITS["leakage_db"]:
        text = f"The other speaker can be heard in a channel: the mean leakage is {m.leakage_db:.0f} dB."
        do = "Leave out clips with a high 'quality.leakage_db', or of one track with a lower --max-leakage."
        yield Advice("leakage", text, do)


def _talk(m: Measured) -> Iterator[Advice]:
    """How far it is a conversation, and written down rightly."""
    if m.less_of_speech < LIMITS["less_of_speech"]:
        text = (
            f"The one who says less has only {_percent(m.less_of_speech)} of the speech: closer to talks than talk."
        )
        yield Advice(
            "less_of_speech", text, "Check that no channel is silent or lost, or add livelier conversations."
        )
    if m.overlap < LIMITS["overlap_low"]:
        text = f"Both speak in only {_percent(m.overlap)} of the time; people do in 2 to 15 %."
        yield Advice(
            "overlap_low",
            text,
            "Check that overlap was not cut from the recordings, and that nobody took turns by rule.",
        )
    if m.overlap > LIMITS["overlap_high"]:
        text = f"Both speak in {_percent(m.overlap)} of the time; people do in 2 to 15 %."
        yield Advice(
            "overlap_high", text, "Listen for echo and bleed: the same voice on both channels counts as overlap."
        )
    if m.transcripts:
        do = "Correct them and build again; 'notes' in index/recordings.parquet has each."
        yield Advice("transcripts", f"{m.transcripts}.", do)
    if m.uncertain > LIMITS["uncertain"]:
        text = f"Who of the transcript is on which channel is not certain in {_percent(m.uncertain)} of its time."
        yield Advice("uncertain", text, "Name the speakers of each channel in the manifest ('speakers').")
    if m.approximate > LIMITS["approximate"]:
        text = (
            f"{_percent(m.approximate)} of the words share out their utterance's time: the sound did not show them."
        )
        yield Advice("approximate", text, "Check the transcripts' times and language, or give words with times.")


def _percent(share: float) -> str:
    return f"{100.0 * share:.0f} %" if share >= 0.0995 or share == 0.0 else f"{100.0 * share:.1f} %"
