"""The prompt that tells a model whose voice and which role it has, in front of the dialogue.

The layout is PersonaPlex's (NVIDIA/personaplex, `moshi/models/lm.py`, `step_system_prompts`): the voice sample's
codes on the own channel, 6 frames of silence, `<system> role <system>` with a token a frame on silence, 6 frames of
silence; the text is PAD elsewhere, and the user's channel holds a 440-Hz tone throughout. A part that is missing is
left out with its silence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.streams import CARD, CODEBOOKS, NO_TOKEN, STREAMS, TEXT_EPAD, TEXT_PAD, TextTokenizer

Codes = NDArray[np.int16]

SILENT_FRAMES: Final = 6  # behind the voice, and behind the role: half a second
SHORTEST_VOICE: Final = 12  # frames, about a second: less is not worth a voice
GUARD_S: Final = 1.0  # between a voice sample and the window that it stands before
SYSTEM: Final = "<system>"


class Voice(NamedTuple):
    """A sample of the voice on a channel, from `start_s` to `end_s` of the recording. codes: int16 [8, frames]."""

    channel: int
    clip_id: str
    start_s: float
    end_s: float
    codes: Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """What a clip's sample holds for prompts.

    `start_s`: where the clip begins in the recording. `voices`: best first. `roles`: of channel 0 and 1. `silence`,
    `tone`: int16 [8], the codes of one frame.
    """

    start_s: float
    voices: tuple[Voice, ...]
    roles: tuple[str | None, str | None]
    silence: Codes
    tone: Codes

    @classmethod
    def of(cls, facts: Mapping[str, Any], codes: Codes) -> "Persona":
        """From a sample's JSON and its `voices.npy`, int16 [8, frames].

        Raises KeyError, TypeError or ValueError for what is no such sample.
        """
        if codes.dtype != np.int16 or codes.ndim != 2 or len(codes) != CODEBOOKS:
            raise ValueError(f"voices are {codes.dtype} {list(codes.shape)}, not int16 [{CODEBOOKS}, frames]")
        silence, tone = (np.array(facts["prompt_codes"][name], np.int16) for name in ("silence", "tone"))
        voices = tuple(
            Voice(v["channel"], v["clip_id"], v["start_s"], v["end_s"], codes[:, v["first_frame"] : v["end_frame"]])
            for v in facts["voices"]
        )
        every = np.concatenate([silence[:, None], tone[:, None], codes], axis=1)
        if every.min() < 0 or every.max() >= CARD or any(v.codes.shape[1] == 0 for v in voices):
            raise ValueError("voice samples without frames, or with codes outside the codebooks")
        first, second = facts["roles"]
        return cls(start_s=facts["start_s"], voices=voices, roles=(first, second), silence=silence, tone=tone)

    def voice_outside(self, channel: int, first: float, end: float, withdrawn: frozenset[str]) -> Voice | None:
        """The best sample of a channel's voice that is no part of the window, by a second at least.

        first, end: the window's, seconds in the clip. withdrawn: clips whose voices may no longer be used.
        """
        start_s, end_s = self.start_s + first - GUARD_S, self.start_s + end + GUARD_S
        for voice in self.voices:
            outside = voice.end_s <= start_s or voice.start_s >= end_s
            if voice.channel == channel and outside and voice.clip_id not in withdrawn:
                return voice
        return None


def role_tokens(role: str | None, tokenizer: TextTokenizer | None) -> tuple[list[int], int]:
    """(the ids of `<system> role <system>`, how many could not be spelled and are left out); none without either."""
    text = (role or "").strip()
    if not text or tokenizer is None:
        return [], 0
    if not (text.startswith(SYSTEM) and text.endswith(SYSTEM)):
        text = f"{SYSTEM} {text} {SYSTEM}"
    ids = tokenizer.encode(text)
    kept = [i for i in ids if i not in (TEXT_PAD, TEXT_EPAD)]
    return kept, len(ids) - len(kept)


class Prompt(NamedTuple):
    """rows: int64 [17, n_frames]; voice, role: whether they are in it."""

    rows: NDArray[np.int64]
    voice: bool
    role: bool


def build_prompt(voice: Codes | None, role: Sequence[int], silence: Codes, tone: Codes, n_frames: int) -> Prompt:
    """A prompt of exactly `n_frames`, as text, own and user codes; it stands at the end, behind NO_TOKEN.

    A role goes in whole or not at all; the voice is cut to the room that this leaves, and left out if that is under
    a second. voice: int16 [8, frames]; silence, tone: int16 [8].
    """
    has_role = 0 < len(role) <= n_frames - SILENT_FRAMES
    room = n_frames - SILENT_FRAMES - (len(role) + SILENT_FRAMES if has_role else 0)
    has_voice = voice is not None and room >= SHORTEST_VOICE
    parts: list[tuple[Sequence[int], Codes]] = []  # text and own codes
    pause = (TEXT_PAD,) * SILENT_FRAMES, np.repeat(silence[:, None], SILENT_FRAMES, axis=1)
    if voice is not None and has_voice:
        heard = voice[:, :room]
        parts += [((TEXT_PAD,) * heard.shape[1], heard), pause]
    if has_role:
        parts += [(role, np.repeat(silence[:, None], len(role), axis=1)), pause]
    rows = np.full((STREAMS, n_frames), NO_TOKEN, dtype=np.int64)
    length = sum(len(text) for text, _ in parts)
    if length:
        rows[0, -length:] = np.concatenate([text for text, _ in parts])
        rows[1 : 1 + CODEBOOKS, -length:] = np.concatenate([own for _, own in parts], axis=1)
        rows[1 + CODEBOOKS :, -length:] = tone[:, None]
    return Prompt(rows, has_voice, has_role)
