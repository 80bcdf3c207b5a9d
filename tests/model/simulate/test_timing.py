import importlib.util
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.simulate.timing import Event, TimingModel, window
from model.simulate.timing_fit import (
    TimingError,
    fit_timing,
    held_out_conversations,
    read_turns,
    replay,
    turn_statistics,
)

DEMO = Path(__file__).resolve().parents[3] / "demo" / "turn_statistics.py"
SHARED = Path(__file__).resolve().parents[3].parent / "shared/data/turns/primock57.tsv"


@pytest.fixture(scope="module")
def drawn() -> list[list[Event]]:
    timing = TimingModel.builtin()
    return [timing.draw(np.random.default_rng(seed), 600.0, inside=False) for seed in range(60)]


def test_statistics_are_those_of_people(drawn: list[list[Event]]) -> None:
    # 57 consultations: overlap 5.7 % of time, silence 8.3 %, offsets 0.19 s (5 % -1.05, 95 % 1.38), 37 % overlapped
    found = turn_statistics(drawn)
    assert found["overlap_of_time"] == pytest.approx(0.057, abs=0.012)
    assert found["silence_of_time"] == pytest.approx(0.083, abs=0.02)
    assert found["fto_median_s"] == pytest.approx(0.19, abs=0.04)
    assert found["fto_p5_s"] == pytest.approx(-1.05, abs=0.15)
    assert found["fto_p95_s"] == pytest.approx(1.38, abs=0.15)
    assert found["overlapped_changes"] == pytest.approx(0.37, abs=0.03)
    assert 8.0 < found["changes_per_min"] < 10.5
    assert 1.4 < found["backchannels_per_min"] < 2.6


def test_offsets_agree_with_an_independent_count(drawn: list[list[Event]]) -> None:
    spec = importlib.util.spec_from_file_location("turn_statistics", DEMO)
    assert spec and spec.loader
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    offsets = [
        o for events in drawn for o in demo.floor_transfers_s([(e.speaker, e.start_s, e.end_s) for e in events])
    ]
    assert np.median(offsets) == pytest.approx(turn_statistics(drawn)["fto_median_s"], abs=0.01)
    assert np.mean(np.array(offsets) < 0) == pytest.approx(turn_statistics(drawn)["overlapped_changes"], abs=0.01)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.booleans())
def test_no_speaker_talks_over_themselves(seed: int, n_speakers: int, inside: bool) -> None:
    events = TimingModel.builtin().draw(np.random.default_rng(seed), 40.0, n_speakers, inside=inside)
    for speaker in range(n_speakers):
        own = sorted((e for e in events if e.speaker == speaker), key=lambda e: e.start_s)
        assert all(a.end_s < b.start_s for a, b in pairwise(own))
    assert all(0.0 <= e.start_s < e.end_s <= 40.0 + 1e-9 and 0 <= e.speaker < n_speakers for e in events)


def test_backchannels_and_laughs_lie_inside_anothers_turn(drawn: list[list[Event]]) -> None:
    short = 0
    for events in drawn:
        for event in events:
            if event.kind != "turn" and event.end_s < 599.0:
                short += 1
                assert event.length_s < 2.0
                assert any(
                    o.speaker != event.speaker and o.start_s <= event.start_s and event.end_s <= o.end_s
                    for o in events
                )
    assert short > 500
    assert {e.kind for events in drawn for e in events} == {"turn", "backchannel", "laugh"}


def test_a_fit_gives_back_what_it_was_made_from(drawn: list[list[Event]]) -> None:
    tables = fit_timing({str(i): events for i, events in enumerate(drawn)})
    again = [TimingModel(tables).draw(np.random.default_rng(s), 600.0, inside=False) for s in range(60)]
    expected, found = turn_statistics(drawn), turn_statistics(again)
    assert found["fto_median_s"] == pytest.approx(expected["fto_median_s"], abs=0.04)
    assert found["overlap_of_time"] == pytest.approx(expected["overlap_of_time"], abs=0.012)
    assert found["changes_per_min"] == pytest.approx(expected["changes_per_min"], rel=0.1)


