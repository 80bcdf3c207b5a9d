"""What a clip gives for training: items, windows of them, and the prompt in front of each."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.prompt import Persona, build_prompt, role_tokens
from model.shards import ClipIndex, Dataset
from model.streams import FRAME_RATE_HZ, NO_TOKEN, TextRule, TextTokenizer, item, text_row


def _hash(*parts: int | str) -> int:
    """64 bits that depend on the parts alone, on every machine."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


class ClipItems(NamedTuple):
    """A whole clip as [17, T], with channel 0 and with channel 1 as the model.

    text_tokens_lost: of its words and of its roles. persona, roles: for the prompts, the ids of each role; None and
    empty where there are no prompts.
    """

    items: list[NDArray[np.int64]]
    text_tokens_lost: int
    persona: Persona | None = None
    roles: tuple[list[int], list[int]] = ([], [])


class PromptedWindow(NamedTuple):
    """codes: int64 [17, P + W]. What its prompt lacks: a voice, a role, a role that was there but too long."""

    codes: NDArray[np.int64]
    no_voice: bool = False
    no_role: bool = False
    role_too_long: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """What the windows are cut from and how: the same for every reader of a run.

    `prompt_frames`: P, the length of the prompt in front of each window, see `build_prompt`; 0 for none.
    """

    dataset: Dataset
    index: ClipIndex
    window_frames: int
    seed: int
    tokenizer: TextTokenizer | None = None
    rule: TextRule = "shift"
    prompt_frames: int = 0

    def count(self, clip: int) -> int:
        """Windows that the clip gives in every epoch and orientation."""
        return -(-int(self.index.n_frames[clip]) // self.window_frames)

    def draw(self, clip: int, epoch: int) -> tuple[int, int]:
        """Offset of the window grid in frames and the channel that is the model, for this clip and epoch."""
        slack = self.count(clip) * self.window_frames - int(self.index.n_frames[clip])
        offset = _hash(self.seed, epoch, self.index.clip_id(clip)) % (slack + 1)
        return offset, (_hash(self.seed, self.index.clip_id(clip)) + epoch) % 2

    def items(self, clip: int) -> ClipItems:
        """Read the clip and what its prompts take."""
        with_persona = self.prompt_frames > 0
        tokens = self.dataset.read(self.index, clip, with_words=self.tokenizer is not None, with_persona=with_persona)
        n_frames = int(self.index.n_frames[clip])
        rows = [text_row(words, n_frames, self.tokenizer, self.rule) for words in tokens.words]
        text = np.stack([placed.row for placed in rows])
        lost = sum(placed.lost.total for placed in rows)
        both = [item(tokens.codes, text, own) for own in (0, 1)]
        if tokens.persona is None:
            return ClipItems(both, lost)
        (first, unspelled_a), (second, unspelled_b) = (role_tokens(r, self.tokenizer) for r in tokens.persona.roles)
        return ClipItems(both, lost + unspelled_a + unspelled_b, tokens.persona, (first, second))

    def cut(self, whole: NDArray[np.int64], number: int, offset: int) -> NDArray[np.int64]:
        """Window `number` of a grid that starts `offset` frames before the clip. [17, T] to [17, W]."""
        start = number * self.window_frames - offset
        piece = whole[:, max(start, 0) : start + self.window_frames]
        window = np.full((len(whole), self.window_frames), NO_TOKEN, dtype=np.int64)
        window[:, : piece.shape[1]] = piece
        return window

    def prompted(
        self, clip: ClipItems, own: int, number: int, offset: int, withdrawn: frozenset[str]
    ) -> PromptedWindow:
        """The same window of the clip with channel `own` as the model, behind its prompt if there are any.

        The voice is the best sample of the own channel that lies outside of the window. withdrawn: clips whose voices
        may no longer be used.
        """
        whole = clip.items[own]
        window = self.cut(whole, number, offset)
        if clip.persona is None:
            return PromptedWindow(window)
        start = number * self.window_frames - offset
        first, end = max(start, 0), min(start + self.window_frames, whole.shape[1])
        persona, role = clip.persona, clip.roles[own]
        voice = persona.voice_outside(own, first / FRAME_RATE_HZ, end / FRAME_RATE_HZ, withdrawn)
        prompt = build_prompt(voice.codes if voice else None, role, persona.silence, persona.tone, self.prompt_frames)
        return PromptedWindow(
            np.concatenate([prompt.rows, window], axis=1),
            no_voice=not prompt.voice,
            no_role=not prompt.role,
            role_too_long=bool(role) and not prompt.role,
        )
