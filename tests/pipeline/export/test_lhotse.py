"""lhotse's manifests, read by its published description and by lhotse itself."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

N_SAMPLES = 199_920
LENGTH_S = N_SAMPLES / 24_000
SPLITS = ("train", "validation", "test")


def lines(folder: Path, kind: str, split: str) -> list[dict]:  # type: ignore[type-arg]
    with gzip.open(folder / f"duplexset_{kind}_{split}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_recordings_are_the_clips(world: Any) -> None:
    folder, _ = world.export("lhotse")
    seen = set()
    for split in SPLITS:
        for recording in lines(folder, "recordings", split):
            (source,) = recording["sources"]
            assert (source["type"], source["channels"]) == ("file", [0, 1])
            assert (recording["sampling_rate"], recording["num_samples"]) == (24_000, N_SAMPLES)
            assert recording["duration"] == pytest.approx(N_SAMPLES / 24_000)
            with av.open(io.BytesIO((folder / source["source"]).read_bytes())) as container:
                frames = [f.to_ndarray().reshape(-1, 2).T for f in container.decode(audio=0)]
            assert np.array_equal(np.concatenate(frames, axis=1), world.sound[recording["id"]])
            seen.add(recording["id"])
    assert seen == world.clips.keys()


def test_supervisions_have_the_words_of_their_channel(world: Any) -> None:
    folder, _ = world.export("lhotse")
    for split in SPLITS:
        of: dict[str, list[dict]] = {}  # type: ignore[type-arg]
        for supervision in lines(folder, "supervisions", split):
            of.setdefault(supervision["recording_id"], []).append(supervision)
        assert of.keys() == {recording["id"] for recording in lines(folder, "recordings", split)}
        for clip_id, supervisions in of.items():
            info = world.info(clip_id)
            places = [(s["channel"], s["start"], round(s["start"] + s["duration"], 3)) for s in supervisions]
            end_s = round(LENGTH_S, 3)
            # Segments, reaching over the words that lie nearest to them; none past the end.
            assert places == [(0, 0.0, 1.5), (1, 2.8, end_s), (0, 6.0, end_s)]
            assert [s.get("text") for s in supervisions] == ["naïve hello there", "yes bye", None]
            assert [s["speaker"] for s in supervisions] == [info.speakers[s["channel"]] for s in supervisions]
            assert {s["custom"]["licence"] for s in supervisions} == {info.licence.spdx}
            first = supervisions[0]["alignment"]["word"]
            assert first == [["naïve", 0.0, 0.2, 0.8], ["hello", 0.6, 0.3, 0.9], ["there", 1.0, 0.02, 0.5]]
            assert len({s["id"] for s in supervisions}) == 3


def test_cuts_hold_licence_and_provenance(world: Any) -> None:
    folder, _ = world.export("lhotse", splits=("train",))
    assert not list(folder.glob("*validation*"))
    for cut in lines(folder, "cuts", "train"):
        info = world.info(cut["id"])
        assert (cut["type"], cut["channel"], cut["start"]) == ("MultiCut", [0, 1], 0.0)
        assert cut["custom"]["licence"]["spdx"] == info.licence.spdx
        assert cut["custom"]["provenance"]["uri"] == info.provenance.uri
        assert cut["custom"]["recording_id"] == info.recording_id
        assert "/" not in cut["recording"]["sources"][0]["source"].partition("audio/train/")[0]


def test_lhotse_itself_reads_and_validates_them(world: Any) -> None:
    lhotse = pytest.importorskip("lhotse")
    from lhotse.qa import validate_recordings_and_supervisions
    from lhotse.recipes.utils import read_manifests_if_cached

    folder, _ = world.export("lhotse")
    cuts = lhotse.CutSet.from_file(folder / "duplexset_cuts_train.jsonl.gz").with_recording_path_prefix(folder)
    count = 0
    for cut in cuts:
        lhotse.validate(cut, read_data=True)
        assert np.allclose(cut.load_audio(), world.sound[cut.id] / 32_768)
        assert cut.custom["licence"]["spdx"] == world.info(cut.id).licence.spdx
        one = cut.truncate(duration=2.0)
        assert [s.text for s in one.supervisions] == ["naïve hello there"]
        assert one.supervisions[0].alignment["word"][1].symbol == "hello"
        count += 1
    found = read_manifests_if_cached(["train"], folder, prefix="duplexset", types=["recordings", "supervisions"])
    recordings, supervisions = found["train"]["recordings"], found["train"]["supervisions"]
    validate_recordings_and_supervisions(recordings, supervisions)
    assert len(list(recordings)) == count > 0
