import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.streams import (
    CARD,
    DELAYS,
    NO_TOKEN,
    STREAMS,
    TEXT_EPAD,
    TEXT_PAD,
    delay,
    initial_tokens,
    item,
    text_row,
    undelay,
)


class Letters:
    """A tokenizer of one id a letter, ids from 10 on."""

    def encode(self, text: str) -> list[int]:
        return [10 + ord(letter) - ord("a") for letter in text]


def at(frame: float) -> float:
    """Seconds of a frame of 80 ms."""
    return frame * 0.08


def test_constants_are_moshis() -> None:
    # kyutai-labs/moshi, configs/moshi_7b_202409.json and models/lm.py
    assert DELAYS == (0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1)
    assert (STREAMS, CARD, TEXT_PAD, TEXT_EPAD, NO_TOKEN) == (17, 2048, 3, 0, -1)
    assert initial_tokens(2048, 32_000).tolist() == [32_000] + [2048] * 16


def test_delay_of_a_small_example_by_hand() -> None:
    codes = torch.tensor([[[1, 2, 3], [4, 5, 6]]])
    delayed = delay(codes, (0, 1), torch.tensor([90, 91]))
    assert delayed.tolist() == [[[1, 2, 3, -1], [91, 4, 5, 6]]]


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 3),
    st.lists(st.integers(0, 3), min_size=1, max_size=17),
    st.integers(1, 9),
    st.integers(0, 2**32 - 1),
)
def test_delay_round_trips(batch: int, delays: list[int], n_frames: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(-1, 2048, (batch, len(delays), n_frames), generator=generator)
    delayed = delay(codes, delays, torch.full((len(delays),), 2048))
    assert torch.equal(undelay(delayed, delays), codes)


def test_item_stacks_text_own_and_user_and_swaps() -> None:
    codes = np.arange(2 * 8 * 5, dtype=np.int16).reshape(2, 8, 5)
    text = np.array([[100] * 5, [200] * 5])
    first, second = item(codes, text, own=0), item(codes, text, own=1)
    assert first.shape == second.shape == (17, 5)
    assert first[0].tolist() == [100] * 5
    assert second[0].tolist() == [200] * 5
    assert np.array_equal(first[1:9], codes[0])
    assert np.array_equal(first[9:], codes[1])
    assert np.array_equal(second[1:], np.roll(first[1:], 8, axis=0))


def test_text_without_a_tokenizer_is_padding() -> None:
    row, lost = text_row([("hello", 0.1, 0.4, 1.0)], 4, None)
    assert (row.tolist(), lost.total) == ([3, 3, 3, 3], 0)


def test_words_start_on_their_frame_with_epad_before() -> None:
    words = [("ab", at(1.5), at(2), 1.0), ("c", at(6.2), at(7), 1.0)]
    row, lost = text_row(words, 8, Letters())
    assert (row.tolist(), lost) == ([0, 10, 11, 3, 3, 0, 12, 3], (0, 0, 0))


def test_no_epad_before_a_word_on_the_first_frame_or_right_behind_another() -> None:
    row, _ = text_row([("ab", 0.0, 0.1, 1.0), ("c", at(2.1), at(3), 1.0)], 4, Letters())
    assert row.tolist() == [10, 11, 12, 3]


def test_fast_words_shift_forward_and_lose_nothing() -> None:
    words = [("abc", at(1.1), at(2), 1.0), ("de", at(2.1), at(3), 1.0)]
    row, lost = text_row(words, 7, Letters())
    assert (row.tolist(), lost) == ([0, 10, 11, 12, 13, 14, 3], (0, 0, 0))


def test_tokens_past_the_end_are_counted() -> None:
    row, lost = text_row([("abcd", at(2.1), at(3), 1.0), ("ef", at(3.1), at(4), 1.0)], 4, Letters())
    assert (row.tolist(), lost) == ([3, 0, 10, 11], (4, 0, 0))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text("abc", min_size=1, max_size=4), st.floats(0, 5)), max_size=12), st.integers(1, 80))
def test_every_token_is_placed_in_order_or_counted(spoken: list[tuple[str, float]], n_frames: int) -> None:
    words = [(word, start_s, start_s + 0.1, 1.0) for word, start_s in sorted(spoken, key=lambda pair: pair[1])]
    row, lost = text_row(words, n_frames, Letters())
    placed = [int(token) for token in row if token not in (TEXT_PAD, TEXT_EPAD)]
    said = [token for word, *_ in words for token in Letters().encode(word)]
    assert len(row) == n_frames
    assert placed == said[: len(said) - lost.past_end]
    assert lost.total == lost.past_end


@pytest.mark.parametrize("n_frames", [0, 1])
def test_text_of_a_tiny_clip(n_frames: int) -> None:
    row, lost = text_row([("a", at(1), at(2), 1.0)], n_frames, Letters())
    assert row.tolist() == [3] * n_frames  # no EPAD without a word
    assert lost == (1, 0, 0)
