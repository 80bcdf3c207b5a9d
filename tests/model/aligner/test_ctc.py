"""The CTC aligner: exact times where the characters are given, and its contract with a tiny model."""

import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor
from torchaudio.functional import forced_align

from model.aligner.contract import Aligner, AlignerError
from model.aligner.ctc_search import CtcSearch, viterbi
from model.aligner.ctc_text import Alphabet
from model.aligner.load import load_aligner
from model.aligner.place import place
from model.ctc_network import Frames
from model.resample import Float32
from schemas.recording import SAMPLE_RATE_HZ
from schemas.transcript import TimedWord, Utterance

LETTERS = "|'ABCDEFGHIJKLMNOPQRSTUVWXYZ"
VOCABULARY = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3} | {c: n for n, c in enumerate(LETTERS, start=4)}
ALPHABET = Alphabet(VOCABULARY, blank=0, size=len(VOCABULARY))
STEP = 320  # samples a frame


def written(text: str, sure: float = 0.98) -> Tensor:
    """Log-probabilities of a model that is sure of a character a frame; "_": blank."""
    known = torch.full((len(text), len(VOCABULARY)), (1 - sure) / (len(VOCABULARY) - 1))
    for frame, c in enumerate(text):
        known[frame, 0 if c == "_" else VOCABULARY[c]] = sure
    return known.log()


def located(
    heard: str, words: list[str], *, open_end: bool = False, sure: float = 0.98
) -> list[tuple[int, int] | None]:
    """The frames that each word is placed in."""
    items = [item for item in ALPHABET.items(words, "en") if item is not None]
    search = CtcSearch(lambda _audio: written(heard, sure), Frames(STEP, STEP), ALPHABET)
    found = search(np.zeros(len(heard) * STEP, np.float32), items, open_end)
    return [span and (round(span.start_s * 50), round(span.end_s * 50)) for span in found]


def test_words_are_in_the_frames_of_their_characters() -> None:
    assert located("__AA_B|__C_C__|D_", ["ab", "cc", "d"]) == [(2, 6), (9, 12), (15, 16)]


def test_what_is_said_around_the_words_is_left_out() -> None:
    assert located("XYZX|__AB_|C_|WVW", ["ab", "c"]) == [(7, 9), (11, 12)]


def test_a_word_of_unknown_characters_has_no_place_but_keeps_its_room() -> None:
    assert located("_AB_|XYZ_W|_CD_", ["ab", "你好", "cd"]) == [(1, 3), None, (12, 14)]


def test_a_word_with_some_unknown_characters_is_where_the_others_are() -> None:
    assert located("_AB_|_CXYD_", ["ab", "c你d"]) == [(1, 3), (6, 10)]


def test_numbers_are_read_in_english() -> None:
    assert located("_T_E_N_|F_I_V_E__", ["10", "five"]) == [(1, 6), (8, 15)]


@pytest.mark.parametrize(
    ("heard", "count"), [("_AB_|__CD__", 2), ("_AB_______", 1), ("__________", 0), ("_AB_|_CD_|EF_", 3)]
)
def test_with_an_open_end_only_what_is_there_is_placed(heard: str, count: int) -> None:
    found = located(heard, ["ab", "cd", "ef"], open_end=True)
    assert [one is not None for one in found] == [i < count for i in range(3)]


@given(st.integers(0, 10**6), st.lists(st.integers(1, 5), min_size=1, max_size=8), st.integers(0, 20))
def test_the_likeliest_way_is_torchaudios(seed: int, characters: list[int], more: int) -> None:
    repeats = sum(a == b for a, b in pairwise(characters))
    frames = len(characters) + repeats + more
    random = torch.randn((frames, 6), generator=torch.Generator().manual_seed(seed)).log_softmax(-1)
    wanted, _ = forced_align(random[None], torch.tensor([characters], dtype=torch.int32), blank=0)
    barred = torch.cat([random, torch.full((frames, 1), -1e6)], -1).numpy()  # the first and the last are left out
    path = viterbi(barred, [6, *characters, 6], 0, [])
    assert path is not None
    assert [characters[target - 1] if target >= 0 else 0 for target in path] == wanted[0].tolist()


def test_words_that_the_audio_has_no_room_for_have_no_place() -> None:
    assert located("AB", ["abcdefg"]) == [None]
    assert located("AA", ["aa"]) == [None]


def test_confidence_is_the_mean_probability_of_the_characters() -> None:
    search = CtcSearch(lambda _audio: written("_AB__", sure=0.7), Frames(STEP, STEP), ALPHABET)
    (found,) = search(np.zeros(5 * STEP, np.float32), [(VOCABULARY["A"], VOCABULARY["B"])], False)
    assert found is not None
    assert found.confidence == pytest.approx(0.7)


def test_frames_of_wav2vec() -> None:
    frames = Frames.of((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2))
    assert frames == (320, 400)
    assert frames.start_s(50) == pytest.approx(1.0025)


