"""show: everything from a clip back to its source's bytes, and a fault where they are not what they were."""

import hashlib
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from model.codec import load_codec
from pipeline.audit.clip_bytes import SourceError, source_fault
from pipeline.audit.described import NOT_KNOWN, weights_of
from pipeline.audit.show import ShowError, record_of, show
from pipeline.dataset_json import DescriptionError, listed_files, read_description
from pipeline.withdraw.tombstones import clip_tombstone
from schemas.arrow import from_table, to_table
from schemas.clip import Clip
from schemas.conversation import Overlap
from schemas.policy import DEFAULT
from schemas.recording import recording_id_of
from schemas.shard import ClipRow


def facts(found: Any, title: str) -> dict[str, Any]:
    return {name: value for step in found.steps if step.title == title for name, value in step.facts}


def mixed(clip: Clip) -> Clip:
    """From one track, with 0.2 s of overlap in 5.7 s of speech."""
    made = replace(clip.info.provenance, separated=True, enhanced=True, layout="mixture", fingerprint="f" * 64)
    info = replace(
        clip.info,
        provenance=made,
        overlaps=(Overlap(start_s=2.8, end_s=3.0, confidence=0.5),),
        stated_speakers=("anna", "ben"),
    )
    return replace(clip, info=info)


@pytest.fixture
def made(dataset: Any, stated: Any, licence: Any) -> Any:
    return dataset({"a.wav": (stated, ("anna", "ben")), "b.wav": (licence("LicenseRef-acme"), None, mixed)})


def test_the_chain_of_a_clip(made: Any) -> None:
    (clip_id, _) = made.of("a.wav")
    found = show(made.out, clip_id[:10])
    assert found.faults == ()
    assert facts(found, "Recording")["SHA-256 of its bytes"] == hashlib.sha256(b"a.wav").hexdigest()
    place, record = facts(found, "In the dataset"), found.record
    shard = (made.out / "shards" / place["shard"]).read_bytes()
    assert hashlib.sha256(shard[place["offset"] :][: place["length"]]).hexdigest() == place["SHA-256"]
    assert place["bytes in the shard"].startswith("as the index says")
    assert facts(found, "Speakers")["channel 1"] == "ben"
    licence = facts(found, "Licence")
    assert licence["licence"] == "CC-BY-4.0"
    assert licence[f"evidence/{record['info']['licence']['evidence_sha256']}.txt"] == "kept unchanged"
    assert "MISSING" not in licence.values()
    changed = facts(found, "What was changed")
    assert changed["re-synthesised share of the speech"] == "0.0 %"
    assert changed["taken apart from one track"].startswith("no")
    stages = facts(found, "Stages")
    assert stages["separate"].endswith("the clip passed it by")
    assert stages["tokenize"].startswith("version ")
    assert "passed it by" not in stages["diarize"]


def test_a_clip_of_a_mixture(made: Any) -> None:
    found = show(made.out, made.of("b.wav")[0])
    changed, licence = facts(found, "What was changed"), facts(found, "Licence")
    assert changed["re-synthesised share of the speech"] == "7.0 %"  # 0.4 of 5.7 s
    assert changed["enhanced"].startswith("music or noise was taken out")
    assert facts(found, "Stages")["diarize"].endswith("the clip passed it by")
    assert facts(found, "Speakers")["named by the source, on channels not known"] == "anna, ben"
    assert {name for name, value in licence.items() if value == "MISSING"} == {
        "licence text",
        *("attribution", "evidence", "evidence SHA-256", "evidence date", "consent", "speakers consent"),
        *("jurisdiction", "retain until"),
    }


def test_every_networks_weights_have_a_licence_and_so_has_their_data(made: Any) -> None:
    (codec,) = weights_of(read_description(made.out) or {})
    assert codec.sha256 == load_codec().digest
    assert codec.licence.startswith("Apache-2.0")
    assert any("librispeech" in line and line.startswith("CC-BY-4.0") for line in codec.data)
    others = {"recogniser whisper:openai/whisper-small": "1", "mine": "2", "recogniser torchaudio:VOXPOPULI_X": "3"}
    known = {one.name: (one.licence, one.data) for one in weights_of({"weights": others})}
    assert known["mine"] == (NOT_KNOWN, (NOT_KNOWN,))
    assert known["recogniser whisper:openai/whisper-small"][0] == "Apache-2.0"
    assert known["recogniser torchaudio:VOXPOPULI_X"][0] == "CC-BY-NC-4.0"


