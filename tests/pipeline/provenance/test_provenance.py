"""PROV-JSON: the reference reader takes it, nothing is named that is not described, and the chain is a clip's own."""

import hashlib
import json
import re
import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prov.model import ProvDocument
from typer.testing import CliRunner

from cluster.engine import open_engine
from pipeline.audit.show import ShowError
from pipeline.build import select_and_pack
from pipeline.cli import app
from pipeline.config import BuildConfig
from pipeline.describe import MadeBy
from pipeline.licences.expressions import rights_of
from pipeline.prepare import Prepared
from pipeline.provenance.document import SECTIONS, Document, name
from pipeline.provenance.write import write_provenance
from pipeline.view import View
from schemas.clip import Clip
from schemas.licence import Consent, Licence
from schemas.policy import Policy
from schemas.prepared import PreparedFile, PreparedWriter
from schemas.recording import Recording
from schemas.transcript import Transcribed, TranscriptFile

HOSTILE = '<b>"x"</b>:\n\x1b[31m%20 (a) \u202eexe'
CC_BY = Licence(
    spdx="CC-BY-4.0",
    holder=HOSTILE,
    source_url="https://example.org/calls",
    retrieved="2026-01-30",
    evidence=HOSTILE,
    evidence_sha256="e" * 64,
    consent=Consent.CONTRACT,
    jurisdiction=("DE", "FR"),
    rights=rights_of("CC-BY-4.0"),
)
EITHER = Licence(spdx="CC-BY-4.0 OR LicenseRef-a.b", licence_text="t.txt", licence_text_sha256="c" * 64)
WEIGHTS = {"builtin": "0" * 64, "separator": "1" * 64, "aligner builtin": "2" * 64, "recogniser whisper:x": "3" * 64}
SPEAKERS = ("anna-the-speaker", "ben-the-speaker")


@pytest.fixture
def out(tmp_path: Path, make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]) -> Path:
    """Three recordings of two clips; the second clip is separated; one clip is withdrawn."""
    files, ids = [], []
    for at, licence in enumerate((CC_BY, EITHER, CC_BY)):
        recording = replace(make_recording(f"{'ab'[at % 2]}{at}.wav", SPEAKERS if at else None), licence=licence)
        path = tmp_path / "out" / "work" / "prepared" / f"{at}.parquet"
        writer = PreparedWriter(path, recording, "f" * 64)
        for number in range(2):
            clip = make_clip(recording, number)
            told = Transcribed(file=TranscriptFile(names=("a.vtt",), sha256="a" * 64))
            made = replace(clip.info.provenance, separated=bool(number), fingerprint="f" * 64)
            writer.add(replace(clip, info=replace(clip.info, transcript=told, provenance=made)))
            ids.append(clip.info.clip_id)
        writer.close()
        files.append(PreparedFile(path, licence))
    (tmp_path / "out" / "withdrawn.jsonl").write_text(f'{{"clip_id": "{ids[0]}"}}\n')
    config = BuildConfig(policy=Policy(name="any", allow=("*",), unlicensed=True), split_percent=(100, 0, 0))
    made_by = MadeBy(config=config, weights=WEIGHTS, fingerprint="f" * 64)
    with View(interactive=False) as view:
        engine = open_engine("inline", None)
        select_and_pack(Prepared(files=files), tmp_path / "out", made_by, engine=engine, view=view)
    return tmp_path / "out"


def written(out: Path, clip: str | None = None) -> dict[str, Any]:
    """The document, after the reference reader took it without a warning and gave the same back."""
    target = out.parent / "prov.json"
    write_provenance(out, clip, str(target))
    text = target.read_text(encoding="ascii")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document = ProvDocument.deserialize(content=text, format="json")
        again = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
    assert document == again
    made: dict[str, Any] = json.loads(text, object_pairs_hook=unique)
    return made


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs), "a key twice"
    return dict(pairs)


