"""nu-dialogue's files, read by its published description."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from model.fit_text import train_pieces
from model.streams import words_of_row
from model.text import load_text_tokenizer
from pipeline.export.errors import ExportError

N_FRAMES = 105


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.model"
    path.write_bytes(train_pieces({"hello": 3, "there": 2, "yes": 2, "bye": 1}, 270))
    return path


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


def test_with_a_tokenizer_the_text_row_reads_as_the_words(world: Any, tokenizer: Path) -> None:
    folder, result = world.export("nu-dialogue", text=str(tokenizer))
    reader = load_text_tokenizer(str(tokenizer))
    for path in (folder / "tokens").iterdir():
        for row in pq.read_table(path).to_pylist():
            rows = [np.array(row[name])[0] for name in "AB"]
            assert [w.text for w in words_of_row(rows[0], reader)] == ["naïve", "hello", "there"]
            assert next(w.text for w in words_of_row(rows[1], reader)) == "yes"
    assert not any("PAD" in note for note in result.notes)


def test_what_has_no_frame_left_is_said(world: Any, tokenizer: Path) -> None:
    """Two frames are left for "bye", which begins 20 ms before the clip's end and has more tokens."""
    _, result = world.export("nu-dialogue", text=str(tokenizer))
    tokens = len(load_text_tokenizer(str(tokenizer)).encode("bye"))
    assert tokens > 2
    lost = 6 * (tokens - 2)
    assert result.notes[-1] == f"{lost} text tokens have no frame in what was written now: {lost} past end"


def test_another_tokenizer_or_rule_is_another_export(world: Any, tokenizer: Path) -> None:
    world.export("nu-dialogue", text=str(tokenizer))
    with pytest.raises(ExportError, match="text_rule 'shift', not 'drop'"):
        world.export("nu-dialogue", text=str(tokenizer), text_rule="drop")
    with pytest.raises(ExportError, match="holds an export with text "):
        world.export("nu-dialogue")
