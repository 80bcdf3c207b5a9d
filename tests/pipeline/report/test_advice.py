"""Warnings: on a limit there is none, just beyond it there is."""

import math
from dataclasses import replace

import pytest

from pipeline.report.advice import LIMITS, Measured, advise

WELL = Measured(
    clips=100,
    recordings=50,
    unused=0.0,
    lost=0.0,
    low_confidence=0.0,
    leakage_db=-60.0,
    unlicensed=0,
    empty_splits=(),
    less_of_speech=0.4,
    overlap=0.06,
    uncertain=0.0,
    approximate=0.0,
    speakers=100,
    withdrawn=0,
    quarantined=0,
)
ABOVE = ("unused", "lost", "low_confidence", "leakage_db", "uncertain", "approximate")


def names(measured: Measured) -> list[str]:
    return [entry.name for entry in advise(measured)]


def test_none_where_all_is_well() -> None:
    assert names(WELL) == []


@pytest.mark.parametrize("field", ABOVE)
def test_above_a_limit(field: str) -> None:
    limit = float(LIMITS[field])
    assert names(replace(WELL, **{field: limit})) == []  # type: ignore[arg-type]
    assert names(replace(WELL, **{field: math.nextafter(limit, math.inf)})) == [field.removesuffix("_db")]  # type: ignore[arg-type]


def test_below_a_limit() -> None:
    for field, limit, name in (
        ("less_of_speech", LIMITS["less_of_speech"], "less_of_speech"),
        ("overlap", LIMITS["overlap_low"], "overlap_low"),
    ):
        assert names(replace(WELL, **{field: limit})) == []
        assert names(replace(WELL, **{field: math.nextafter(limit, 0.0)})) == [name]
    assert names(replace(WELL, speakers=20)) == []
    assert names(replace(WELL, speakers=19)) == ["speakers"]


def test_overlap_above_what_people_do() -> None:
    assert names(replace(WELL, overlap=LIMITS["overlap_high"])) == []
    assert names(replace(WELL, overlap=math.nextafter(LIMITS["overlap_high"], 1.0))) == ["overlap_high"]


def test_what_is_there_or_not() -> None:
    assert names(replace(WELL, unlicensed=1)) == ["unlicensed"]
    assert names(replace(WELL, withdrawn=1)) == ["withdrawn"]
    assert names(replace(WELL, quarantined=1)) == ["quarantined"]
    assert names(replace(WELL, empty_splits=("test",))) == ["empty_splits"]
    assert names(replace(WELL, clips=0, speakers=0)) == ["nothing"]


def test_transcripts_that_were_not_read() -> None:
    (entry,) = advise(replace(WELL, transcripts="1 transcript was not read: a.srt has no cues (a.wav)"))
    assert entry.name == "transcripts"
    assert entry.text == "1 transcript was not read: a.srt has no cues (a.wav)."
    assert "index/recordings.parquet" in entry.do


def test_what_was_not_measured_is_no_warning() -> None:
    nothing = dict.fromkeys((*ABOVE, "less_of_speech", "overlap"), math.nan)
    assert names(replace(WELL, **nothing)) == []


def test_the_words() -> None:
    (entry,) = advise(replace(WELL, low_confidence=0.38))
    assert entry.text == "38 % of overlap frames have low separation confidence (below 0.5)."