def rows(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(out / "index" / "clips.parquet").to_pylist()
    return found


def related(document: dict[str, Any], section: str, **wanted: str) -> list[dict[str, Any]]:
    found = document.get(section, {}).values()
    return [one for one in found if all(one.get(f"prov:{key}") == value for key, value in wanted.items())]


def test_all_that_is_named_is_described_and_of_its_kind(out: Path) -> None:
    kinds = {
        **dict.fromkeys(("entity", "generatedEntity", "usedEntity", "collection", "trigger"), "entity"),
        **dict.fromkeys(("activity", "informed", "informant", "starter"), "activity"),
        "agent": "agent",
    }
    for clip in (None, next(row["clip_id"] for row in rows(out) if row["kept"])):
        document = written(out, clip)
        assert document.keys() - {"prefix"} <= set(SECTIONS)
        for section in SECTIONS[3:]:
            for relation in document[section].values():
                for key, value in relation.items():
                    kind = kinds.get(key.removeprefix("prov:"))
                    assert kind is None or value in document[kind], f"{section}: {value}"
        for kind in SECTIONS[:3]:
            assert all(re.fullmatch(r"[a-z0-9]+:[\w.%-]+", called) for called in document[kind])
            assert all(called.partition(":")[0] in document["prefix"] for called in document[kind])


def test_a_clip_leads_back_to_the_bytes_it_came_from(out: Path) -> None:
    row = next(row for row in rows(out) if row["kept"] and row["info"]["licence"]["spdx"] == "CC-BY-4.0")
    document = written(out, row["clip_id"][:10])
    clip, recording = f"clip:{row['clip_id']}", f"recording:{row['info']['recording_id']}"
    assert document["entity"][clip]["dx:sha256"] == row["sha256"]
    stretch = f"stretch:{row['clip_id']}"
    assert {d["prov:usedEntity"] for d in related(document, "wasDerivedFrom", generatedEntity=clip)} >= {
        *(stretch, f"sha256:{'a' * 64}")
    }
    (cut,) = related(document, "wasDerivedFrom", generatedEntity=stretch)
    assert cut["prov:usedEntity"] == recording
    assert document["entity"][stretch] == {
        "prov:type": {"$": "dx:Stretch", "type": "xsd:QName"},
        "dx:startS": row["info"]["start_s"],
        "dx:endS": row["info"]["end_s"],
    }
    (source,) = related(document, "wasDerivedFrom", generatedEntity=recording)
    assert document["entity"][source["prov:usedEntity"]]["prov:location"] == "https://example.org/calls"
    assert source["dx:retrieved"] == "2026-01-30"
    (holder,) = related(document, "wasAttributedTo", entity=recording)
    assert holder["prov:agent"].startswith("holder:")
    used = {one["prov:entity"] for one in related(document, "used", activity="stage:ingest")}
    assert used == {recording, "spdx:CC-BY-4.0", f"sha256:{'e' * 64}"}
    (member,) = related(document, "hadMember", entity=clip)
    shard = out / "shards" / row["shard"]
    assert member["prov:collection"] == f"sha256:{hashlib.sha256(shard.read_bytes()).hexdigest()}"


def test_stages_have_versions_settings_and_weights_in_their_order(out: Path) -> None:
    document = written(out)
    described = json.loads((out / "dataset.json").read_text("utf-8"))["duplexset"]
    order = [f"stage:{entry['stage']}" for entry in described["stages"]] + ["stage:select", "stage:pack"]
    for entry in described["stages"]:
        stage = document["activity"][f"stage:{entry['stage']}"]
        assert stage["dx:version"] == str(entry["version"])
        assert json.loads(stage.get("dx:settings", "{}")) == entry["settings"]
    informed = [(one["prov:informant"], one["prov:informed"]) for one in document["wasInformedBy"].values()]
    assert informed == list(pairwise(order))
    weights = {(one["prov:activity"], one["prov:entity"]) for one in document["used"].values()}
    for stage, digest in (("tokenize", "0"), ("separate", "1"), ("transcribe", "2"), ("transcribe", "3")):
        assert (f"stage:{stage}", f"sha256:{digest * 64}") in weights
    assert {one["prov:activity"] for one in related(document, "wasAssociatedWith")} == set(document["activity"])


def test_all_clips_are_there_once_and_those_withdrawn_are_in_no_shard(out: Path) -> None:
    document = written(out)
    clips = {one for one in document["entity"] if one.startswith("clip:")}
    assert clips == {f"clip:{row['clip_id']}" for row in rows(out)}
    members = [one["prov:entity"] for one in document["hadMember"].values() if one["prov:entity"].startswith("clip:")]
    assert sorted(members) == sorted(f"clip:{row['clip_id']}" for row in rows(out) if row["kept"])
    (gone,) = (row for row in rows(out) if not row["kept"])
    assert document["entity"][f"clip:{gone['clip_id']}"]["dx:reason"] == "withdrawn"
    separated = {row["clip_id"] for row in rows(out) if row["info"]["provenance"]["separated"]}
    cut = {one["prov:entity"][8:] for one in related(document, "wasGeneratedBy", activity="stage:voices")}
    assert cut == separated


def test_no_speaker_is_in_it_and_no_person_is_made_up(out: Path) -> None:
    text = json.dumps(written(out))
    assert not any(speaker in text for speaker in SPEAKERS)
    document = written(out)
    assert len(document["agent"]) == 2  # the software, one rights holder
    assert "prov:Person" not in text
    (holder,) = (agent for called, agent in document["agent"].items() if called.startswith("holder:"))
    assert holder["prov:label"] == '<b>"x"</b>: \\u001b[31m%20 (a) \\u202eexe'


def test_the_same_dataset_has_the_same_provenance(out: Path) -> None:
    assert json.dumps(written(out)) == json.dumps(written(out))


def test_a_dataset_without_its_description_still_tells_the_chain(out: Path) -> None:
    (out / "dataset.json").unlink()
    document = written(out)
    assert {one for one in document["activity"] if one.startswith("stage:")} >= {"stage:split", "stage:tokenize"}
    assert related(document, "hadMember")


def test_what_a_withdrawal_emptied_is_left_out(out: Path) -> None:
    table = pq.read_table(out / "index" / "clips.parquet")
    changed = table.to_pylist()
    row = changed[0]
    row.update(kept=False, reason="withdrawn", split=None, shard=None, sha256=None)
    row["info"]["recording_id"] = ""
    row["info"]["provenance"].update(uri="", uri_b=None, container="")
    row["info"]["licence"].update(holder=None, source_url=None, jurisdiction=[], evidence_sha256=None)
    row["info"]["voices"] = []
    row["info"]["transcript"] = None
    pq.write_table(pa.Table.from_pylist(changed, schema=table.schema), out / "index" / "clips.parquet")
    document = written(out)
    assert not related(document, "wasDerivedFrom", generatedEntity=f"stretch:{row['clip_id']}")
    assert "recording:" not in document["entity"]


def test_an_empty_index_is_a_document_without_clips(out: Path) -> None:
    table = pq.read_table(out / "index" / "clips.parquet")
    pq.write_table(table.slice(0, 0), out / "index" / "clips.parquet")
    assert not [one for one in written(out)["entity"] if one.startswith("clip:")]


@pytest.mark.parametrize(
    ("local", "made"),
    [
        ("a-b_C9", "x:a-b_C9"),
        ("v1.2.3", "x:v1.2.3"),
        (".a.", "x:%2Ea%2E"),
        ("a b:c/%", "x:a%20b%3Ac%2F%25"),
        ("é\ud800", "x:%C3%A9%ED%A0%80"),
        ("CC-BY-4.0 OR MIT", "x:CC-BY-4.0%20OR%20MIT"),
    ],
)
def test_names_are_valid_whatever_they_are_made_from(local: str, made: str) -> None:
    assert name("x", local) == made


def test_a_name_is_described_once(tmp_path: Path) -> None:
    with Document({"x": "urn:x:"}) as document:
        assert document.once("entity", "x:a", prov_label="first") == document.once(
            "entity", "x:a", prov_label="second"
        )
        with (tmp_path / "made.json").open("w") as file:
            document.write(file)
    assert json.loads((tmp_path / "made.json").read_text())["entity"] == {"x:a": {"prov:label": "first"}}


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["audit", "provenance", *arguments])
    return result.exit_code, result.stdout, str(result.exception or "")


