"""The prompt in front of a window: PersonaPlex's layout (FACTS §1) frame by frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.prompt import Persona, Voice, build_prompt, role_tokens

PAD, NOTHING = 3, -1
SILENCE = np.arange(100, 108, dtype=np.int16)
TONE = np.arange(200, 208, dtype=np.int16)
VOICE = np.arange(8 * 20, dtype=np.int16).reshape(8, 20)


class Letters:
    """One id a letter, from 10 on; a full stop cannot be spelled."""

    def encode(self, text: str) -> list[int]:
        return [0 if letter == "." else 10 + ord(letter) - ord(" ") for letter in text]


def test_voice_silence_role_silence() -> None:
    role = [11, 12, 13, 14]
    prompt = build_prompt(VOICE, role, SILENCE, TONE, 50)
    assert prompt.rows.shape == (17, 50)
    assert (prompt.rows.dtype, prompt.voice, prompt.role) == (np.int64, True, True)
    frames = prompt.rows.T.tolist()
    pad, quiet = [PAD], [*SILENCE.tolist(), *TONE.tolist()]
    expected = [[NOTHING] * 17] * 14
    expected += [pad + VOICE[:, t].tolist() + TONE.tolist() for t in range(20)]
    expected += [pad + quiet] * 6
    expected += [[token, *quiet] for token in role]
    expected += [pad + quiet] * 6
    assert frames == expected


def test_parts_that_are_missing_are_left_out_with_their_silence() -> None:
    voice_only = build_prompt(VOICE, [], SILENCE, TONE, 30).rows
    assert (voice_only[:, :4] == NOTHING).all()
    assert np.array_equal(voice_only[1:9, 4:24], VOICE)
    role_only = build_prompt(None, [11, 12], SILENCE, TONE, 30).rows
    assert (role_only[:, :22] == NOTHING).all()
    assert role_only[0, 22:].tolist() == [11, 12, 3, 3, 3, 3, 3, 3]
    nothing = build_prompt(None, [], SILENCE, TONE, 30)
    assert (nothing.rows == NOTHING).all()
    assert not nothing.voice
    assert not nothing.role


def test_a_voice_is_cut_to_fit_and_a_role_is_whole_or_not_there() -> None:
    short = build_prompt(VOICE, [11, 12], SILENCE, TONE, 26)
    assert np.array_equal(short.rows[1:9, :12], VOICE[:, :12])
    assert short.voice
    assert short.role
    shorter = build_prompt(VOICE, [11, 12], SILENCE, TONE, 25)  # 11 frames would be left
    assert (shorter.voice, shorter.role) == (False, True)
    long = build_prompt(VOICE, list(range(10, 30)), SILENCE, TONE, 25)
    assert (long.voice, long.role) == (True, False)
    assert np.array_equal(long.rows[1:9, :19], VOICE[:, :19])


@given(st.integers(0, 60), st.integers(0, 40), st.integers(18, 90))
def test_every_prompt_has_its_length_and_ends_in_silence(voice: int, role: int, n_frames: int) -> None:
    codes = np.ones((8, voice), np.int16) if voice else None
    prompt = build_prompt(codes, [9] * role, SILENCE, TONE, n_frames)
    assert prompt.rows.shape == (17, n_frames)
    filled = (prompt.rows != NOTHING).all(axis=0)
    assert (filled == (prompt.rows != NOTHING).any(axis=0)).all()
    assert not filled[: n_frames - filled.sum()].any(), "what is there stands at the end"
    if prompt.voice or prompt.role:
        last = np.concatenate([[PAD], SILENCE, TONE])
        assert all(np.array_equal(frame, last) for frame in prompt.rows[:, -6:].T)
        assert (prompt.rows[9:, filled].T == TONE).all(), "the user's channel has the tone throughout"
    assert prompt.role == (0 < role <= n_frames - 6)
    assert (prompt.rows[0] == 9).sum() == (role if prompt.role else 0)


places = st.tuples(st.integers(0, 1), st.floats(0.0, 120.0), st.floats(1.0, 10.0))


@given(st.lists(places, max_size=6), st.integers(0, 1), st.floats(0.0, 100.0), st.floats(0.1, 30.0))
def test_the_voice_is_the_best_one_outside_of_the_window(
    found: list[tuple[int, float, float]], channel: int, first: float, length: float
) -> None:
    voices = tuple(Voice(c, f"clip{i}", s, s + n, VOICE) for i, (c, s, n) in enumerate(found))
    persona = Persona(start_s=10.0, voices=voices, roles=(None, None), silence=SILENCE, tone=TONE)
    start_s, end_s = 10.0 + first, 10.0 + first + length
    far = [v for v in voices if v.channel == channel and (v.end_s <= start_s - 1.0 or v.start_s >= end_s + 1.0)]
    chosen = persona.voice_outside(channel, first, first + length, frozenset())
    assert chosen == (far[0] if far else None)
    gone = frozenset({far[0].clip_id}) if far else frozenset()
    assert persona.voice_outside(channel, first, first + length, gone) == (far[1] if len(far) > 1 else None)


def test_a_role_is_between_system_signs() -> None:
    tokens, lost = role_tokens(" You sell. ", Letters())
    assert tokens == [i for i in Letters().encode("<system> You sell. <system>") if i != 0]
    assert lost == 1
    assert role_tokens("<system> x <system>", Letters())[0] == Letters().encode("<system> x <system>")
    assert role_tokens(None, Letters()) == ([], 0)
    assert role_tokens("  ", Letters()) == ([], 0)
    assert role_tokens("x", None) == ([], 0)


def facts(**changed: object) -> dict[str, object]:
    voice = {"channel": 1, "clip_id": "a", "start_s": 2.0, "end_s": 3.6, "first_frame": 0, "end_frame": 20}
    codes = {"silence": SILENCE.tolist(), "tone": TONE.tolist()}
    return {"start_s": 1.0, "voices": [voice], "roles": [None, "x"], "prompt_codes": codes, **changed}


def test_a_sample_holds_what_prompts_take() -> None:
    persona = Persona.of(facts(), VOICE)
    assert persona.roles == (None, "x")
    assert np.array_equal(persona.voices[0].codes, VOICE)
    assert persona.silence.tolist() == SILENCE.tolist()


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"prompt_codes": None}, VOICE),
        ({"roles": ["x"]}, VOICE),
        ({}, VOICE.astype(np.int32)),
        ({}, VOICE[:7]),
        ({}, VOICE + np.int16(2000)),
        ({}, VOICE[:, :0]),
    ],
)
def test_a_sample_that_holds_something_else_is_refused(changed: dict[str, object], codes: np.ndarray) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Persona.of(facts(**changed), codes)
