"""Moshi's stream layout: 17 token streams per 80-ms frame, and their delays.

Row 0 is the text of the model's own speaker, rows 1-8 its own codes, rows 9-16 the user's codes. Everything on disk
and in the loader is undelayed; `delay` is applied inside the network (kyutai-labs/moshi, `models/lm.py`).
"""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

FRAME_RATE_HZ = 12.5
CODEBOOKS = 8
CARD = 2048
STREAMS = 1 + 2 * CODEBOOKS
DELAYS = (0, *(0, 1, 1, 1, 1, 1, 1, 1), *(0, 1, 1, 1, 1, 1, 1, 1))

TEXT_PAD = 3
TEXT_EPAD = 0
NO_TOKEN = -1  # embedded as zero, never in the loss

Word = tuple[str, float, float, float]  # word, start_s, end_s, confidence


class TextTokenizer(Protocol):
    """What the text row needs of a tokenizer: ids in [0, text_card), with PAD and EPAD reserved."""

    def encode(self, text: str) -> list[int]:
        """Ids of one word."""
        ...


def text_row(words: Sequence[Word], n_frames: int, tokenizer: TextTokenizer | None) -> tuple[NDArray[np.int64], int]:
    """Place the words of one speaker on the frame grid.

    A word's tokens start on the frame of its onset, one token a frame; a word that finds its frame taken is shifted
    forward, so that no token is dropped except past the end. EPAD stands on the frame before a word where that frame
    is free, PAD everywhere else. Without a tokenizer the row is PAD throughout.

    words: in order of their start. Returns the row, int64 [n_frames], and the number of tokens lost past the end.
    """
    row = np.full(n_frames, TEXT_PAD, dtype=np.int64)
    if tokenizer is None:
        return row, 0
    free_frame, lost = 0, 0
    for word, start_s, _, _ in words:
        tokens = tokenizer.encode(word)
        first = max(math.floor(start_s * FRAME_RATE_HZ), free_frame)
        if 0 < first <= n_frames and first > free_frame:
            row[first - 1] = TEXT_EPAD
        placed = tokens[: max(n_frames - first, 0)]
        row[first : first + len(placed)] = placed
        lost += len(tokens) - len(placed)
        free_frame = first + len(tokens)
    return row, lost


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