def test_every_built_in_network_has_a_card_that_is_read() -> None:
    weights = Path(__file__).parents[3] / "model" / "weights"
    digests = {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in weights.glob("*.safetensors")
        if path.stem != "codec"
    }
    found = weights_of({"weights": {**digests, "codec": load_codec().digest}})
    assert len(found) >= 4
    for one in found:
        assert len(one.data) >= 5, one.name


def test_changed_bytes_are_faults(made: Any, run: Any) -> None:
    (clip_id, _) = made.of("a.wav")
    record = record_of(made.out, clip_id)
    shard = made.out / "shards" / record["shard"]
    whole = shard.read_bytes()
    damaged = bytearray(whole)
    damaged[record["offset"] + 700] ^= 1
    for data, words in (
        (bytes(damaged), "their SHA-256 is another"),
        (whole[: record["offset"] + 100], "cut off"),
        (None, "there is no shards/"),
    ):
        shard.unlink()
        if data is not None:
            shard.write_bytes(data)
        result = run("show", made.out, clip_id)
        assert result.exit_code == 1
        assert words in result.stderr
        assert words in result.stdout.replace("\n", " ").replace("  ", "") or data is None
    shard.write_bytes(whole)
    evidence = next((made.out / "evidence").iterdir())
    evidence.write_bytes(b"signed by Bo")
    assert show(made.out, clip_id).faults == (f"evidence/{evidence.name}: changed",)
    evidence.unlink()
    assert show(made.out, clip_id).faults == (f"evidence/{evidence.name}: missing",)


def rewrite(index: Path, clip_id: str) -> None:
    """As a withdrawal leaves the row of a clip."""
    before = from_table(ClipRow, pq.read_table(index))
    rows = [clip_tombstone(row, "withdrawal 1") if row.clip_id == clip_id else row for row in before]
    pq.write_table(to_table(ClipRow, rows), index)


def test_withdrawn_and_refused_clips_say_so(dataset: Any, stated: Any, licence: Any) -> None:
    made = dataset({"a.wav": stated, "b.wav": licence("CC-BY-ND-4.0")}, policy=DEFAULT)
    (clip_id, _) = made.of("a.wav")
    (made.out / "withdrawn.jsonl").write_text(f'{{"clip_id": "{clip_id}"}}\n')
    assert facts(show(made.out, clip_id), "In the dataset")["withdrawn"].startswith("yes")
    rewrite(made.out / "index" / "clips.parquet", clip_id)
    removed = show(made.out, clip_id)
    assert facts(removed, "Not in the dataset")["reason"] == "withdrawn"
    assert "MISSING" not in facts(removed, "Licence").values()
    assert removed.faults == ()
    refused = facts(show(made.out, made.of("b.wav")[0]), "Not in the dataset")
    assert refused["reason"] == "licence_refused"
    assert "CC-BY-ND-4.0" in refused["in words"]


def test_a_clip_is_found_by_how_its_id_begins(dataset: Any, stated: Any) -> None:
    made = dataset({"a.wav": stated}, clips=17)  # two of which begin alike
    ids = sorted(made.clips)
    assert record_of(made.out, f" {ids[0].upper()} ")["clip_id"] == ids[0]
    alike = next(one[0] for one, other in pairwise(ids) if one[0] == other[0])
    with pytest.raises(ShowError, match=f"several clips begin with {alike} "):
        record_of(made.out, alike)
    for wrong in ("", "x", "%", "\x1b[31m"):
        with pytest.raises(ShowError, match="has no clip"):
            record_of(made.out, wrong)


