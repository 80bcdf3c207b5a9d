"""nu-dialogue's files, read by its published description."""

import json
from typing import Any

import numpy as np
import pyarrow.parquet as pq

N_FRAMES = 105


def test_tokens_of_both_speakers(world: Any) -> None:
    folder, result = world.export("nu-dialogue")
    seen = set()
    for path in sorted((folder / "tokens").iterdir()):
        table = pq.read_table(path)
        assert table.column_names == ["dialogue_id", "A", "B"]
        for row in table.to_pylist():
            for channel, name in enumerate("AB"):
                streams = np.array(row[name])
                assert streams.shape == (9, N_FRAMES)
                assert set(streams[0]) == {3}  # PAD: there is no tokenizer
                assert 0 <= streams[1:].min() <= streams[1:].max() < 2_048
                assert np.array_equal(streams[1:], world.codes(row["dialogue_id"])[channel])
            seen.add(row["dialogue_id"])
    assert seen == world.clips.keys()
    assert result.clips == len(seen)
    assert {p.name.partition("-")[0] for p in (folder / "tokens").iterdir()} == {"train", "validation", "test"}
    assert "PAD" in result.notes[0]
    assert "not of Mimi" in result.notes[1]


def test_words_of_both_speakers_by_start(world: Any) -> None:
    folder, _ = world.export("nu-dialogue", splits=("train",))
    for path in (folder / "text" / "train").iterdir():
        words = json.loads(path.read_text(encoding="utf-8"))
        assert all(list(word) == ["speaker", "word", "start", "end"] for word in words)
        assert [(w["speaker"], w["word"]) for w in words] == [
            *(("A", "naïve"), ("A", "hello"), ("A", "there")),
            *(("B", "yes"), ("B", "bye")),
        ]
        assert all(0 <= w["start"] < w["end"] for w in words)
        assert [w["start"] for w in words] == sorted(w["start"] for w in words)


def test_a_lost_text_is_written_again_without_the_tokens(world: Any) -> None:
    folder, _ = world.export("nu-dialogue")
    path = next((folder / "text" / "train").iterdir())
    before = path.read_bytes()
    path.unlink()
    parts = {p: p.stat().st_mtime_ns for p in (folder / "tokens").iterdir()}
    assert world.export("nu-dialogue")[1].written == 1
    assert path.read_bytes() == before
    assert {p: p.stat().st_mtime_ns for p in (folder / "tokens").iterdir()} == parts


def test_no_audio_is_needed(make_world: Any) -> None:
    _, result = make_world("ab", flac=False).export("nu-dialogue")
    assert result.written == 4
