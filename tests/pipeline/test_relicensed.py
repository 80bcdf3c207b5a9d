"""Licences and policies change after a build: nothing is decoded again, and every index says what holds now."""

import hashlib
import io
import json
import shutil
import wave
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import pipeline.build
from cluster.engine import open_engine
from pipeline.build import build
from pipeline.config import BuildConfig
from pipeline.licences.evidence import held
from pipeline.licences.policy_file import read_policy
from pipeline.policy_check import checked_of
from pipeline.select import select
from pipeline.sources import read_sources
from pipeline.verify import verify
from pipeline.view import View
from schemas.errors import DatasetError
from schemas.policy import DEFAULT
from schemas.prepared import PreparedFile
from schemas.withdrawn import Withdrawn
from stages.pack import plan_digest

DEMO = Path(__file__).parents[2] / "demo" / "recordings"
CONFIG = BuildConfig(split_percent=(100, 0, 0), today=date(2026, 1, 31))
HEAD = "path,licence,holder,evidence,consent,speakers_consent,retain_until,evidence_sha256\n"
FIRST = "one.wav,CC-BY-4.0,Ann,deed.txt,contract,given,2026-06-30,\n"
SECOND = "two.wav,CC-BY-NC-4.0,Bo,,public-licence,,,\n"


def excerpt(name: str, path: Path) -> None:
    """The first 8 s of a demo recording."""
    with av.open(str(DEMO / name)) as container:
        rate_hz = container.streams.audio[0].rate
        packed = av.AudioResampler(format="s16", layout="stereo")
        blocks = [b.to_ndarray() for f in container.decode(audio=0) for b in packed.resample(f)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.concatenate(blocks, axis=1)[:, : 2 * 8 * rate_hz].tobytes())


def run(folder: Path, manifest: str, config: BuildConfig = CONFIG) -> str:
    (folder / "calls" / "manifest.csv").write_text(HEAD + manifest)
    said = io.StringIO()
    with View(Console(file=said, width=500), interactive=False) as view:
        sources = read_sources([str(folder / "calls" / "manifest.csv")], {}, held=held(folder / "out"))
        build(sources, folder / "out", config, engine=open_engine("inline", None), view=view)
    assert list(verify(folder / "out")) == []
    return said.getvalue()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    (folder / "calls").mkdir()
    excerpt("telephone-parcel.wav", folder / "calls" / "one.wav")
    excerpt("interview-lighthouse.m4a", folder / "calls" / "two.wav")
    (folder / "calls" / "deed.txt").write_text("signed")
    run(folder, FIRST + SECOND)
    return folder


@pytest.fixture
def folder(first: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first, tmp_path / "copy"))


def clips(folder: Path) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(folder / "out" / "index" / "clips.parquet").to_pylist()
    return {row["info"]["provenance"]["uri"]: row for row in rows}


def recordings(folder: Path) -> dict[str, dict[str, Any]]:
    return {r["uri"]: r for r in pq.read_table(folder / "out" / "index" / "recordings.parquet").to_pylist()}


def times(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in (folder / "out" / "work" / "prepared").iterdir()}


def dataset(folder: Path) -> dict[str, bytes]:
    files = [p for p in sorted((folder / "out").rglob("*")) if p.is_file() and "work" not in p.parts]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_what_was_stated_is_in_every_index(first: Path) -> None:
    licence = clips(first)["one.wav"]["info"]["licence"]
    assert recordings(first)["one.wav"]["stated"] == licence
    assert (licence["evidence"], licence["retain_until"], licence["speakers_consent"]) == (
        "deed.txt",
        "2026-06-30",
        "given",
    )
    assert licence["jurisdiction"] == []
    assert licence["source_url"] is None
    (kept,) = (first / "out" / "evidence").iterdir()
    assert kept.name == f"{licence['evidence_sha256']}.txt"
    assert str(first) not in str(licence)  # no path of this machine


def test_prepared_files_know_no_licence(first: Path) -> None:
    for path in (first / "out" / "work" / "prepared").iterdir():
        assert PreparedFile(path).recording().licence == "NOASSERTION"
        for word in (b"CC-BY", b"deed.txt"):
            assert word not in path.read_bytes()


def test_a_corrected_licence_decodes_nothing_and_is_as_if_built_anew(folder: Path) -> None:
    before = times(folder)
    (folder / "calls" / "deed.txt").write_text("signed by both")
    corrected = FIRST.replace("CC-BY-4.0,Ann", "CC-BY-SA-4.0,Ann Ltd") + SECOND
    run(folder, corrected)
    assert times(folder) == before
    licence = clips(folder)["one.wav"]["info"]["licence"]
    assert (licence["spdx"], licence["holder"], licence["rights"]["share_alike"]) == ("CC-BY-SA-4.0", "Ann Ltd", True)
    (kept,) = (folder / "out" / "evidence").iterdir()
    assert kept.read_text() == "signed by both"
    mended = dataset(folder)
    shutil.rmtree(folder / "out")
    run(folder, corrected)
    assert dataset(folder) == mended