def test_json_has_the_row_itself(made: Any, run: Any, tmp_path: Path) -> None:
    clip_id = made.of("b.wav")[1]
    read = json.loads(run("show", made.out, clip_id, "--json", "-").stdout)
    assert read["record"]["info"]["clip_id"] == clip_id
    assert read["steps"][0]["title"] == "Source"
    printed = run("show", made.out, clip_id, "--json", tmp_path / "a.json").stdout
    assert json.loads((tmp_path / "a.json").read_text()) == read
    assert max(map(len, printed.splitlines())) <= 80
    for heading in ("Source", "Licence", "Stages", "Networks", "What was changed", "Words", "In the dataset"):
        assert f"\n{heading}\n" in printed


def test_hostile_text_is_shown_and_cut(run: Any, dataset: Any, licence: Any, hostile: tuple[str, ...]) -> None:
    def named(text: str) -> Any:
        return lambda clip: replace(
            clip, info=replace(clip.info, provenance=replace(clip.info.provenance, uri=text, container=text))
        )

    made = dataset({f"{at}.wav": (licence("MIT", holder=t), (t, t), named(t)) for at, t in enumerate(hostile)})
    for clip_id in made.clips:
        printed = run("show", made.out, clip_id)
        assert printed.exit_code == 0
        assert len(printed.stdout) < 60_000
        assert max(map(len, printed.stdout.splitlines())) <= 80


def test_the_source_is_compared_byte_for_byte(tmp_path: Path, made: Any, run: Any) -> None:
    left, right = tmp_path / "l.wav", tmp_path / "r.wav"
    left.write_bytes(b"left")
    right.write_bytes(b"right")
    a, b = (hashlib.sha256(data).hexdigest() for data in (b"left", b"right"))

    def fault(recording_id: str, *files: Path) -> str | None:
        return source_fault({"info": {"recording_id": recording_id, "provenance": {"uri_b": None}}}, files)

    assert fault(a, left) is None
    assert fault(recording_id_of((a, b), None), left, right) is None
    assert fault(recording_id_of((a,), (3, 1)), left) is None
    assert "another one" in (fault(a, right) or "")
    assert "another one" in (fault(recording_id_of((a, b), None), right, left) or "")
    with pytest.raises(SourceError, match="cannot be read"):
        fault(a, tmp_path / "none.wav")
    with pytest.raises(SourceError, match="cannot be read"):
        fault(a, tmp_path)
    (clip_id, _) = made.of("a.wav")
    wrong = run("show", made.out, clip_id, "--source", left)
    assert wrong.exit_code == 1
    assert "source file: another one" in wrong.stderr
    left.write_bytes(b"a.wav")
    assert run("show", made.out, clip_id, "--source", left).exit_code == 0


def test_dataset_json_of_another_build_and_a_broken_one(made: Any) -> None:
    path = made.out / "dataset.json"
    whole = json.loads(path.read_text())
    clip_id = made.of("b.wav")[0]
    assert "CAUTION" not in facts(show(made.out, clip_id), "Stages")
    path.write_text(json.dumps({**whole, "duplexset": {**whole["duplexset"], "fingerprint": "e" * 64}}))
    assert "another build" in facts(show(made.out, clip_id), "Stages")["CAUTION"]
    for text in ("", "{", "[]", '{"duplexset": 3}', "\x00", "[" * 100_000):
        path.write_text(text)
        with pytest.raises(DescriptionError, match=r"^[^\n]*dataset\.json[^\n]*$"):
            show(made.out, clip_id)
    path.write_text('{"distribution": 3}')
    with pytest.raises(DescriptionError, match="does not list its files"):
        listed_files(made.out)
    broken = {
        "stages": [3],
        "weights": [],
        "configuration": {"codec": 3},
        "totals": {"splits": 1},
        "fingerprint": None,
    }
    for name, value in broken.items():
        path.write_text(json.dumps({**whole, "duplexset": {**whole["duplexset"], name: value}}))
        wrong = "the codec" if name == "configuration" else name
        with pytest.raises(
            DescriptionError, match=rf"dataset\.json: {wrong} (is missing|cannot be read)[a-z, ]*; remove"
        ):
            show(made.out, clip_id)
    path.unlink()
    assert "not here" in facts(show(made.out, clip_id), "Stages")["dataset.json"]
