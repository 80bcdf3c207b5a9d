"""Mixtures cut into stretches of two voices: every sample once, and for what is left out the reason."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import stages.voices
from model.diarization.find import Found, Stretch
from model.enhancer.net import Enhancer
from model.vad import load_vad
from schemas.conversation import Mixed
from schemas.recording import Background, Mixture
from schemas.rejection import Reason, Rejection
from stages.hear import mono_blocks
from stages.ingest import Ingest
from stages.layout import FindLayout
from stages.voices import Ears, FindVoices, find_voices, nobody_speaks, segments_of

RATE = 24_000
FRAME = 480
CLEAN = Background(speech_to_background_db=40.0, speech_db=-25.0, enhanced=False)


@pytest.fixture(scope="module")
def ears() -> Ears:
    return Ears(Enhancer().eval(), load_vad(), None)  # type: ignore[arg-type]  # `find` is replaced in these tests


@pytest.fixture
def mixture(kitchen, write_audio, make_source, tmp_path) -> Callable[..., Mixture]:
    """mixture(audio [channels, n]): its row, with a clean background."""

    def make(audio: np.ndarray, rate_hz: int = RATE) -> Mixture:
        path = write_audio(tmp_path / f"{audio.shape[1]}.wav", audio, rate_hz, "pcm_s16le")
        row = FindLayout().load("cpu")(Ingest().load("cpu")(make_source(path)))
        assert isinstance(row, Mixture)
        return replace(row, background=CLEAN)

    return make


@pytest.fixture
def give(monkeypatch) -> Callable[..., None]:
    """give(found): what the search for voices will find."""

    def set_found(found: Found) -> None:
        monkeypatch.setattr(stages.voices, "find", lambda audio, speech, networks: found)

    return set_found


def activity_in(words: list[list[tuple[float, float]]], start: int, end: int) -> np.ndarray:
    """bool [2, end - start], frames of 20 ms: where the words are."""
    activity = np.zeros((2, 10_000), np.bool_)
    for channel, spoken in enumerate(words):
        for a, b in spoken:
            activity[channel, int(a * 50) : int(np.ceil(b * 50))] = True
    return activity[:, start:end]


def stretch(words, start: int, end: int, voices: tuple[int, int] = (0, 1)) -> Stretch:
    activity = activity_in(words, start, end)
    odds = np.where(activity, 4.0, -4.0).T.astype(np.float32)
    return Stretch(start, end, voices, activity, odds, b"known")


def places(rows: list[Mixed | Rejection]) -> list[tuple[int, int]]:
    return [
        (round(r.start_s * RATE), round(r.end_s * RATE))
        if isinstance(r, Rejection)
        else (r.start_sample, r.end_sample)
        for r in rows
    ]


def require_whole(rows: list[Mixed | Rejection], n_samples: int) -> None:
    """Every sample once, in order."""
    ends = places(rows)
    assert ends[0][0] == 0
    assert ends[-1][1] == n_samples
    assert all(before[1] == after[0] for before, after in pairwise(ends))


def test_a_mixture_is_cut_between_words_and_nothing_is_lost(kitchen, ears, mixture, give) -> None:
    audio, words = kitchen
    row = mixture(audio.sum(axis=0, keepdims=True) / 2)
    give(Found(2, 0.1, (stretch(words, 0, row.n_samples // FRAME, (1, 0)),)))
    rows = list(find_voices(FindVoices(max_span_s=20.0, min_clip_s=3.0, min_speech_s=0.0), ears, row))
    require_whole(rows, row.n_samples)
    assert len(rows) > 2
    assert all(isinstance(r, Mixed) and r.voices == (1, 0) for r in rows)
    heard_before = np.concatenate(list(mono_blocks(row)))
    joined = np.concatenate([np.frombuffer(r.pcm, np.int16) for r in rows])
    assert np.array_equal(joined, np.rint(heard_before * 32768).astype(np.int16))
    for start, _ in places(rows):
        assert start % 3_840 == 0
        assert not any(a < start / RATE < b for channel in words for a, b in channel)
    for r in rows:
        first, length = r.start_sample // FRAME, r.end_sample - r.start_sample
        frames = -(-length // FRAME)
        assert np.frombuffer(r.odds, np.float16).shape == (2 * frames,)
        expected = activity_in(words, first, first + frames)
        assert r.segments == segments_of(expected[:, : row.n_samples // FRAME - first], length)


def test_what_a_third_voice_leaves_is_a_stretch_with_its_own_two(kitchen, ears, mixture, give) -> None:
    audio, words = kitchen
    row = mixture(audio.sum(axis=0, keepdims=True) / 2)
    frames = row.n_samples // FRAME
    stretches = (stretch(words, 400, 800, (0, 2)), stretch(words, 1_000, frames, (0, 1)))
    give(Found(3, 0.2, stretches))
    rows = list(find_voices(FindVoices(min_clip_s=3.0), ears, row))
    require_whole(rows, row.n_samples)
    assert [r.reason if isinstance(r, Rejection) else r.voices for r in rows] == [
        Reason.THIRD_VOICE,
        (0, 2),
        Reason.THIRD_VOICE,
        (0, 1),
    ]
    assert places(rows)[:3] == [(0, 400 * FRAME), (400 * FRAME, 800 * FRAME), (800 * FRAME, 1_000 * FRAME)]
    assert "a third of 3 voices" in rows[0].detail


@pytest.mark.parametrize(
    ("found", "reason", "says"),
    [
        (Found(1, -0.37, ()), Reason.ONE_SPEAKER, "cannot be told apart: the proof of two is -0.37, 0 is needed"),
        (Found(2, 0.3, ()), Reason.ONE_SPEAKER, "has less than a second alone"),
        (Found(5, 0.3, ()), Reason.THIRD_VOICE, "5 voices talk"),
        (Found(0, 1.0, ()), Reason.NO_SPEECH, "that may be speech"),
    ],
)
def test_a_recording_without_two_voices_has_one_reason(kitchen, ears, mixture, give, found, reason, says) -> None:
    row = mixture(kitchen[0][:, : 20 * RATE].sum(axis=0, keepdims=True) / 2)
    give(found)
    [lost] = find_voices(FindVoices(), ears, row)
    assert (lost.stage, lost.reason, lost.start_s, lost.end_s) == ("voices", reason, 0.0, 20.0)
    assert says in lost.detail
    assert "\n" not in lost.detail


def test_noise_and_music_hold_no_speech(ears, mixture, monkeypatch) -> None:
    def never(*_: object) -> Found:
        raise AssertionError("voices are sought where there is no speech")

    monkeypatch.setattr(stages.voices, "find", never)
    time_s = np.arange(20 * RATE) / RATE
    random = np.random.default_rng(0)
    notes = 220 * 2 ** (np.repeat(random.integers(0, 12, 40), RATE // 2) / 12)
    music = (
        0.1
        * (1 - time_s % 0.5)
        * (time_s % 4 > 1)
        * sum(np.sin(2 * np.pi * k * notes * time_s) / k for k in (1, 2, 3))
    )
    noise = 0.1 * random.standard_normal(time_s.size) * (1 + np.sin(2 * np.pi * 0.3 * time_s))
    for sound in (music, noise):
        [lost] = find_voices(FindVoices(), ears, mixture(sound[None].astype(np.float32)))
        assert lost.reason is Reason.NO_SPEECH
        assert "of 20.0 s" in lost.detail


def test_speech_softer_than_its_background_is_none(kitchen, ears, mixture) -> None:
    row = mixture(kitchen[0][:, : 20 * RATE].sum(axis=0, keepdims=True) / 2)
    music = Background(speech_to_background_db=-4.25, speech_db=-25.0, enhanced=True)
    [lost] = find_voices(FindVoices(), ears, replace(row, background=music))
    assert (lost.reason, lost.start_s, lost.end_s) == (Reason.NO_SPEECH, 0.0, 20.0)
    assert "4.2 dB softer" in lost.detail


def test_a_span_in_which_one_hardly_speaks_is_no_conversation(kitchen, ears, mixture, give) -> None:
    audio, words = kitchen
    row = mixture(audio[:, : 20 * RATE].sum(axis=0, keepdims=True) / 2)
    given = stretch(words, 0, 1_000)
    given.activity[1] = False
    given.activity[1, 100:140] = True
    give(Found(2, 0.1, (given,)))
    [lost] = find_voices(FindVoices(), ears, row)
    assert lost.reason is Reason.ONE_SPEAKER
    assert "and channel 1 for 0.8 s" in lost.detail


def test_silences_are_left_out_with_their_place(kitchen, ears, mixture, give) -> None:
    audio, words = kitchen
    quiet = np.zeros((1, 14 * RATE), np.float32)
    row = mixture(np.concatenate([audio[:, : 20 * RATE].sum(axis=0, keepdims=True) / 2, quiet], axis=1))
    given = stretch(words, 0, 34 * 50)
    given.activity[:, 1_000:] = False
    give(Found(2, 0.1, (given,)))
    kept, lost = find_voices(FindVoices(), ears, row)
    require_whole([kept, lost], 34 * RATE)
    assert lost.reason is Reason.SILENCE


def test_nobody_speaks_where_no_activity_is_within_a_tenth_of_a_second() -> None:
    random = np.random.default_rng(0)
    for n_samples in (768 * 40, 768 * 40 - 1, 768 * 39 + 1, 480 * 61):
        frames = -(-n_samples // 480)
        activity = random.random((2, frames)) < 0.02
        active = np.repeat(activity.any(axis=0), 480)[:n_samples]
        expected = [
            not active[max(0, (w - 3) * 768) : (w + 4) * 768].any()  # the window and three on either side
            for w in range(-(-n_samples // 768))
        ]
        silent = nobody_speaks(activity, n_samples)
        inside = np.array(expected)
        assert silent.shape == inside.shape
        assert not (silent & ~inside).any()
        # a frame that only touches a window counts for it, so that it may be speech where no sample of it is active
        assert (silent == inside).mean() > 0.95
