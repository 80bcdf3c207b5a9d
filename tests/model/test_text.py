"""The text row with a real tokenizer: from words to frames and back, by either rule, and nothing lost unsaid."""

import io
import math
import pickle
from collections import deque
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from model.fit_text import train_pieces
from model.sample_files import Word
from model.streams import NO_TOKEN, TEXT_EPAD, TEXT_PAD, FrameWord, TextRule, text_row, words_of_row
from model.text import SentencePieceText, TextError, load_text_tokenizer

SAID = [
    "yes",
    "no",
    "right",
    "the",
    "doctor",
    "said",
    "that",
    "it",
    "hurts",
    "when",
    "i",
    "am",
    "walking",
    "and",
    "it",
    "is",
    "not",
    "going",
    "to",
    "be",
    "better",
    "on",
    "monday",
]
PROTO = train_pieces({word: 1 + len(SAID) - place for place, word in enumerate(SAID)}, 290)
TOKENIZER = SentencePieceText("test", PROTO)
# Any word: letters, marks, digits and signs of all scripts, but neither white space nor SentencePiece's sign for it.
ANY_WORD = st.text(
    st.characters(categories=("L", "M", "N", "P", "S"), exclude_characters="▁"), min_size=1, max_size=6
)
WORD = st.sampled_from(SAID) | ANY_WORD


