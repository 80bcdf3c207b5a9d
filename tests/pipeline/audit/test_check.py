"""check: silent on a dataset of which everything holds, and for every fault just that one."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.audit.check import Fault, checking
from pipeline.audit.check_lines import SHOWN
from pipeline.dataset_json import DescriptionError
from pipeline.licences.policy_file import read_policy
from schemas.policy import DEFAULT, Policy

BUILT_ON = date(2026, 1, 31)


def faults(out: Path, *policies: Policy, today: date = BUILT_ON, quick: bool = False) -> list[Fault]:
    return list(checking(out, policies, today, quick=quick, say=lambda _: None).faults())


def kinds(found: list[Fault]) -> list[str]:
    return [fault.kind for fault in found]


@pytest.fixture
def made(dataset: Any, stated: Any) -> Any:
    return dataset({"a.wav": stated, "b.wav": stated}, policy=DEFAULT)


def test_nothing_is_wrong(made: Any, run: Any) -> None:
    assert faults(made.out) == faults(made.out, quick=True) == faults(made.out, read_policy("strict")) == []
    result = run("check", made.out, "--policy", "commercial")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"nothing is wrong with {made.out}; checked: 4 clips of 2 recordings: ")
    assert "policies (default, commercial)" in result.stdout
    assert result.stdout.count("\n") == 1


def test_a_clip_without_a_licence(dataset: Any, stated: Any, licence: Any) -> None:
    """Also where the policy of the build let it in."""
    made = dataset({"a.wav": stated, "b.wav": licence("NOASSERTION")}, policy=replace(DEFAULT, unlicensed=True))
    found = faults(made.out)
    assert kinds(found) == ["licence"]
    assert found[0].what.startswith("b.wav (2 clips): it has no licence: withdraw it")
    assert found[0].clips == 2
    assert kinds(faults(made.out, DEFAULT)) == ["licence"]  # not said again by each policy


def test_evidence_that_is_missing_or_another(made: Any, stated: Any) -> None:
    path = made.out / "evidence" / f"{stated.evidence_sha256}.txt"
    path.write_bytes(b"signed by Bo")
    (fault,) = faults(made.out)
    assert fault.kind == "evidence"
    assert fault.what.startswith(f"evidence/{path.name}: changed; 2 recordings rest on it, a.wav first: ")
    path.unlink()
    (path.parent / "other").touch()
    (fault,) = faults(made.out)
    assert "missing; 2 recordings rest on it" in fault.what
    (path.parent / "other").unlink()
    path.parent.rmdir()
    (fault,) = faults(made.out)
    assert fault.what == "the folder is missing, with 1 file: get it from whoever built the dataset"


def test_evidence_at_an_address_is_not_looked_for(dataset: Any, stated: Any) -> None:
    web = replace(stated, evidence="https://example.org/deed", evidence_sha256="1" * 64)
    assert faults(dataset({"a.wav": web}).out) == []


def test_a_policy_that_is_broken(dataset: Any, stated: Any, licence: Any, run: Any, tmp_path: Path) -> None:
    made = dataset(
        {"a.wav": stated, "b.wav": replace(stated, spdx="CC-BY-NC-4.0", rights=licence("CC-BY-NC-4.0").rights)}
    )
    assert faults(made.out) == []
    (fault,) = faults(made.out, read_policy("commercial"))
    assert fault.kind == "policy"
    assert fault.what.startswith("b.wav (2 clips): CC-BY-NC-4.0 does not permit commercial use")
    assert fault.what.endswith("(policy commercial, rule commercial_use)")
    (tmp_path / "mine.toml").write_text('deny = ["CC-BY-4.0"]\n')
    result = run("check", made.out, "--quick", "--policy", tmp_path / "mine.toml")
    assert result.exit_code == 1
    assert result.stdout.startswith("policy: a.wav (2 clips): CC-BY-4.0 is refused by name")
    assert result.stderr == f"1 fault in {made.out}: 1 policy\n"


def test_the_policy_of_the_build_is_broken(dataset: Any, stated: Any) -> None:
    """It ended since, or somebody tightened what dataset.json says."""
    made = dataset({"a.wav": stated}, policy=replace(DEFAULT, expires="2026-02-01"))
    assert faults(made.out) == []
    (fault,) = faults(made.out, today=date(2026, 3, 1))
    assert (fault.kind, fault.name) == ("policy", "default")
    path = made.out / "dataset.json"
    whole = json.loads(path.read_text())
    whole["duplexset"]["configuration"]["policy"]["rules"]["consent"] = ["contract"]
    path.write_text(json.dumps(whole))
    (fault,) = faults(made.out)
    assert "consent is informed-consent: the policy takes contract" in fault.what
    whole["duplexset"]["configuration"]["policy"]["rules"]["colour"] = ["red"]
    path.write_text(json.dumps(whole))
    with pytest.raises(DescriptionError, match="its policy cannot be read"):
        faults(made.out)
    del whole["duplexset"]["configuration"]["policy"]
    path.write_text(json.dumps(whole))
    assert faults(made.out) == []  # of a version that knew none


def test_of_alternatives_the_one_counts_that_a_policy_permits(dataset: Any, stated: Any, licence: Any) -> None:
    either = replace(stated, spdx="CC-BY-NC-4.0 OR MIT", taken="CC-BY-NC-4.0", rights=licence("CC-BY-NC-4.0").rights)
    assert faults(dataset({"a.wav": either}).out, read_policy("commercial")) == []


def test_a_retention_date_that_has_passed(made: Any) -> None:
    assert faults(made.out, today=date(2030, 12, 31)) == []
    found = faults(made.out, today=date(2031, 1, 1))
    assert kinds(found) == ["retention", "retention"]  # not by the policy's rule again
    assert "it was to be kept until 2030-12-31: withdraw it" in found[0].what
    assert [fault.name for fault in found] == ["a.wav", "b.wav"]


def test_shards_and_index_disagree(made: Any) -> None:
    shard = next((made.out / "shards").iterdir())
    data = bytearray(shard.read_bytes())
    data[700] ^= 1
    shard.write_bytes(data)
    found = faults(made.out)
    assert set(kinds(found)) == {"bytes"}
    assert any("its bytes changed" in fault.what for fault in found)
    assert any("is not at its offset, or changed" in fault.what for fault in found)
    assert faults(made.out, quick=True) == []  # which reads no shard


@pytest.mark.parametrize("change", ["shorter", "gone", "index"])
def test_a_quick_look_sees_what_is_gone(made: Any, change: str) -> None:
    shard, index = next((made.out / "shards").iterdir()), made.out / "index" / "recordings.parquet"
    if change == "shorter":
        shard.write_bytes(shard.read_bytes()[:-512])
    elif change == "gone":
        shard.unlink()
    else:
        pq.write_table(pq.read_table(index), index, compression="gzip")
    (fault,) = faults(made.out, quick=True)
    assert fault.kind == "bytes"
    assert fault.name == ("index/recordings.parquet" if change == "index" else f"shards/{shard.name}")
    assert set(kinds(faults(made.out))) == {"bytes"}


def test_something_withdrawn_remains(made: Any) -> None:
    clip_id = made.of("a.wav")[0]
    (made.out / "withdrawn.jsonl").write_text(f'{{"clip_id": "{clip_id}"}}\n')
    found = faults(made.out)
    assert set(kinds(found)) == {"withdrawn"}
    assert any(clip_id in fault.what for fault in found)


def test_many_faults_are_counted_and_all_of_them_are_in_the_json(
    made: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.audit import check

    def many(_: Path) -> Iterator[tuple[str, str, int, Any]]:
        licence = replace(next(iter(made.clips.values())).info.licence, retain_until="2020-01-01", evidence=None)
        return ((f"{at}\x1b[31m.wav", f"{at:064x}", 1, licence) for at in range(SHOWN + 50))

    monkeypatch.setattr(check, "_used", many)
    result = run("check", made.out, "--quick", "--json", tmp_path / "a.json")
    lines = result.stdout.splitlines()
    assert len(lines) == SHOWN + 1
    assert lines[0].startswith("retention: 0\\u001b[31m.wav (1 clip): ")
    assert lines[-1] == "retention: 50 more: --json has all of them"
    assert result.exit_code == 1
    read = json.loads((tmp_path / "a.json").read_text())
    assert len(read["faults"]) == SHOWN + 50
    assert read["counts"] == {"retention": SHOWN + 50}
    assert json.loads(run("check", made.out, "--quick", "--json", "-").stdout) == read


def test_a_folder_that_is_no_dataset(made: Any, tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match=r"has no dataset\.json"):
        faults(tmp_path)
    path = made.out / "dataset.json"
    whole = json.loads(path.read_text())
    path.write_text('{"duplexset": {}}')
    with pytest.raises(DescriptionError, match="fingerprint is missing"):
        faults(made.out)
    path.write_text(json.dumps({**whole, "distribution": 3}))
    for quick in (False, True):
        with pytest.raises(DescriptionError, match="does not list its files"):
            faults(made.out, quick=quick)