def test_the_command_prints_or_writes_it(out: Path, tmp_path: Path) -> None:
    clip = rows(out)[0]["clip_id"]
    status, printed, _ = run(str(out), clip)
    assert status == 0
    assert printed.isascii()
    assert run(str(out), clip, "--to", str(tmp_path / "made.json"))[0] == 0
    assert (tmp_path / "made.json").read_text() == printed
    assert f"clip:{clip}" in json.loads(printed)["entity"]


def test_a_clip_that_is_not_there_or_not_alone_is_said(out: Path, tmp_path: Path) -> None:
    table = pq.read_table(out / "index" / "clips.parquet")
    ids = pa.array([f"{'ab' if at < 2 else 'c'}{at:030x}" for at in range(table.num_rows)])
    pq.write_table(table.set_column(0, table.schema.field(0), ids), out / "index" / "clips.parquet")
    for clip, why in (("zz", "has no clip 'zz'"), ("", "has no clip ''"), ("ab", "several clips begin with ab")):
        with pytest.raises(ShowError, match=why):
            write_provenance(out, clip, str(tmp_path / "x.json"))
    assert not (tmp_path / "x.json").exists()


def test_a_broken_index_is_one_line(out: Path) -> None:
    (out / "index" / "clips.parquet").write_bytes(b"PAR1 no PAR1")
    status, _, error = run(str(out))
    assert status != 0
    assert "clips.parquet cannot be read" in error
    shutil.rmtree(out / "index")
    assert "has no index/clips.parquet" in run(str(out))[2]