@pytest.mark.parametrize(
    ("change", "rule", "gone"),
    [
        ({"policy": read_policy("commercial")}, "commercial_use", "two.wav"),
        ({"policy": read_policy("consented")}, "speakers_consent", "two.wav"),
        ({"policy": replace(DEFAULT, deny=("CC-BY-4.0",))}, "deny", "one.wav"),
        ({"today": date(2026, 7, 1)}, "retention_days", "one.wav"),
    ],
    ids=["commercial", "consented", "deny", "the day after"],
)
def test_a_tighter_policy_drops_clips_by_rule_and_a_looser_one_takes_them_in_again(
    folder: Path, change: dict[str, Any], rule: str, gone: str
) -> None:
    whole, before = dataset(folder), times(folder)
    said = run(folder, FIRST + SECOND, replace(CONFIG, **change))
    row = clips(folder)[gone]
    assert (row["kept"], row["reason"], row["split"]) == (False, "licence_refused", None)
    policy = change.get("policy", DEFAULT).name
    assert f"(policy {policy}, rule {rule})" in row["detail"]
    assert row["detail"] in said
    assert [name for name, row in clips(folder).items() if row["kept"]] == [n for n in clips(folder) if n != gone]
    assert {loss["stage"] for loss in recordings(folder)[gone]["lost"]} == {"select"}
    run(folder, FIRST + SECOND)
    assert dataset(folder) == whole
    assert times(folder) == before


def test_a_recording_without_a_licence_any_more_is_dropped_for_that(folder: Path) -> None:
    run(folder, FIRST + "two.wav,,,,,,\n")
    row = clips(folder)["two.wav"]
    assert (row["kept"], row["reason"]) == (False, "no_licence")
    run(folder, FIRST + "two.wav,,,,,,\n", replace(CONFIG, policy=replace(DEFAULT, unlicensed=True)))
    assert clips(folder)["two.wav"]["unlicensed"] is True
    assert recordings(folder)["two.wav"]["unlicensed"] is True


def test_what_is_refused_at_first_is_never_decoded(folder: Path) -> None:
    shutil.rmtree(folder / "out")
    run(folder, FIRST + SECOND, replace(CONFIG, policy=read_policy("commercial")))
    assert len(times(folder)) == 1
    assert "two.wav" not in clips(folder)
    (loss,) = recordings(folder)["two.wav"]["lost"]
    assert (loss["stage"], loss["reason"]) == ("ingest", "licence_refused")
    assert recordings(folder)["two.wav"]["stated"]["holder"] == "Bo"
    (folder / "calls" / "two.wav").write_bytes(b"changed, and still refused")
    run(folder, FIRST + SECOND, replace(CONFIG, policy=read_policy("commercial")))
    assert len(times(folder)) == 1


def test_other_bytes_under_a_known_name_are_not_decoded_either(folder: Path) -> None:
    before = times(folder)
    shutil.copy(folder / "calls" / "one.wav", folder / "calls" / "two.wav")
    with (folder / "calls" / "two.wav").open("ab") as file:
        file.write(b"\0\0\0\0")
    run(folder, FIRST + SECOND, replace(CONFIG, policy=read_policy("commercial")))
    assert times(folder) == before
    assert "two.wav" not in clips(folder)
    (loss,) = recordings(folder)["two.wav"]["lost"]
    assert (loss["stage"], loss["reason"]) == ("ingest", "licence_refused")


def test_of_two_copies_the_one_that_may_be_used_is(folder: Path) -> None:
    shutil.copy(folder / "calls" / "two.wav", folder / "calls" / "again.wav")
    run(folder, FIRST + SECOND + "again.wav,CC-BY-4.0,Bo,,,,\n", replace(CONFIG, policy=read_policy("commercial")))
    assert clips(folder)["again.wav"]["kept"]
    assert [loss["reason"] for loss in recordings(folder)["two.wav"]["lost"]] == ["licence_refused"]


def test_evidence_that_is_away_is_proved_by_its_digest_and_what_is_kept(folder: Path) -> None:
    whole = dataset(folder)
    (folder / "calls" / "deed.txt").rename(folder / "deed.txt")
    digest = hashlib.sha256(b"signed").hexdigest()
    run(folder, FIRST.replace(",\n", f",{digest}\n") + SECOND)
    assert dataset(folder) == whole