@pytest.mark.parametrize(
    ("word", "characters"),
    [("Don’t!", "DON'T"), ("naïve", "NAIVE"), ("co-op", "COOP"), ("25", "TWENTY|FIVE"), ("--", None), ("[uh]", None)],
)
def test_words_in_the_models_characters(word: str, characters: str | None) -> None:
    (item,) = ALPHABET.items([word], "en")
    assert item == (tuple(VOCABULARY[c] for c in characters) if characters else None)


def test_digits_stay_unknown_in_other_languages() -> None:
    assert ALPHABET.items(["25"], "fr") == [(ALPHABET.star,)]


@pytest.fixture(scope="module")
def folder(save_ctc: Callable[..., Path]) -> Path:
    return save_ctc(VOCABULARY)


@pytest.fixture(scope="module")
def aligner(folder: Path) -> Aligner:
    return load_aligner(str(folder))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def noise(length_s: float) -> Float32:
    return np.random.default_rng(0).standard_normal(round(length_s * SAMPLE_RATE_HZ), np.float32) * np.float32(0.1)


def ordered(found: list[TimedWord | None], length_s: float) -> bool:
    words = [word for word in found if word]
    inside = all(0.0 <= w.start_s < w.end_s <= length_s and 0.0 <= w.confidence <= 1.0 for w in words)
    return inside and all(a.end_s <= b.start_s for a, b in pairwise(words))


def test_words_get_times_in_order_inside_the_audio(aligner: Aligner) -> None:
    words = ["well", "[laughter]", "I", "said", "25", "--", "你好", "naïve"]
    found = aligner.align(noise(3.0), words, language="en")
    assert [word.text if word else None for word in found] == ["well", None, "I", "said", "25", None, None, "naïve"]
    assert ordered(found, 3.0)
    assert aligner.missing("de") is None


def test_long_audio_goes_in_windows(aligner: Aligner) -> None:
    found = aligner.align(noise(65.0), ["hello", "there"] * 30, language="en")
    assert len(found) == 60
    assert ordered(found, 65.0)


@pytest.mark.parametrize("length_s", [0.0, 0.01, 0.1])
def test_audio_without_room_for_the_words(aligner: Aligner, length_s: float) -> None:
    assert aligner.align(noise(length_s), ["somewhat", "longer"], language="en") == [None, None]
    assert aligner.align(noise(length_s), [], language="en") == []


def test_an_utterance_keeps_all_its_words(aligner: Aligner) -> None:
    utterance = Utterance(speaker="", start_s=0.5, end_s=2.5, text="你好 well [noise] then")
    found = place(noise(3.0), utterance, None, aligner=aligner)
    assert [word.text for word in found] == ["你好", "well", "[noise]", "then"]
    assert found[2].confidence == 0.0 < found[1].confidence


def test_the_same_bytes_again(aligner: Aligner, folder: Path) -> None:
    words = ["hello", "there"]
    once = aligner.align(noise(2.0), words, language="en")
    aligner.align(noise(1.0), ["other"], language="en")
    torch.set_num_threads(1)
    assert repr(load_aligner(str(folder)).align(noise(2.0), words, language="en")) == repr(once)


def test_the_digest_is_of_the_weights(aligner: Aligner, folder: Path, copy: Path) -> None:
    assert load_aligner(str(copy)).digest == aligner.digest
    weights = load_file(copy / "model.safetensors")
    weights["lm_head.bias"] = weights["lm_head.bias"] + 1.0
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert load_aligner(str(copy)).digest != aligner.digest


def test_pickled_weights_are_not_loaded(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(AlignerError, match="pickled ones are not loaded"):
        load_aligner(str(copy))


@pytest.mark.parametrize("file", ["config.json", "vocab.json", "preprocessor_config.json"])
def test_what_is_missing_is_named_with_what_to_fetch(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(AlignerError, match=rf"no {file} in .*: fetch a CTC model"):
        load_aligner(str(copy))


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("vocab.json", "[]", "no JSON object"),
        ("vocab.json", "{", "not JSON"),
        ("vocab.json", '{"eng": {"A": 1}}', "no list of characters"),
        ("vocab.json", '{"A": 99}', "no list of characters"),
        ("preprocessor_config.json", '{"sampling_rate": 8000}', "takes 8000 Hz"),
        ("config.json", '{"model_type": "bert", "vocab_size": 8}', "no CTC model"),
    ],
)
def test_files_of_another_kind_are_one_clear_line(copy: Path, file: str, text: str, message: str) -> None:
    (copy / file).write_text(text)
    with pytest.raises(AlignerError, match=message) as caught:
        load_aligner(str(copy))
    assert "\n" not in str(caught.value)


def test_weights_that_lack_some_are_refused(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(AlignerError, match=r"lack 1, as lm_head\.weight"):
        load_aligner(str(copy))


def test_broken_weights_are_one_clear_line(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(AlignerError, match="no CTC model"):
        load_aligner(str(copy))


def test_an_unknown_name_says_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(AlignerError, match='neither "builtin" nor a folder nor on the hub'):
        load_aligner("no such/model/at all")