def no_bytes(words: list[str]) -> bytes:
    """A tokenizer that cannot spell what it has not seen, as its ids 0 to 3 are in Moshi's."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words),
        model_writer=model,
        vocab_size=40,
        pad_id=3,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return model.getvalue()


def timed(spoken: list[tuple[str, float]]) -> list[Word]:
    return [(word, start_s, start_s + 0.1, 1.0) for word, start_s in sorted(spoken, key=lambda pair: pair[1])]


def as_moshi_finetune_does(words: list[Word], n_frames: int) -> list[int]:
    """FACTS §1, frame by frame: a word takes the place of what is left of the one before.

    At every frame, the words that begin in it are put on the stack one after the other, each in the place of what was
    there; then one token is taken off. The frame before gets EPAD if it is PAD and this is a word's first token.
    """
    row, begins, left = [], False, deque[int]()
    for frame in range(n_frames):
        for word, start_s, *_ in words:
            if math.floor(start_s * 12.5) == frame:
                left, begins = deque(TOKENIZER.encode(word)), True
        if left and begins and frame > 0 and row[-1] == TEXT_PAD:
            row[-1] = TEXT_EPAD
        begins = begins and not left
        row.append(left.popleft() if left else TEXT_PAD)
    return row


@given(st.lists(st.tuples(WORD, st.floats(0, 20)), max_size=12))
def test_shifted_words_come_back_in_order_on_their_frames(spoken: list[tuple[str, float]]) -> None:
    words = timed(spoken)
    n_frames = 250 + sum(len(TOKENIZER.encode(word)) for word, *_ in words)  # all fit
    row, lost = text_row(words, n_frames, TOKENIZER)
    back = words_of_row(row, TOKENIZER)
    assert lost == (0, 0, 0)
    assert [word.text for word in back] == [word for word, *_ in words]
    free = 0
    for (word, start_s, *_), found in zip(words, back, strict=True):
        onset = math.floor(start_s * 12.5)
        assert found.first == max(onset, free)
        assert found.end - found.first == len(TOKENIZER.encode(word))
        if onset > free:
            assert row[onset - 1] == TEXT_EPAD
        free = found.end


@given(st.lists(st.tuples(WORD, st.floats(0, 6)), max_size=12), st.integers(0, 80))
def test_dropping_is_moshi_finetunes(spoken: list[tuple[str, float]], n_frames: int) -> None:
    words = timed(spoken)
    assert text_row(words, n_frames, TOKENIZER, "drop").row.tolist() == as_moshi_finetune_does(words, n_frames)


@given(
    st.lists(st.tuples(WORD, st.floats(-1, 6)), max_size=12), st.integers(0, 80), st.sampled_from(["shift", "drop"])
)
def test_every_token_is_in_the_row_or_counted(spoken: list[tuple[str, float]], n_frames: int, rule: TextRule) -> None:
    words = timed(spoken)
    row, lost = text_row(words, n_frames, TOKENIZER, rule)
    placed = int(np.sum((row != TEXT_PAD) & (row != TEXT_EPAD)))
    assert placed + lost.total == sum(len(TOKENIZER.encode(word)) for word, *_ in words)
    assert lost.unspelled == 0
    assert lost.overtaken == 0 or rule == "drop"
    assert (words_of_row(row, TOKENIZER) == []) == (placed == 0)


@given(ANY_WORD)
def test_no_word_is_unknown_padding_or_changed(word: str) -> None:
    tokens = TOKENIZER.encode(word)
    assert not {0, 1, 2, 3} & set(tokens)
    assert TOKENIZER.starts_word(tokens[0]) and not any(map(TOKENIZER.starts_word, tokens[1:]))
    assert TOKENIZER.decode(tokens) == word


def test_frames_are_seconds_and_a_cut_window_begins_with_a_part_of_a_word() -> None:
    row, _ = text_row([("doctor", 0.4, 0.8, 1.0), ("no", 4.0, 4.1, 1.0)], 60, TOKENIZER)
    doctor, no = words_of_row(row, TOKENIZER)
    assert (doctor.text, doctor.first, doctor.start_s) == ("doctor", 5, 0.4)
    assert doctor.end_s == doctor.end * 0.08
    assert (no.text, no.first) == ("no", 50)
    cut = np.append(row[6:], NO_TOKEN)
    rest, same = words_of_row(cut, TOKENIZER)
    assert "doctor".endswith(rest.text) and rest.first == 0
    assert same == FrameWord("no", 44, no.end - 6)


def test_a_word_that_cannot_be_spelled_is_counted_and_not_placed() -> None:
    tokenizer = SentencePieceText("no bytes", no_bytes(SAID))
    assert 0 in tokenizer.encode("Ω")
    row, lost = text_row([("no", 0.0, 0.1, 1.0), ("Ωmega", 0.16, 0.2, 1.0), ("", 0.3, 0.4, 1.0)], 20, tokenizer)
    assert [word.text for word in words_of_row(row, tokenizer)] == ["no"]
    assert TEXT_EPAD not in row
    assert lost == (0, 0, len(tokenizer.encode("Ωmega")) + 1)


def test_load_and_send_to_another_process(tmp_path: Path) -> None:
    path = tmp_path / "text.model"
    path.write_bytes(PROTO)
    loaded = load_text_tokenizer(path)
    assert (loaded.text_card, loaded.digest) == (290, TOKENIZER.digest)
    assert pickle.loads(pickle.dumps(loaded)).encode("doctor") == TOKENIZER.encode("doctor")
    assert load_text_tokenizer(f"{path}@{loaded.digest.upper()}").digest == loaded.digest
    (tmp_path / "tokenizer_spm_32k_3.model").write_bytes(PROTO)
    assert load_text_tokenizer(f"moshi:{tmp_path}@{loaded.digest}").text_card == 290
    with pytest.raises(TextError, match=rf"text\.model has digest {loaded.digest}, not 00"):
        load_text_tokenizer(f"{path}@00")


@pytest.mark.parametrize("content", [b"", b"not a model", PROTO[:-10], PROTO[:200]])
def test_a_broken_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "text.model"
    path.write_bytes(content)
    with pytest.raises(TextError, match=r"text\.model: not a SentencePiece model; give [^\n]*$"):
        load_text_tokenizer(path)


def test_a_missing_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (str(tmp_path / "none.model"), f"moshi:{tmp_path}", str(tmp_path)):
        with pytest.raises(TextError, match=r"^no text tokenizer at [^\n]*fit text"):
            load_text_tokenizer(name)

    def no_hub(*_: str) -> str:
        raise OSError("no network\nand more")

    monkeypatch.setattr("model.text.hf_hub_download", no_hub)
    with pytest.raises(TextError, match=r'^no tokenizer_spm_32k_3\.model at "kyutai/x", [^\n]*\(no network\)'):
        load_text_tokenizer("moshi:kyutai/x")


def test_a_tokenizer_with_words_at_the_ids_of_pad_is_refused() -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(  # SentencePiece's defaults: no padding, id 3 is the first piece
        sentence_iterator=iter(SAID), model_writer=model, vocab_size=40, hard_vocab_limit=False, minloglevel=2
    )
    with pytest.raises(TextError, match=r"default: id 3 is '.+', a part of words, but means PAD"):
        SentencePieceText("default", model.getvalue())
