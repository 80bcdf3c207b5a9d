"""Every sample of a recording lies in exactly one span or rejection, and nobody is cut off."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.conversation import Span
from schemas.recording import LaidOut, Layout, LayoutKind
from schemas.rejection import Reason, Rejection
from stages.ingest import Ingest
from stages.plan import GRID, WINDOW_SAMPLES, Piece, SpanPlanner, choose_cut, possible_cuts
from stages.split import Split, Tape

RATE = 24_000
WINDOW_S = WINDOW_SAMPLES / RATE


def plan(silent: np.ndarray, n_samples: int, sizes: list[int], limits: tuple[float, ...] = (20.0, 4.0, 3.0)):
    planner = SpanPlanner(*limits)
    pieces: list[Piece] = []
    at, turn = 0, 0
    while at < silent.size:
        size = sizes[turn % len(sizes)]
        pieces += planner.push(silent[at : at + size])
        at, turn = at + size, turn + 1
        assert all(piece.end <= planner.keep_from for piece in pieces[-1:])
    return pieces + planner.flush(n_samples)


stretches = st.lists(st.tuples(st.booleans(), st.integers(1, 900)), min_size=1, max_size=25)


@given(stretches=stretches, missing=st.integers(0, 767), sizes=st.lists(st.integers(1, 300), min_size=1, max_size=5))
def test_the_plan_of_any_recording(stretches, missing, sizes) -> None:
    silent = np.concatenate([np.full(n, quiet) for quiet, n in stretches])
    n_samples = silent.size * WINDOW_SAMPLES - missing
    pieces = plan(silent, n_samples, sizes)
    assert pieces == plan(silent, n_samples, [silent.size])
    assert [piece.start for piece in pieces] == [0, *(piece.end for piece in pieces[:-1])]
    assert pieces[-1].end == n_samples
    for piece in pieces:
        assert piece.start < piece.end
        assert piece.start % (GRID * WINDOW_SAMPLES) == 0
        inside = silent[piece.start // WINDOW_SAMPLES : -(-piece.end // WINDOW_SAMPLES)]
        length_s = (piece.end - piece.start) / RATE
        if piece.start:
            before = piece.start // WINDOW_SAMPLES
            assert silent[before - 1] and silent[before]  # no boundary touches speech
        if piece.reason is None:
            assert 3.0 <= length_s <= 20.0
            assert longest_run(inside) * WINDOW_S < 4.0
        elif piece.reason is Reason.SILENCE:
            assert inside.all()
        elif piece.reason is Reason.TOO_SHORT:
            assert length_s < 3.0
        else:
            assert piece.reason is Reason.NO_PAUSE
            assert not possible_cuts(inside[: round((20.0 - 3.0) / WINDOW_S)])[3 * 32 :].size


def longest_run(flags: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return int((edges[1::2] - edges[::2]).max()) if edges.size else 0


def flags(*stretches: tuple[float, bool]) -> np.ndarray:
    return np.concatenate([np.full(round(seconds / WINDOW_S), quiet) for seconds, quiet in stretches])


def planned(silent: np.ndarray, limits: tuple[float, ...] = (600.0, 10.0, 5.0)):
    pieces = plan(silent, silent.size * WINDOW_SAMPLES, [31], limits)
    return [(p.reason, pytest.approx(p.start / RATE, abs=0.2), pytest.approx(p.end / RATE, abs=0.2)) for p in pieces]


def test_a_long_silence_is_left_out_but_for_half_a_second() -> None:
    silent = flags((1, True), (20, False), (100, True), (30, False), (9, True))
    assert planned(silent) == [(None, 0, 21.5), (Reason.SILENCE, 21.5, 120.5), (None, 120.5, 160)]


def test_three_seconds_of_speech_in_twenty_minutes() -> None:
    silent = flags((600, True), (3, False), (597, True))
    expected = [(Reason.SILENCE, 0, 599.5), (Reason.TOO_SHORT, 599.5, 603.5), (Reason.SILENCE, 603.5, 1200)]
    assert planned(silent) == expected


def test_silence_is_one_piece_however_long() -> None:
    assert planned(flags((40_000, True))) == [(Reason.SILENCE, 0, 40_000)]


def test_a_long_talk_is_cut_in_its_longest_late_pause() -> None:
    silent = flags((200, False), (3, True), (200, False), (1, True), (100, False), (2, True), (300, False))
    assert planned(silent) == [(None, 0, 505), (None, 505, 806)]


def test_talk_without_a_pause_is_lost_to_the_next_one() -> None:
    silent = flags((700, False), (1, True), (100, False))
    [lost, kept] = planned(silent)
    assert lost[0] is Reason.NO_PAUSE
    assert kept[0] is None
    assert lost == (Reason.NO_PAUSE, 0, 700.1)


def test_a_cut_needs_silence_on_both_sides_of_a_grid_point() -> None:
    silent = np.zeros(40, bool)
    silent[[9, 10, 15, 19]] = True
    assert possible_cuts(silent).tolist() == [10]
    assert choose_cut(silent, 0, 40) == 10
    assert choose_cut(silent, 11, 40) is None


@pytest.mark.parametrize("limits", [(8.0, 10.0, 5.0), (600.0, 1.0, 5.0)])
def test_limits_that_contradict_each_other(limits) -> None:
    with pytest.raises(ValueError, match="must exceed"):
        SpanPlanner(*limits)


def test_a_tape_gives_what_it_was_given() -> None:
    audio = np.arange(200, dtype=np.int16).reshape(2, 100)
    tape = Tape()
    for start in range(0, 100, 7):
        tape.add(audio[:, start : start + 7])
    tape.forget_before(40)
    assert tape.end == 100
    assert tape.cut(40, 93) == audio[:, 40:93].tobytes()


@pytest.fixture
def lay_out(make_source) -> Callable[..., LaidOut]:
    """A file as if its layout had been found."""

    def make(path: str, n_samples: int, **fields: object) -> LaidOut:
        recording = Ingest().load("cpu")(make_source(path, **fields))
        layout = Layout(
            kind=LayoutKind.SEPARATE, leakage_db=(-120.0, -120.0), leakage_delay_s=(0.0, 0.0), coherence=0.0
        )
        return LaidOut(recording=recording, layout=layout, n_samples=n_samples)

    return make


def samples(span: Span) -> np.ndarray:
    return np.frombuffer(span.pcm, np.int16).reshape(2, -1)


def test_a_conversation_is_split_between_words(kitchen, write_audio, lay_out, tmp_path) -> None:
    """Spans joined are the recording; no boundary lies in a word; speech is found where the words are."""
    audio, words = kitchen
    row = lay_out(write_audio(tmp_path / "a.flac", audio, RATE, "flac"), audio.shape[1])
    out = list(Split(max_span_s=15.0, min_clip_s=3.0).load("cpu")(row))
    assert all(isinstance(span, Span) for span in out)
    assert [span.start_sample for span in out] == [0, *(span.end_sample for span in out[:-1])]
    assert out[-1].end_sample == audio.shape[1]
    assert len(out) > 2
    joined = np.concatenate([samples(span) for span in out], axis=1)
    assert np.array_equal(joined, np.rint(audio * 32768).astype(np.int16))
    for boundary in (span.start_sample / RATE for span in out):
        assert not any(start < boundary < end for channel in words for start, end in channel)
    speech = np.concatenate([np.frombuffer(s.speech, np.float16).reshape(2, -1) for s in out], axis=1)
    assert speech.shape[1] == -(-audio.shape[1] // WINDOW_SAMPLES)
    for channel in (0, 1):
        middles = [int((start + end) / 2 / WINDOW_S) for start, end in words[channel] if end - start > 0.15]
        assert np.mean(speech[channel, middles] > 0.5) > 0.9


def test_cutting_does_not_change_the_probabilities(kitchen, write_audio, lay_out, tmp_path) -> None:
    audio, _ = kitchen
    row = lay_out(write_audio(tmp_path / "a.flac", audio, RATE, "flac"), audio.shape[1])
    whole = list(Split().load("cpu")(row))
    parts = list(Split(max_span_s=15.0, min_clip_s=3.0).load("cpu")(row))
    assert len(whole) == 1
    joined = np.concatenate([np.frombuffer(s.speech, np.float16).reshape(2, -1) for s in parts], axis=1)
    assert np.array_equal(joined, np.frombuffer(whole[0].speech, np.float16).reshape(2, -1))


def test_stretches_that_are_left_out_have_their_place(kitchen, write_audio, lay_out, tmp_path) -> None:
    audio, _ = kitchen
    gap = np.zeros((2, 12 * RATE), np.float32)
    long = np.concatenate([gap, audio[:, : 20 * RATE], gap], axis=1)
    row = lay_out(write_audio(tmp_path / "a.flac", long, RATE, "flac"), long.shape[1])
    first, span, last = Split().load("cpu")(row)
    assert isinstance(span, Span)
    for lost in (first, last):
        assert isinstance(lost, Rejection)
        assert (lost.reason, lost.stage, lost.recording_id) == (Reason.SILENCE, "split", row.recording.recording_id)
    assert (first.start_s, first.end_s) == (0.0, span.start_sample / RATE)
    assert (last.start_s, last.end_s) == (span.end_sample / RATE, long.shape[1] / RATE)
    assert 11.0 < first.end_s < 12.7


def test_a_file_that_fails_midway_loses_only_the_rest(kitchen, write_audio, lay_out, tmp_path) -> None:
    audio, _ = kitchen
    bad = np.concatenate([audio, audio], axis=1)
    bad[0, -1] = np.nan
    row = lay_out(write_audio(tmp_path / "a.wav", bad, RATE, "pcm_f32le"), bad.shape[1])
    *spans, lost = Split(max_span_s=20.0, min_clip_s=3.0).load("cpu")(row)
    assert spans
    assert all(isinstance(span, Span) for span in spans)
    assert lost.reason is Reason.NOT_FINITE
    assert (lost.start_s, lost.end_s) == (spans[-1].end_sample / RATE, bad.shape[1] / RATE)
