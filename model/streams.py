"""Moshi's stream layout: 17 token streams per 80-ms frame, and their delays.

Row 0 is the text of the model's own speaker, rows 1-8 its own codes, rows 9-16 the user's codes. Everything on disk
and in the loader is undelayed; `delay` is applied inside the network (kyutai-labs/moshi, `models/lm.py`).
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from model.sample_files import Word
from schemas.recording import CARDINALITY

FRAME_RATE_HZ = 12.5
CODEBOOKS = 8
CARD = CARDINALITY
STREAMS = 1 + 2 * CODEBOOKS
DELAYS = (0, *(0, 1, 1, 1, 1, 1, 1, 1), *(0, 1, 1, 1, 1, 1, 1, 1))

TEXT_PAD = 3
TEXT_EPAD = 0
NO_TOKEN = -1  # embedded as zero, never in the loss

TextRule = Literal["shift", "drop"]  # what happens to words that come too fast for a token a frame


class TextTokenizer(Protocol):
    """What the text row needs of a tokenizer: ids in [0, text_card), with PAD and EPAD reserved."""

    def encode(self, text: str) -> list[int]:
        """Ids of one word."""
        ...


class TextReader(Protocol):
    """What it takes to read a text row."""

    def decode(self, tokens: list[int]) -> str:
        """Text of one word's ids."""
        ...

    def starts_word(self, token: int) -> bool:
        """Whether a word begins with this id."""
        ...


class LostTokens(NamedTuple):
    """Text tokens that have no frame.

    past_end: no frame was left in the clip. overtaken: dropped for the next word. unspelled: of words that the
    tokenizer cannot spell (no id, or the id of EPAD or PAD), which are left out whole; one without any id counts 1.
    """

    past_end: int = 0
    overtaken: int = 0
    unspelled: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


class PlacedText(NamedTuple):
    """row: int64 [n_frames]; lost: what is not in it."""

    row: NDArray[np.int64]
    lost: LostTokens


class FrameWord(NamedTuple):
    """A word read from a row: it stands on frames [first, end), which are also given in seconds."""

    text: str
    first: int
    end: int

    @property
    def start_s(self) -> float:
        """Start of its first frame."""
        return self.first / FRAME_RATE_HZ

    @property
    def end_s(self) -> float:
        """End of its last frame."""
        return self.end / FRAME_RATE_HZ


def text_row(
    words: Sequence[Word], n_frames: int, tokenizer: TextTokenizer | None, rule: TextRule = "shift"
) -> PlacedText:
    """Place the words of one speaker on the frame grid.

    A word's tokens start on the frame of its onset, one token a frame. Where the word before still has tokens there,
    "shift" moves the new word behind them (nu-dialogue/moshi-finetune: none is lost but past the end) and "drop"
    drops what is left of the word before (kyutai-labs/moshi-finetune). EPAD stands on the frame before a word where
    that frame is free, PAD everywhere else. Without a tokenizer the row is PAD throughout.

    words: in order of their start.
    """
    row = np.full(n_frames, TEXT_PAD, dtype=np.int64)
    if tokenizer is None:
        return PlacedText(row, LostTokens())
    free, past_end, overtaken, unspelled = 0, 0, 0, 0
    for word, start_s, _, _ in words:
        tokens = tokenizer.encode(word)
        if not tokens or TEXT_PAD in tokens or TEXT_EPAD in tokens:
            unspelled += max(len(tokens), 1)
            continue
        first = max(math.floor(start_s * FRAME_RATE_HZ), 0)
        if rule == "shift":
            first = max(first, free)
        elif first < free:
            overtaken += int(np.sum((row[first:free] != TEXT_PAD) & (row[first:free] != TEXT_EPAD)))
            row[first:free] = TEXT_PAD
        placed = tokens[: max(n_frames - first, 0)]
        past_end += len(tokens) - len(placed)
        if placed:
            if first > 0 and row[first - 1] == TEXT_PAD:
                row[first - 1] = TEXT_EPAD
            free = first + len(placed)
            row[first:free] = placed
    return PlacedText(row, LostTokens(past_end, overtaken, unspelled))


def words_of_row(row: NDArray[np.int64], tokenizer: TextReader) -> list[FrameWord]:
    """Words of a text row, the inverse of `text_row` but for what is lost.

    A word ends before PAD, EPAD, NO_TOKEN or the beginning of another one. What a tokenizer normalises away stays
    away; a word with a space in it comes back as several. row: int64 [T].
    """
    words: list[FrameWord] = []
    first, tokens = 0, list[int]()

    def close() -> None:
        if tokens:
            words.append(FrameWord(tokenizer.decode(tokens), first, first + len(tokens)))

    for frame, token in enumerate(row.tolist()):
        nothing = token in (TEXT_PAD, TEXT_EPAD, NO_TOKEN)
        if nothing or tokenizer.starts_word(token):
            close()
            first, tokens = frame, []
        if not nothing:
            first = first if tokens else frame
            tokens.append(token)
    close()
    return words


def item(codes: NDArray[np.int16], text: NDArray[np.int64], own: int) -> NDArray[np.int64]:
    """Stack one training item: text of the own speaker, own codes, user codes.

    codes: [2, 8, T]; text: [2, T]; own: the channel that plays the model (0 or 1). Returns int64 [17, T], undelayed.
    """
    return np.concatenate([text[own : own + 1], codes[own], codes[1 - own]], dtype=np.int64)


def initial_tokens(card: int, text_card: int) -> torch.Tensor:
    """Ids fed before the first frame: text_card for the text, card for every codebook. int64 [17]."""
    return torch.tensor([text_card] + [card] * (STREAMS - 1))


def delay(codes: torch.Tensor, delays: Sequence[int], initial: torch.Tensor) -> torch.Tensor:
    """Shift stream k later by delays[k] frames, filling its head with initial[k].

    codes: int64 [B, K, T], undelayed. Returns int64 [B, K, T + max(delays)]; the frames after a stream's end are
    NO_TOKEN, so that nothing is lost and `undelay` gives the input back exactly.
    """
    batch, streams, n_frames = codes.shape
    delayed = codes.new_full((batch, streams, n_frames + max(delays)), NO_TOKEN)
    for k, shift in enumerate(delays):
        delayed[:, k, :shift] = initial[k]
        delayed[:, k, shift : shift + n_frames] = codes[:, k]
    return delayed


def undelay(delayed: torch.Tensor, delays: Sequence[int]) -> torch.Tensor:
    """Inverse of `delay`. [B, K, T + max(delays), ...] to [B, K, T, ...]; trailing dimensions pass through."""
    n_frames = delayed.shape[2] - max(delays)
    return torch.stack([delayed[:, k, shift : shift + n_frames] for k, shift in enumerate(delays)], dim=1)
