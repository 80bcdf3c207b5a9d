"""The CTC recogniser: words read off given characters, and its contract with a tiny model."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.aligner.contract import AlignerError
from model.aligner.load import load_aligner
from model.ctc_network import CtcNetwork, Frames
from model.recogniser.contract import SAMPLE_RATE_HZ, Recogniser, RecogniserError
from model.recogniser.ctc import CtcRecogniser
from model.recogniser.load import load_recogniser
from model.resample import Float32

LETTERS = "|'ABCDEFGHIJKLMNOPQRSTUVWXYZ"
VOCABULARY = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3} | {c: n for n, c in enumerate(LETTERS, start=4)}
STEP = 320  # samples a frame at 16 kHz: 20 ms


def network(text: str, vocabulary: Mapping[str, int] = VOCABULARY, sure: float = 0.9) -> CtcNetwork:
    """A network that is sure of a character a frame; "_": blank, "?": an unknown character."""

    def log_probabilities(audio: Float32) -> Tensor:
        known = torch.full((len(text), len(vocabulary)), (1 - sure) / (len(vocabulary) - 1))
        for frame, c in enumerate(text):
            known[frame, {"_": 0, "?": 3}.get(c, vocabulary.get(c, 0))] = sure
        return known.log()

    return CtcNetwork(log_probabilities, Frames(STEP, STEP), vocabulary, 0, len(vocabulary), "digest")


def read(text: str, vocabulary: Mapping[str, int] = VOCABULARY) -> list[tuple[str, int, int]]:
    """The words that are read off the frames, with their frames."""
    recogniser = CtcRecogniser("made", network(text, vocabulary))
    heard = recogniser.recognise(np.zeros(len(text) * 480, np.float32), language="en")
    assert all(word.confidence == pytest.approx(0.9) for word in heard.words)
    return [(word.text, round(word.start_s * 50), round(word.end_s * 50)) for word in heard.words]


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ("__AA_B|__C_C__|D_", [("ab", 2, 6), ("cc", 9, 12), ("d", 15, 16)]),
        ("||_|_", []),
        ("", []),
        ("HH_E_LL_L_O", [("hello", 0, 11)]),
        ("A??B", [("ab", 0, 4)]),
        ("_I'M|", [("i'm", 1, 4)]),
    ],
)
def test_words_are_read_off_the_frames(frames: str, words: list[tuple[str, int, int]]) -> None:
    assert read(frames) == words


def test_both_cases_are_kept_where_the_network_writes_both() -> None:
    assert read("_Ab_ aB", {"<pad>": 0, "A": 1, "b": 2, "a": 4, "B": 5, " ": 6, "x": 3}) == [
        ("Ab", 1, 3),
        ("aB", 5, 7),
    ]


def test_a_network_that_parts_no_words_is_refused() -> None:
    with pytest.raises(RecogniserError, match="nothing between words"):
        CtcRecogniser("phones", network("", {"<pad>": 0, "a": 1}))


def test_a_recogniser_that_says_its_languages() -> None:
    french = CtcRecogniser("made", network("_A_"), frozenset({"fr"}))
    assert french.missing("fr-CA") is french.missing(None) is None
    assert french.missing("en") == 'the recogniser made knows fr, not "en"'
    assert french.recognise(np.zeros(4_800, np.float32), language="en").words == ()


@pytest.fixture(scope="module")
def folder(save_ctc: Callable[..., Path]) -> Path:
    return save_ctc(VOCABULARY, 40.0)


@pytest.fixture(scope="module")
def recogniser(folder: Path) -> Recogniser:
    return load_recogniser(f"ctc:{folder}")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def noise(length_s: float, seed: int = 0) -> Float32:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(round(length_s * SAMPLE_RATE_HZ), np.float32) * np.float32(0.1)


def test_words_of_a_model_are_inside_the_audio_in_order(recogniser: Recogniser) -> None:
    heard = recogniser.recognise(noise(3.0), language="en")
    assert heard.words
    ends = [0.0, *(word.end_s for word in heard.words)]
    for before_s, word in zip(ends, heard.words, strict=False):
        assert before_s <= word.start_s < word.end_s <= 3.0
        assert 0.0 < word.confidence <= 1.0
    assert (heard.no_speech, heard.log_probability, recogniser.language_of(noise(1.0))) == (None, None, None)
    assert recogniser.missing("de") is None


@pytest.mark.parametrize("samples", [0, 1, 300])
def test_audio_too_short_for_a_frame_has_no_words(recogniser: Recogniser, samples: int) -> None:
    assert recogniser.recognise(np.ones(samples, np.float32), language=None).words == ()


def test_the_same_words_again_whatever_came_before(recogniser: Recogniser, folder: Path) -> None:
    once = recogniser.recognise(noise(2.0), language="en")
    recogniser.recognise(noise(1.0, seed=1), language="en")
    torch.set_num_threads(1)
    assert load_recogniser(f"ctc:{folder}").recognise(noise(2.0), language="en") == once


def test_the_digest_is_of_the_weights_and_not_an_aligners(recogniser: Recogniser, folder: Path, copy: Path) -> None:
    assert load_recogniser(f"ctc:{copy}").digest == recogniser.digest != load_aligner(str(folder)).digest
    weights = load_file(copy / "model.safetensors")
    weights["lm_head.bias"] = weights["lm_head.bias"] + 1.0
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert load_recogniser(f"ctc:{copy}").digest != recogniser.digest


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("vocab.json", None, r"no vocab\.json in .*: fetch a CTC model"),
        ("model.safetensors", None, "pickled ones are not loaded"),
        ("vocab.json", "[]", "no JSON object"),
        ("vocab.json", '{"A": 1, "B": 2}', "nothing between words"),
        ("model.safetensors", "no weights", "no CTC model"),
        ("config.json", '{"model_type": "bert", "vocab_size": 8}', "no CTC model"),
    ],
)
def test_what_cannot_be_loaded_is_one_clear_line(copy: Path, file: str, text: str | None, message: str) -> None:
    (copy / file).unlink()
    if text is not None:
        (copy / file).write_text(text)
    with pytest.raises(RecogniserError, match=message) as caught:
        load_recogniser(f"ctc:{copy}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "field", "value", "message"),
    [
        ("preprocessor_config.json", "sampling_rate", "x", r"preprocessor_config\.json in .*: it takes 'x' Hz"),
        ("preprocessor_config.json", "sampling_rate", None, "it takes None Hz, not 16000"),
        ("config.json", "vocab_size", "x", r"no CTC model in .*\(config\.json: .*vocab_size.* expected int, got str"),
        ("config.json", "conv_kernel", [3, 3], r"no CTC model in .*\(config\.json: .*conv_kernel"),
        ("config.json", "num_attention_heads", 0, "no CTC model in"),
        ("config.json", "num_attention_heads", -1, "no working CTC model in"),
    ],
)
def test_a_field_of_another_kind_is_one_clear_line(
    copy: Path, file: str, field: str, value: object, message: str
) -> None:
    (copy / file).write_text(json.dumps({**json.loads((copy / file).read_text()), field: value}))
    for load, name, error in (
        (load_recogniser, f"ctc:{copy}", RecogniserError),
        (load_aligner, str(copy), AlignerError),
    ):
        with pytest.raises(error, match=message) as caught:
            load(name)
        assert "\n" not in str(caught.value)


def test_weights_that_are_no_numbers_are_refused(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    weights["lm_head.bias"][0] = torch.nan
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RecogniserError, match=r"weights in .* are not finite, as lm_head\.bias"):
        load_recogniser(f"ctc:{copy}")
    with pytest.raises(AlignerError, match="are not finite"):
        load_aligner(str(copy))


@pytest.mark.parametrize("name", ["ctc:", "ctc: ", "whisper:"])
def test_an_empty_name_is_no_folder(name: str) -> None:
    with pytest.raises(RecogniserError, match="the name of the recogniser is empty: fetch a"):
        load_recogniser(name)
    with pytest.raises(AlignerError, match="the name of the aligner is empty: fetch a CTC model"):
        load_aligner("")


def test_unknown_names_say_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        RecogniserError, match='no recogniser "no such/model/at all", neither a folder nor on the hub'
    ):
        load_recogniser("ctc:no such/model/at all")
    with pytest.raises(RecogniserError, match="whisper:FOLDER_OR_HUB_NAME, ctc:FOLDER"):
        load_recogniser("sphinx")