def test_evidence_that_is_away_without_a_digest_costs_the_row_and_not_what_is_kept(folder: Path) -> None:
    whole = dataset(folder)
    (folder / "calls" / "deed.txt").rename(folder / "deed.txt")
    for _ in range(2):  # and the next time, when no index names it any more
        said = run(folder, FIRST + SECOND)
        assert "deed.txt cannot be read (No such file or directory): put it back" in said
        assert "rejected (evidence)" in said
        assert list(clips(folder)) == ["two.wav"]
        assert [p.read_text() for p in (folder / "out" / "evidence").iterdir()] == ["signed"]
    (folder / "deed.txt").rename(folder / "calls" / "deed.txt")
    run(folder, FIRST + SECOND)
    assert dataset(folder) == whole


def test_a_build_that_stops_has_lost_no_evidence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    (folder / "calls" / "deed.txt").write_text("signed by both")
    monkeypatch.setattr(pipeline.build, "select", full)
    with pytest.raises(OSError, match="no space"):
        run(folder, FIRST + SECOND)
    monkeypatch.undo()
    assert list(verify(folder / "out")) == []
    run(folder, FIRST + SECOND)
    assert [p.read_text() for p in (folder / "out" / "evidence").iterdir()] == ["signed by both"]


def test_the_alternative_that_the_policy_permits_stands_in_every_index(folder: Path) -> None:
    choice = FIRST.replace("CC-BY-4.0", "CC0-1.0 OR CC-BY-4.0") + SECOND
    for denied, taken in (((), "CC0-1.0"), (("CC0-*",), "CC-BY-4.0")):
        run(folder, choice, replace(CONFIG, policy=replace(DEFAULT, deny=denied)))
        licence = clips(folder)["one.wav"]["info"]["licence"]
        assert (licence["spdx"], licence["taken"]) == ("CC-BY-4.0 OR CC0-1.0", taken)
        assert licence["rights"]["attribution"] == (taken == "CC-BY-4.0")
        assert recordings(folder)["one.wav"]["stated"] == licence
        whole = json.loads((folder / "out" / "dataset.json").read_text())["duplexset"]["licence"]
        assert whole["expression"] == " AND ".join(sorted({taken, "CC-BY-NC-4.0"}))


def test_forged_evidence_is_found(folder: Path) -> None:
    (kept,) = (folder / "out" / "evidence").iterdir()
    kept.write_text("forged")
    assert list(verify(folder / "out")) == [f"evidence/{kept.name}: its bytes are not those that its name says"]
    shutil.rmtree(folder / "out" / "evidence")
    assert list(verify(folder / "out")) == []  # left out on purpose: contracts are not for everybody


def test_a_dataset_is_asked_again_from_its_index(folder: Path) -> None:
    checked = checked_of([str(folder / "out")], {}, None, read_policy("commercial"), date(2026, 1, 31))
    assert [(one.name, one.permitted) for one in checked] == [("one.wav", True), ("two.wav", False)]
    assert [rule for rule, _ in checked[1].refused] == ["commercial_use"]
    (folder / "out" / "index" / "recordings.parquet").unlink()
    with pytest.raises(DatasetError, match=r"has no index/recordings\.parquet"):
        checked_of([str(folder / "out")], {}, None, DEFAULT, date(2026, 1, 31))


def test_the_description_says_what_may_be_done_with_the_whole(first: Path) -> None:
    description = json.loads((first / "out" / "dataset.json").read_text())
    assert description["license"] == [f"https://spdx.org/licenses/{name}" for name in ("CC-BY-4.0", "CC-BY-NC-4.0")]
    licence = description["duplexset"]["licence"]
    assert (licence["expression"], licence["whole"]) == ("CC-BY-4.0 AND CC-BY-NC-4.0", "CC-BY-NC-4.0")
    assert licence["commercial_use"] is False
    assert description["duplexset"]["configuration"]["policy"]["name"] == "default"
    assert "2026-01-31" not in json.dumps(description)  # the day is written nowhere


def test_only_the_shards_of_a_corrected_recording_are_others(prepared: Callable[..., PreparedFile]) -> None:
    files = [prepared(f"{name}.wav") for name in "abcdefgh"]
    config = BuildConfig(split_percent=(34, 33, 33))
    plans = {plan.name: plan for plan in select(files, Withdrawn(), config).plans}
    assert len(plans) >= 2
    corrected = PreparedFile(files[0].path, replace(files[0].licence, holder="Example Lab"))
    again = {plan.name: plan for plan in select([corrected, *files[1:]], Withdrawn(), config).plans}
    changed = {name for name in plans if plan_digest(plans[name]) != plan_digest(again[name])}
    mine = {name for name, plan in plans.items() if any(m.prepared == str(files[0].path) for m in plan.members)}
    assert changed == mine
    assert len(mine) == 1
