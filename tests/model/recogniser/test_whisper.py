"""Whisper with a tiny random model whose tokens are bytes: the contract, and against transformers' own decoding."""

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizer,
)

from model.codec_blocks import one_thread
from model.recogniser.contract import SAMPLE_RATE_HZ, Recogniser, RecogniserError
from model.recogniser.load import load_recogniser
from model.recogniser.whisper import WhisperRecogniser
from model.resample import Float32

SPECIAL = [
    *("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|zh|>", "<|no|>", "<|translate|>", "<|transcribe|>"),
    *("<|startofprev|>", "<|nospeech|>", "<|notimestamps|>", "<|0.00|>", "<|0.02|>"),
]
ID = {name: number for number, name in enumerate(SPECIAL, start=256)}
END = ID["<|endoftext|>"]
LETTERS = "etaoinshrdlu ETAOIN.,'"
LENGTH = 48


def generation(*, english: bool) -> GenerationConfig:
    languages = {name: ID[name] for name in ("<|en|>", "<|zh|>", "<|no|>")}
    tasks = {task: ID[f"<|{task}|>"] for task in ("transcribe", "translate")}
    alphabet = sorted(ByteLevel.alphabet())
    wanted = {alphabet.index(c if c != " " else "Ġ") for c in LETTERS}
    only = {} if english else {"lang_to_id": languages, "task_to_id": tasks}
    return GenerationConfig(
        eos_token_id=END, bos_token_id=END, pad_token_id=END, decoder_start_token_id=ID["<|startoftranscript|>"],
        no_timestamps_token_id=ID["<|notimestamps|>"], is_multilingual=not english, max_length=LENGTH,
        alignment_heads=[[1, 0], [0, 1]], suppress_tokens=sorted({*range(256), *ID.values()} - wanted - {END}),
        begin_suppress_tokens=[alphabet.index("Ġ"), END], **only,
    )  # fmt: skip


def saved(folder: Path, *, english: bool = False) -> Path:
    """A saved Whisper, tiny, with seeded random weights, and a tokenizer of bytes."""
    tokenizer = WhisperTokenizer(vocab={c: n for n, c in enumerate(sorted(ByteLevel.alphabet()))}, merges=[])
    tokenizer.add_tokens(SPECIAL, special_tokens=True)
    assert tokenizer.convert_tokens_to_ids(SPECIAL) == list(ID.values())
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(folder)
    torch.manual_seed(1)
    config = WhisperConfig(
        vocab_size=256 + len(SPECIAL), encoder_layers=1, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, d_model=16, encoder_ffn_dim=32, decoder_ffn_dim=32, max_target_positions=LENGTH,
        pad_token_id=END, bos_token_id=END, eos_token_id=END, decoder_start_token_id=ID["<|startoftranscript|>"],
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8.0)
    model.generation_config = generation(english=english)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def recogniser(folder: Path) -> Recogniser:
    return load_recogniser(f"whisper:{folder}")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def noise(length_s: float, seed: int = 0) -> Float32:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(round(length_s * SAMPLE_RATE_HZ), np.float32) * np.float32(0.1)


@pytest.mark.parametrize("length_s", [0.005, 0.1, 3.0, 30.0])
def test_words_are_inside_the_audio_in_order(recogniser: Recogniser, length_s: float) -> None:
    heard = recogniser.recognise(noise(length_s), language="en")
    assert heard.words
    assert all(a.end_s <= b.start_s for a, b in pairwise(heard.words))
    for word in heard.words:
        assert 0.0 <= word.start_s <= word.end_s <= length_s
        assert 0.0 < word.confidence <= 1.0
        assert word.text == word.text.strip() != ""
        assert set(word.text) <= set(LETTERS)
    assert heard.no_speech is not None and 0.0 <= heard.no_speech <= 1.0
    assert heard.log_probability is not None and heard.log_probability < 0.0


def test_no_audio_has_no_words(recogniser: Recogniser) -> None:
    assert recogniser.recognise(noise(0.0), language=None).words == ()
    assert recogniser.language_of(noise(0.0)) is None


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_text_is_what_transformers_writes_without_sampling(folder: Path, seed: int) -> None:
    recogniser = load_recogniser(f"whisper:{folder}")
    assert isinstance(recogniser, WhisperRecogniser)
    with one_thread():
        sound = recogniser._encoded(noise(2.0, seed))
        prompt = [ID[n] for n in ("<|startoftranscript|>", "<|zh|>", "<|transcribe|>", "<|notimestamps|>")]
        mine = recogniser._written(sound.states, prompt)
        options: dict[str, Any] = {"language": "zh", "task": "transcribe", "do_sample": False, "num_beams": 1}
        wanted = recogniser._model.generate(encoder_outputs=sound.states, return_timestamps=False, **options)
    theirs = [number for number in wanted[0].tolist() if number < END]
    assert mine[: len(theirs)] == theirs
    assert 0 < len(mine) <= LENGTH - len(prompt)


def test_the_same_words_again_whatever_came_before(recogniser: Recogniser, folder: Path) -> None:
    once = recogniser.recognise(noise(2.0), language="en")
    assert recogniser.recognise(noise(2.0, seed=1), language="zh") != once
    torch.set_num_threads(1)
    assert load_recogniser(f"whisper:{folder}").recognise(noise(2.0), language="en") == once


