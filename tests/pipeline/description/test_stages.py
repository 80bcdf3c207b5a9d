"""What a build does, in words: every stage has some, with its settings."""

from dataclasses import replace

import pytest

from pipeline.config import BuildConfig, conversation, describe_stages, intake
from pipeline.description.facts import Group, Grouped
from pipeline.description.phrases import listed, percent, shares, span
from pipeline.description.stages import in_words, networks_of, select_in_words


def test_every_stage_has_words_and_its_settings_are_in_them() -> None:
    config = BuildConfig(
        codec="mimi:kyutai/mimi",
        recogniser="whisper:tiny",
        aligner="ctc",
        flac=True,
        networks="mine",
        max_span_s=90.0,
    )
    said = {name: words for name, _, words in in_words(describe_stages([*intake(config), *conversation(config)]))}
    assert all(said.values())
    assert next(iter(said)) == "ingest"
    assert "mimi:kyutai/mimi" in said["tokenize"]
    assert "FLAC" in said["tokenize"]
    assert "whisper:tiny" in said["transcribe"]
    assert "weights from mine" in said["separate"]
    assert "5 s to 90 s" in said["split"]


def test_a_stage_of_another_version_is_named_without_words() -> None:
    stages = [{"stage": "unheard", "version": 7, "settings": {}}, {"stage": "layout", "version": 1, "settings": {}}]
    assert list(in_words(stages)) == [("unheard", 7, ""), ("layout", 1, "")]


def test_selection_and_networks_are_in_words() -> None:
    written = replace(BuildConfig(split_percent=(80, 10, 10)), max_leakage_db=-20.0).written()
    assert "80/10/10 %" in select_in_words(written)
    assert "-20 dB" in select_in_words(written)
    assert networks_of({"builtin": "a", "aligner builtin": "b"}, written) == [
        ("codec builtin", "a"),
        ("aligner builtin", "b"),
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0.0, "0 s"), (0.4, "0.4 s"), (9.96, "10 s"), (89.0, "89 s"), (90.0, "1.5 min"), (7_200.0, "2.0 h")),
        *((45_000.0, "12.5 h"), (4_500_000.0, "1,250 h")),
    ],
)
def test_lengths_are_easy_to_read(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_shares_and_lists() -> None:
    assert [percent(0.0), percent(0.0004), percent(0.004), percent(0.0996), percent(1.0), percent(1.0, 0.0)] == [
        *("0 %", "under 0.1 %", "0.4 %", "10 %", "100 %", "–")
    ]
    assert [listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == [
        "none",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert listed(["a", "b", "c"], most=1) == "a and 2 more"
    grouped = Grouped(
        groups=tuple(Group(name=name, clips=1, seconds=s) for name, s in (("en", 50.0), (None, 20.0), ("de", 10.0))),
        more=2,
        more_s=5.0,
    )
    assert shares(grouped, most=2) == "en 50 s, not stated 20 s, 3 more 15 s"
