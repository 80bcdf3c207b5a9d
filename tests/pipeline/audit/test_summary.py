"""summary: the figures are what Python counts in the index, whatever the names in it."""

import csv
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.audit.summary import GROUPS, SummaryError, names_of_groups, summary
from pipeline.bench_audit import made_index
from schemas.arrow import from_dict
from schemas.clip import Clip
from schemas.licence import missing
from schemas.shard import ClipRow

N_CLIPS = 3_000


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up clips, every 101st of which is withdrawn."""
    folder = tmp_path_factory.mktemp("made")
    made_index(folder, N_CLIPS)
    ids = pq.read_table(folder / "index" / "clips.parquet", columns=["clip_id"])["clip_id"].to_pylist()[::101]
    (folder / "withdrawn.jsonl").write_text("".join(f'{{"clip_id": "{one}"}}\n' for one in ids))
    return folder


@pytest.fixture(scope="module")
def rows(out: Path) -> list[ClipRow]:
    """Those that may be used."""
    withdrawn = (out / "withdrawn.jsonl").read_text()
    found = (from_dict(ClipRow, row) for row in pq.read_table(out / "index" / "clips.parquet").to_pylist())
    return [row for row in found if row.kept and row.clip_id not in withdrawn]


def figures(rows: list[ClipRow]) -> tuple[float, int, int, int]:
    speakers = {name for row in rows for name in (row.info.stated_speakers or row.info.speakers)}
    seconds = sum(row.duration_s for row in rows)
    return pytest.approx(seconds), len(rows), len({row.info.recording_id for row in rows}), len(speakers)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("by", "value"),
    [
        ("licence", lambda row: row.info.licence.spdx),
        ("source", lambda row: row.info.licence.source_url),
        ("consent", lambda row: row.info.licence.consent.value),
        ("language", lambda row: row.info.language),
        ("split", lambda row: row.split.value),
        ("holder", lambda row: row.info.licence.holder),
        ("separated", lambda row: row.info.provenance.separated),
        ("retain_until", lambda row: row.info.licence.retain_until),
    ],
)
def test_the_groups_are_pythons(out: Path, rows: list[ClipRow], by: str, value: Callable[[ClipRow], Any]) -> None:
    found = summary(out, [by])
    groups: dict[Any, list[ClipRow]] = defaultdict(list)
    for row in rows:
        groups[value(row)].append(row)
    assert {g.value: (g.seconds, g.clips, g.recordings, g.speakers) for g in found.groups[by]} == {
        key: figures(those) for key, those in groups.items()
    }
    seconds = [group.seconds for group in found.groups[by]]
    assert seconds == sorted(seconds, reverse=True)
    whole = found.whole
    assert (whole.seconds, whole.clips, whole.recordings, whole.speakers) == figures(rows)


def test_what_nobody_stated_is_what_the_licence_says(out: Path, rows: list[ClipRow]) -> None:
    wanted: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for name in missing(row.info.licence):
            wanted[name].append(row.duration_s)
    found = summary(out).missing
    assert found == {name: (len(s), pytest.approx(sum(s))) for name, s in wanted.items()}
    assert {"licence", "licence_text", "attribution", "retain_until"} <= found.keys()


def test_losses_and_what_is_withdrawn_but_still_there(out: Path) -> None:
    found, recordings = summary(out), pq.read_table(out / "index" / "recordings.parquet").to_pylist()
    lost: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in recordings:
        for loss in row["lost"]:
            lost[loss["stage"], loss["reason"]].append(loss["end_s"] - loss["start_s"])
    assert {(one.stage, one.reason): (one.count, one.seconds) for one in found.losses} == {
        key: (len(s), pytest.approx(sum(s))) for key, s in lost.items()
    }
    kept = set(pq.read_table(out / "index" / "clips.parquet", filters=[("kept", "==", True)])["clip_id"].to_pylist())
    ids = {json.loads(line)["clip_id"] for line in (out / "withdrawn.jsonl").read_text().splitlines()}
    assert found.withdrawn[0] == len(kept & ids) > 0


def test_voices_without_a_name_count_once_per_recording(dataset: Any, stated: Any) -> None:
    def unnamed(clip: Clip) -> Clip:
        names = (f"{clip.info.recording_id}/0", f"{clip.info.recording_id}/1")
        return replace(clip, info=replace(clip.info, speakers=names))

    def known(clip: Clip) -> Clip:
        mixed = replace(unnamed(clip).info, stated_speakers=("anna", "carl"))
        return replace(clip, info=replace(mixed, provenance=replace(mixed.provenance, separated=True)))

    made = dataset(
        {
            "a.wav": (stated, ("anna", "ben")),
            "b.wav": (stated, None, unnamed),
            "c.wav": (stated, None, unnamed),
            "d.wav": (stated, None, known),
        }
    )
    whole = summary(made.out).whole
    assert (whole.clips, whole.recordings) == (8, 4)
    assert (whole.speakers, whole.named) == (7, 3)  # anna, ben, carl, and two of b and of c each
    by = {group.value: group for group in summary(made.out, ["separated"]).groups["separated"]}
    assert (by[True].speakers, by[True].named) == (2, 2)


def test_json_and_csv_say_the_same_as_the_table(run: Any, out: Path, tmp_path: Path) -> None:
    printed = run("summary", out, "--by", "consent,licence")
    assert (printed.exit_code, printed.stderr) == (0, "")
    assert max(map(len, printed.stdout.splitlines())) <= 80
    silent = run(
        "summary", out, "--by", "consent,licence", "--json", tmp_path / "a.json", "--csv", tmp_path / "a.csv"
    )
    assert silent.stdout == printed.stdout
    found = summary(out, ["consent", "licence"])
    read = json.loads((tmp_path / "a.json").read_text())
    assert [one["value"] for one in read["by"]["consent"]] == [group.value for group in found.groups["consent"]]
    assert read["whole"]["clips"] == found.whole.clips
    assert read["not_stated"]["licence"]["clips"] == found.missing["licence"][0]
    assert read["licence"]["conflicts"]
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["by"], row["value"], int(row["clips"])) for row in rows if row["by"] != "all"] == [
        (name, group.value, group.clips) for name, groups in found.groups.items() for group in groups
    ]
    assert json.loads(run("summary", out, "--by", "licence", "--json", "-").stdout)["whole"] == read["whole"]
    assert run("summary", out, "--csv", "-").stdout.startswith("by,value,hours,clips,")


def test_names_that_want_to_do_harm_are_shown_and_cut(
    run: Any, dataset: Any, licence: Any, hostile: tuple[str, ...], tmp_path: Path
) -> None:
    made = dataset({f"{at}.wav": licence("CC-BY-4.0", holder=name) for at, name in enumerate(hostile)})
    printed = run("summary", made.out, "--by", "holder", "--csv", tmp_path / "a.csv")
    assert max(map(len, printed.stdout.splitlines())) <= 80
    assert len(printed.stdout) < 5_000
    assert "\\u001b[31mred new" in printed.stdout.replace("\n", "")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        values = [row["value"] for row in csv.DictReader(file)]
    assert '\'=HYPERLINK("x")' in values
    assert not [value for value in values if value[:1] in "=+-@" and value]
    assert not [value for value in values if "\x1b" in value or "\n" in value]
    assert json.loads(run("summary", made.out, "--by", "holder", "--json", "-").stdout)["by"]["holder"]


def test_a_dataset_of_nothing_has_a_summary(run: Any, dataset: Any, stated: Any) -> None:
    made = dataset({"a.wav": stated})
    for clip_id in made.clips:
        with (made.out / "withdrawn.jsonl").open("a") as file:
            file.write(f'{{"clip_id": "{clip_id}"}}\n')
    printed = run("summary", made.out)
    assert printed.exit_code == 0
    assert "names 2 clips" in printed.stdout
    assert summary(made.out).whole.clips == 0


def test_what_cannot_be_told_apart_is_said() -> None:
    assert names_of_groups(" licence, holder,licence ") == ("licence", "holder")
    assert set(names_of_groups(",".join(GROUPS))) == set(GROUPS)
    for text in ("colour", "", "licence;drop"):
        with pytest.raises(SummaryError, match="give some of licence"):
            names_of_groups(text)
