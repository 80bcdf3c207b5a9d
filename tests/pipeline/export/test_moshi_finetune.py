"""moshi-finetune's files, read by its published description, and the sound by the library that it reads with."""

import csv
import json
import os
import tomllib
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sphn

from pipeline.licences.expressions import rights_of
from pipeline.licences.fields import licence_of, read_licence_file
from pipeline.sources import read_sources
from schemas.licence import NO_LICENCE, Licence

N_SAMPLES = 199_920
LENGTH_S = N_SAMPLES / 24_000
MIT = Licence(
    spdx="MIT",
    holder="Ann\tO'Nymous",
    attribution='"Calls",\t2026\\ü',
    evidence="deed.pdf",
    rights=rights_of("MIT"),
)


def as_read(manifest: Path) -> dict[str, tuple[np.ndarray, list[list[object]], float]]:
    """Stem -> (int16 [2, samples], words that the trainer keeps, stated duration)."""
    found = {}
    for line in manifest.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        assert list(entry) == ["path", "duration"]
        path = os.path.join(manifest.parent, entry["path"])  # noqa: PTH118
        with wave.open(path) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 24_000)
            audio = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).T
        alignments = json.loads(Path(os.path.splitext(path)[0] + ".json").read_text())["alignments"]  # noqa: PTH122
        starts = [start for _, (start, _), _ in alignments]
        assert starts == sorted(starts)  # the reader looks a window up by bisection
        kept = [a for a in alignments if a[2] == "SPEAKER_MAIN" and 0 <= a[1][0] < a[1][1]]
        assert len(kept) == sum(a[2] == "SPEAKER_MAIN" for a in alignments)
        found[Path(path).stem] = (audio, kept, entry["duration"])
    return found


def test_either_speaker_is_the_model(world: Any) -> None:
    folder, result = world.export("moshi-finetune")
    assert (result.clips, result.written, result.removed) == (6, 6, 0)
    seen = set()
    for split in ("train", "validation", "test"):
        for stem, (audio, words, duration_s) in as_read(folder / f"{split}.jsonl").items():
            clip_id, _, channel = stem.partition("-")
            own = int(channel)
            assert np.array_equal(audio, world.sound[clip_id][[own, 1 - own]])
            assert duration_s == pytest.approx(N_SAMPLES / 24_000)
            said = [["naïve", "hello", "there"], ["yes", "bye"]][own]
            assert [text for text, _, _ in words] == said
            assert all(end <= LENGTH_S for _, (_, end), _ in words)
            seen.add((clip_id, own))
    assert seen == {(clip_id, own) for clip_id in world.clips for own in (0, 1)}


def test_words_without_length_last_20_ms_and_the_others_stay(world: Any) -> None:
    folder, _ = world.export("moshi-finetune", model_channel="0")
    data = json.loads(next(folder.glob("train/*-0.json")).read_text(encoding="utf-8"))
    assert data["alignments"] == [
        ["naïve", [0.0, 0.2], "SPEAKER_MAIN"],
        ["hello", [0.6, 0.9], "SPEAKER_MAIN"],
        ["there", [1.0, 1.02], "SPEAKER_MAIN"],
        ["yes", [3.0, 3.02], "SPEAKER_OTHER"],
        ["bye", [LENGTH_S - 0.02, LENGTH_S], "SPEAKER_OTHER"],
    ]


def test_the_library_that_the_trainer_reads_with_finds_the_sound(world: Any) -> None:
    folder, _ = world.export("moshi-finetune", model_channel="1")
    manifest = folder / "train.jsonl"
    reader = sphn.dataset_jsonl(
        str(manifest), duration_sec=5.0, num_threads=1, sample_rate=24_000, pad_last_segment=True
    )
    windows = list(reader.seq(skip=0, step_by=1))
    assert len(windows) == 2 * len(manifest.read_text().splitlines())
    assert {w["unpadded_len"] for w in windows} == {5 * 24_000, N_SAMPLES - 5 * 24_000}
    for window in windows:
        clip_id = Path(window["path"]).name[:32]
        start = int(window["start_time_sec"] * 24_000)
        expected = world.sound[clip_id][::-1, start : start + window["unpadded_len"]] / 32_768
        assert np.abs(window["data"][:, : window["unpadded_len"]] - expected).max() < 2 / 32_768