def test_window_cuts_and_moves() -> None:
    events = [Event(0, 0.0, 5.0), Event(1, 4.5, 4.75, "backchannel"), Event(1, 6.0, 9.0), Event(0, 7.95, 12.0)]
    assert window(events, 4.0, 8.0) == [Event(0, 0.0, 1.0), Event(1, 0.5, 0.75, "backchannel"), Event(1, 2.0, 4.0)]


def table(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(["conversation\tspeaker\tstart_s\tend_s", *lines]) + "\n")
    return path


def test_turns_are_read_joined_and_replayed(tmp_path: Path) -> None:
    lines = ["a\tx\t0\t4", "a\tx\t3\t6", "a\ty\t5\t9", "a\tx\t7\t7.5", "a\tx\t9.5\t12"]
    path = table(tmp_path / "turns.tsv", lines)
    assert read_turns(path) == {
        "a": [Event(0, 0, 6), Event(1, 5, 9), Event(0, 7, 7.5, "backchannel"), Event(0, 9.5, 12)],
    }
    events = replay(path).draw(np.random.default_rng(0), 30.0, inside=False)
    shifted = [(round(e.start_s - 0.5, 6), round(e.end_s - 0.5, 6)) for e in events]
    assert shifted == [(0, 6), (5, 9), (7, 7.5), (9.5, 12)]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "no turns in it"),
        (["a\tx\tzero\t1"], "line 2: expected"),
        (["a\tx"], "line 2: expected"),
        (["a\tx\t0\t1", "", "a\tx\tnan\t1"], "line 4: nan to 1 is no stretch of time"),
        (["a\tx\t0\tinf"], "line 2: 0 to inf is no stretch"),
        (["a\tx\t0\t1e300"], "line 2: 0 to 1e300 is no stretch"),
        (["a\tx\t5\t1"], "line 2: 5 to 1 is no stretch of time: give its start and its later end"),
        (["a\tx\t2\t2"], "line 2: 2 to 2 is no stretch"),
        (["a\tx\t-5\t1"], "line 2: -5 to 1 is no stretch"),
        (["a\t \t0\t1"], "line 2: the conversation or the speaker has no name"),
        (["a\tx\t0\t1\0"], "line 2: "),
    ],
)
def test_bad_tables_of_turns(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(TimingError, match=words):
        read_turns(table(tmp_path / "turns.tsv", lines))
    with pytest.raises(TimingError, match="no such table"):
        read_turns(tmp_path / "nowhere.tsv")
    one = table(tmp_path / "one.tsv", ["a\tx\t0\t1"])
    with pytest.raises(TimingError, match="no conversation of two"):
        replay(one)


def test_a_table_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    text = "conversation\tspeaker\tstart_s\tend_s\twords\r\na\tx\t0\t4\t\r\n\r\na\ty\t5\t9\t3\textra\r\n"
    (tmp_path / "turns.tsv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_turns(tmp_path / "turns.tsv") == {"a": [Event(0, 0, 4), Event(1, 5, 9)]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("caf\xe9\tx\t0\t1\n".encode("latin-1"), "no UTF-8 text .* save it so"),
        (bytes(range(128, 256)) * 40, "no UTF-8 text"),
        (b"\0" * 99, "no tab-separated text|no turns|expected tab-separated"),
    ],
)
def test_a_file_that_is_no_table_is_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "turns.tsv").write_bytes(b"conversation\tspeaker\tstart_s\tend_s\n" + content)
    with pytest.raises(TimingError, match=words) as raised:
        read_turns(tmp_path / "turns.tsv")
    assert "\n" not in str(raised.value)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_file(), reason="no ../shared/data/turns beside the repository")
def test_the_shipped_tables_leave_out_eight_conversations() -> None:
    turns = read_turns(SHARED)
    held = held_out_conversations(turns)
    assert len(held) == 8
    assert TimingModel.builtin().tables == fit_timing({n: e for n, e in turns.items() if n not in held})
    assert len(replay(SHARED).recorded) == 8
