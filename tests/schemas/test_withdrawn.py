"""withdrawn.jsonl: what counts of it, what it refuses, and that it names nobody."""

import json
from pathlib import Path

import pytest

from schemas.withdrawn import (
    State,
    WithdrawnError,
    clips_of,
    clips_of_split,
    decoded,
    digest_of,
    parse_withdrawn,
    read_withdrawn,
)

HEAD = {
    "withdrawal": "w1", "kind": "speaker", "reason": "asked", "date": "2026-01-31", "clips": 1, "seconds": 8.0,
    "recordings": 1, "keep_evidence": False,
}  # fmt: skip
CLIP = {"clip_id": "c1", "recording_id": "r1", "start_s": 10.0, "end_s": 20.0, "withdrawal": "w1", "split": "train"}
CLIP |= {"n_frames": 100}


def text(*lines: object) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_lines_by_hand_and_empty_ones_count(tmp_path: Path) -> None:
    path = tmp_path / "withdrawn.jsonl"
    assert not read_withdrawn(path)
    path.write_text('{"clip_id": "a"}\n\n{"clip_id": "b", "why": "asked", "date": 20260131, "kind": 7}')
    found = read_withdrawn(path)
    assert found.clips.keys() == clips_of(path.read_text(), "x") == {"a", "b"}
    assert found.clips["a"].detail == "named in withdrawn.jsonl"
    assert found.by_hand().clips.keys() == {"a", "b"}
    assert not found.ours()
    assert not found.gone()


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "[]",
        '"clip_id"',
        '{"clip": "b"}',
        '{"clip_id": 7}',
        '{"clip_id": null}',
        "{" * 100_000,
        '{"speaker_sha256": "x"}',
        '{"withdrawal": "w1"}',
        '{"withdrawal": "w1", "state": "gone"}',
        '{"withdrawal": "w1", "kind": "speaker"}',
        '{"withdrawal": "nobody", "state": "done"}',
        '{"clip_id": "a", "withdrawal": "nobody"}',
        '{"clip_id": "a", "withdrawal": "w1", "start_s": "x"}',
        '{"clip_id": "a", "withdrawal": "w1", "n_frames": true}',
    ],
)
def test_a_broken_line_is_named(line: str) -> None:
    with pytest.raises(WithdrawnError, match=r"^OUT/withdrawn\.jsonl:2: .*: correct or remove it$") as raised:
        parse_withdrawn(text(HEAD) + line, "OUT/withdrawn.jsonl")
    assert "\n" not in str(raised.value)


def test_what_is_not_utf_8_is_named() -> None:
    with pytest.raises(WithdrawnError, match="x:2: is not UTF-8"):
        decoded(b'{"clip_id": "a"}\n\xff', "x")


def test_a_clip_stands_for_its_stretch_however_it_is_cut() -> None:
    found = parse_withdrawn(text(HEAD, CLIP), "x")
    assert found.clip("c1", "other", 0.0, 1.0) is not None
    assert found.clip("new", "r1", 19.9, 30.0) is not None
    assert found.clip("new", "r1", 0.0, 10.0) is None
    assert found.clip("new", "r1", 20.0, 30.0) is None
    assert found.clip("new", "r2", 10.0, 20.0) is None
    assert clips_of_split(text(HEAD, CLIP), "x", "train") == {"c1": 100}
    assert clips_of_split(text(HEAD, CLIP), "x", "test") == {}


def test_people_and_sources_are_known_again_by_digests_with_salt() -> None:
    lines = [
        {"speaker_sha256": digest_of("anna", "s"), "salt": "s", "withdrawal": "w1"},
        {"source_sha256": digest_of("https://x", "s"), "salt": "s", "withdrawal": "w1"},
        {"licence": "MIT", "withdrawal": "w1"},
        {"recording_id": "r9", "withdrawal": "w1"},
    ]
    found = parse_withdrawn(text(HEAD, *lines), "x")
    assert found.of(("ben", "anna"))
    assert found.of((), "https://x")
    assert found.of((), None, "MIT")
    assert found.clip("any", "r9", 0.0, 1.0)
    assert found.clip("any", "r1", 0.0, 1.0, ("anna",))
    assert not found.of(("ben",), "https://y", "CC0-1.0")
    assert digest_of("anna", "s") != digest_of("anna", "t")


def test_states_follow_one_another_and_what_is_undone_counts_no_more() -> None:
    begun = {"withdrawal": "w1", "state": "removing", "date": "2026-02-01", "shards": ["a.tar"]}
    done = {"withdrawal": "w1", "state": "done", "date": "2026-02-02"}
    undone = {"withdrawal": "w1", "state": "undone", "date": "2026-02-02"}
    assert not parse_withdrawn(text(HEAD, CLIP), "x").gone()
    found = parse_withdrawn(text(HEAD, CLIP, begun), "x")
    assert found.gone().clips.keys() == {"c1"}
    found = parse_withdrawn(text(HEAD, CLIP, begun, done), "x")
    (one,) = found.withdrawals.values()
    assert (one.state, one.since, one.shards) == (State.DONE, "2026-02-02", ("a.tar",))
    found = parse_withdrawn(text(HEAD, CLIP, undone), "x")
    assert not found
    assert clips_of(text(HEAD, CLIP, undone), "x") == frozenset()
    assert clips_of(text(HEAD, CLIP, undone, {"clip_id": "c1"}), "x") == {"c1"}
