"""What shapes a dataset, and what does not."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipeline import config as module
from pipeline.config import BuildConfig, ConfigError, conversation, describe_stages, fingerprint, parse_split
from pipeline.licences.policy_file import read_policy
from pipeline.prepare import prepared_path
from schemas.clip import Clip
from schemas.licence import Licence
from schemas.recording import LaidOut, Mixture, Recording

WEIGHTS = {"builtin": "0" * 64}


def test_the_fingerprint_follows_settings_weights_and_stage_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    base = fingerprint(BuildConfig(), WEIGHTS)
    assert fingerprint(BuildConfig(), WEIGHTS) == base
    assert fingerprint(BuildConfig(flac=True), WEIGHTS) != base
    assert fingerprint(BuildConfig(), {"builtin": "1" * 64}) != base
    monkeypatch.setattr(module.Label, "version", 99)
    assert fingerprint(BuildConfig(), WEIGHTS) != base


def test_settings_of_later_phases_and_the_policy_leave_prepared_files_alone() -> None:
    base = fingerprint(BuildConfig(), WEIGHTS)
    assert fingerprint(BuildConfig(policy=read_policy("strict"), today=date(2026, 1, 31)), WEIGHTS) == base
    assert fingerprint(BuildConfig(split_percent=(80, 10, 10), shard_mb=1, max_leakage_db=-20.0), WEIGHTS) == base


@pytest.mark.parametrize("kind", [LaidOut, Mixture])
def test_each_stage_reads_what_one_before_writes_and_every_row_becomes_a_clip(kind: type) -> None:
    first, *others = conversation(BuildConfig())
    assert first.reads is Recording
    row = kind  # either of the two that the first stage gives
    for stage in others:
        row = stage.writes if stage.reads is row else row
    assert row is Clip
    written = {LaidOut, Mixture, *(stage.writes for stage in others)}
    assert {stage.reads for stage in others} <= written


def test_the_policy_is_written_down_and_the_day_is_not() -> None:
    written = BuildConfig(policy=read_policy("commercial"), today=date(2026, 1, 31)).written()
    assert written["policy"]["rules"]["commercial_use"] == ["true"]
    assert "today" not in written
    assert "2026" not in json.dumps(written)


def test_every_setting_of_every_stage_is_written_down() -> None:
    described = {entry["stage"]: entry["settings"] for entry in describe_stages(conversation(BuildConfig(flac=True)))}
    assert described["tokenize"] == {"codec": "builtin", "flac": True}
    assert described["split"]["max_span_s"] == 600.0  # type: ignore[index]


def test_a_prepared_file_is_named_by_its_recordings_row_but_not_by_its_place(
    make_recording: Callable[..., Recording],
) -> None:
    recording = make_recording("a.wav")
    moved = replace(recording, source=replace(recording.source, uri="/elsewhere/a.wav", origin="row 9"))
    other = Licence(spdx="CC-BY-NC-4.0", holder="someone else", retain_until="2030-12-31")
    relicensed = replace(recording, licence=other, source=replace(recording.source, licence=other))
    path = prepared_path(Path("out"), recording, "f")
    assert prepared_path(Path("out"), moved, "f") == path
    assert prepared_path(Path("out"), relicensed, "f") == path
    assert prepared_path(Path("out"), recording, "f", told="CC0-1.0") != path
    assert prepared_path(Path("out"), recording, "g") != path


@pytest.mark.parametrize("text", ["90/5", "a/b/c", "90/5/5/0", "90,5,5", ""])
def test_a_split_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="as 90/5/5"):
        parse_split(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"split_percent": (90, 5, 6)},
        {"split_percent": (110, -5, -5)},
        {"min_clip_s": 0.0},
        {"shard_mb": 0},
        {"max_leakage_db": float("nan")},
    ],
)
def test_values_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        BuildConfig(**wrong)  # type: ignore[arg-type]