@pytest.mark.parametrize("channel", ["0", "1"])
def test_one_orientation(world: Any, channel: str) -> None:
    folder, _ = world.export("moshi-finetune", model_channel=channel)
    assert {path.name[32:] for path in folder.glob("t*/*")} == {f"-{channel}.wav", f"-{channel}.json"}


def test_the_sidecar_says_whose_it_is(world: Any) -> None:
    folder, _ = world.export("moshi-finetune", model_channel="1")
    for path in folder.glob("*/*.json"):
        facts = json.loads(path.read_text(encoding="utf-8"))["duplexset"]
        info = world.info(facts["clip_id"])
        assert facts["speakers"] == [info.speakers[1], info.speakers[0]]
        assert facts["licence"]["spdx"] == info.licence.spdx
        assert (facts["model_channel"], facts["recording_id"]) == (1, info.recording_id)
        assert facts["confidence"] == [0.8, 0.9, 0.5, 0.7, 1.0]  # of the alignments, one by one


def test_the_manifest_for_build_has_every_clip_once(world: Any) -> None:
    folder, _ = world.export("moshi-finetune", model_channel="1")
    found = read_sources([str(folder / "manifest.csv")], {})
    assert found.rejected == []
    assert len(found.usable) == len(world.clips)
    for source in found.usable:
        info = world.info(Path(source.uri).name[:32])
        assert source.speakers == info.speakers[::-1]
        assert source.language == "en"
        transcripts = [source.transcript] if isinstance(source.transcript, str) else list(source.transcript or ())
        assert [Path(path).is_file() for path in transcripts] == [True]
        assert source.licence is not None
        assert (source.licence.spdx, source.licence.holder) == (info.licence.spdx, info.licence.holder)
        assert source.licence.attribution == info.licence.attribution
        assert source.licence.consent == info.licence.consent
    assert not (folder / "LICENSE.toml").exists()  # two licences
    with (folder / "LICENSES.tsv").open(encoding="utf-8", newline="") as file:
        rows = {row["clip_id"]: row for row in csv.DictReader(file, dialect="excel-tab")}
    assert rows.keys() == world.clips.keys()
    for clip_id, row in rows.items():
        info = world.info(clip_id)
        assert (row["spdx"], row["holder"]) == (info.licence.spdx, (info.licence.holder or "").replace("\t", " "))
        assert (row["evidence_sha256"], row["consent"]) == (info.licence.evidence_sha256 or "", info.licence.consent)
        assert (float(row["start_s"]), float(row["end_s"])) == (info.start_s, info.end_s)
        assert (row["recording_id"], row["recording"]) == (info.recording_id, info.provenance.uri)
        assert [(folder / name).is_file() for name in row["files"].split()] == [True]


def test_one_licence_of_all_is_a_licence_file(make_world: Any) -> None:
    world = make_world("ab", licence=MIT)
    folder, _ = world.export("moshi-finetune", model_channel="0")
    text = (folder / "LICENSE.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["evidence"] == "LICENSES.tsv"
    licence = licence_of(read_licence_file(folder / "LICENSE.toml"), folder)
    assert licence is not None
    assert (licence.spdx, licence.holder, licence.attribution) == (MIT.spdx, MIT.holder, MIT.attribution)
    found = read_sources([str(folder)], {})
    assert {source.licence for source in found.usable} == {licence}
    assert len(found.usable) == len(world.clips)


def test_no_licence_is_made_up(make_world: Any) -> None:
    folder, _ = make_world("ab", licence=Licence(spdx=NO_LICENCE)).export("moshi-finetune")
    assert not (folder / "LICENSE.toml").exists()
    assert {source.licence for source in read_sources([str(folder / "manifest.csv")], {}).usable} == {None}