def test_languages(recogniser: Recogniser) -> None:
    assert [recogniser.missing(language) for language in (None, "en", "en-GB", "zh_Hans", "nb")] == [None] * 5
    assert recogniser.missing("de") == f'the recogniser {recogniser.name} knows 3 languages, not "de"'
    assert recogniser.recognise(noise(1.0), language="de").words == ()
    told = recogniser.language_of(noise(1.0))
    assert told in {"en", "zh", "no"}
    assert recogniser.recognise(noise(1.0), language=None) == recogniser.recognise(noise(1.0), language=told)


def test_a_model_that_knows_only_english_is_not_asked_for_a_language(tmp_path: Path) -> None:
    english = load_recogniser(f"whisper:{saved(tmp_path, english=True)}")
    assert english.missing("en-US") is english.missing(None) is english.language_of(noise(1.0)) is None
    assert english.missing("fr") == f'the recogniser {english.name} knows English, not "fr"'
    assert english.recognise(noise(1.0), language="en").words
    assert english.recognise(noise(1.0), language="en") == english.recognise(noise(1.0), language=None)


def test_without_stated_alignment_heads_those_of_the_upper_half_are_taken(copy: Path, recogniser: Recogniser) -> None:
    stated = json.loads((copy / "generation_config.json").read_text())
    (copy / "generation_config.json").write_text(json.dumps({**stated, "alignment_heads": None}))
    other = load_recogniser(f"whisper:{copy}")
    assert isinstance(other, WhisperRecogniser)
    assert other._heads == [(1, 0), (1, 1)]
    mine, theirs = (r.recognise(noise(2.0), language="en").words for r in (recogniser, other))
    assert [w.text for w in mine] == [w.text for w in theirs]


def test_the_digest_is_of_weights_configuration_and_tokenizer(copy: Path, recogniser: Recogniser) -> None:
    digests = {recogniser.digest, load_recogniser(f"whisper:{copy}").digest}
    assert len(digests) == 1
    weights = load_file(copy / "model.safetensors")
    weights["model.encoder.conv1.bias"] += 1.0
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    digests.add(load_recogniser(f"whisper:{copy}").digest)
    for file in ("generation_config.json", "tokenizer.json"):
        (copy / file).write_text((copy / file).read_text() + "\n")
        digests.add(load_recogniser(f"whisper:{copy}").digest)
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("generation_config.json", None, r"no generation_config\.json in .*: fetch a Whisper model"),
        ("tokenizer.json", None, r"no tokenizer\.json in .*Apache-2\.0"),
        ("model.safetensors", None, "pickled ones are not loaded"),
        ("model.safetensors", "no weights", "no Whisper in"),
        ("tokenizer.json", "{", "no Whisper in"),
        ("config.json", "{", "no Whisper in"),
        ("config.json", '{"model_type": "bert"}', "no Whisper in|weights in .* lack"),
        ("generation_config.json", '{"eos_token_id": 256}', "states no no_timestamps_token_id"),
        ("preprocessor_config.json", '{"sampling_rate": 8000}', "takes 8000 Hz"),
    ],
)
def test_what_cannot_be_loaded_is_one_clear_line(copy: Path, file: str, text: str | None, message: str) -> None:
    (copy / file).unlink()
    if text is not None:
        (copy / file).write_text(text)
    with pytest.raises(RecogniserError, match=message) as caught:
        load_recogniser(f"whisper:{copy}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "field", "value", "message"),
    [
        ("preprocessor_config.json", "sampling_rate", "x", r"preprocessor_config\.json in .*: it takes 'x' Hz"),
        ("preprocessor_config.json", "padding_value", None, "no Whisper in"),
        ("preprocessor_config.json", "hop_length", 0, "no Whisper in"),
        ("preprocessor_config.json", "chunk_length", 3, "does not make what its model listens to"),
        ("config.json", "vocab_size", "x", r"no Whisper in .*\(config\.json: .*vocab_size"),
        ("config.json", "decoder_attention_heads", 0, "no Whisper in"),
        ("tokenizer.json", "version", 7, r"no Whisper in .*\(tokenizer\.json: "),
        ("generation_config.json", "alignment_heads", "x", "states no usable alignment_heads"),
        ("generation_config.json", "alignment_heads", [[9, 9]], "states no usable alignment_heads"),
        ("generation_config.json", "suppress_tokens", [10**6], "states no usable suppress_tokens"),
        ("generation_config.json", "lang_to_id", "x", "states no usable lang_to_id"),
        ("generation_config.json", "task_to_id", 1, "states no usable task_to_id"),
        ("generation_config.json", "eos_token_id", -1, "states no usable eos_token_id"),
    ],
)
def test_a_field_of_another_kind_is_one_clear_line(
    copy: Path, file: str, field: str, value: object, message: str
) -> None:
    (copy / file).write_text(json.dumps({**json.loads((copy / file).read_text()), field: value}))
    with pytest.raises(RecogniserError, match=message) as caught:
        load_recogniser(f"whisper:{copy}")
    assert "\n" not in str(caught.value)


def test_weights_that_are_no_numbers_are_refused(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    weights["model.decoder.layer_norm.weight"][:] = torch.inf
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RecogniserError, match=r"are not finite, as model\.decoder\.layer_norm\.weight"):
        load_recogniser(f"whisper:{copy}")


def test_weights_that_lack_some_are_refused(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    del weights["model.decoder.layer_norm.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RecogniserError, match=r"lack 1, as model\.decoder\.layer_norm\.weight"):
        load_recogniser(f"whisper:{copy}")
