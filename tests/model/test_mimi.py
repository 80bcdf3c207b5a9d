"""Mimi at full size with random weights: streaming is exact, and agrees with the model's own one-shot calls."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from transformers import MimiConfig, MimiModel

from model.codec import Codec, CodecError, decode, encode, load_codec
from model.mimi import weights_digest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved Mimi of the published shape with seeded random weights."""
    torch.manual_seed(0)
    model = MimiModel(MimiConfig())
    for name, buffer in model.named_buffers():
        if name.endswith("embed_sum"):
            buffer.normal_(0.0, 0.5)
    for name, parameter in model.named_parameters():
        if name.endswith("layer_scale.scale"):
            parameter.data.fill_(0.3)
    saved = tmp_path_factory.mktemp("mimi")
    model.save_pretrained(saved)
    return saved


@pytest.fixture(scope="module")
def codec(folder: Path) -> Codec:
    return load_codec(f"mimi:{folder}")


@pytest.fixture(scope="module")
def audio() -> NDArray[np.float32]:
    """5.3 s of noise whose colour and level change."""
    random = np.random.default_rng(0)
    noise = random.standard_normal(24_000 * 5 + 7_000)
    smooth = np.convolve(noise, np.ones(24) / 24, mode="same")
    level = 0.05 + 0.2 * np.sin(np.arange(noise.size) / 6_000.0) ** 2
    return (level * (0.3 * noise + smooth)).astype(np.float32)


@pytest.fixture(scope="module")
def codes(codec: Codec, audio: NDArray[np.float32]) -> NDArray[np.int16]:
    return encode(codec, audio)


def test_encoding_in_pieces_is_encoding_at_once(
    codec: Codec, audio: NDArray[np.float32], codes: NDArray[np.int16]
) -> None:
    encoder = codec.encoder()
    pieces = [encoder.push(piece) for piece in np.array_split(audio, [1, 1_919, 30_001, 30_001, 99_000])]
    assert np.array_equal(np.concatenate([*pieces, encoder.flush()], axis=1), codes)
    assert codes.shape == (8, -(-audio.size // 1_920))
    assert codes.dtype == np.int16


def test_codes_agree_with_the_models_own_encode(
    folder: Path, audio: NDArray[np.float32], codes: NDArray[np.int16]
) -> None:
    model = MimiModel.from_pretrained(folder, dtype=torch.float32)
    padded = np.pad(audio, (0, codes.shape[1] * 1_920 - audio.size))
    with torch.inference_mode():
        whole = model.encode(torch.from_numpy(padded)[None, None], num_quantizers=8).audio_codes[0].numpy()
    equal = float((whole == codes).mean())
    assert equal >= 0.99, f"{equal:.4f} of the codes are equal"


def test_audio_agrees_with_the_models_own_decode(codec: Codec, folder: Path, codes: NDArray[np.int16]) -> None:
    model = MimiModel.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        whole = model.decode(torch.from_numpy(codes.astype(np.int64))[None]).audio_values[0, 0].numpy()
    made = decode(codec, codes)
    assert made.shape == (codes.shape[1] * 1_920,)
    error = np.sqrt(np.mean((made - whole) ** 2)) / np.sqrt(np.mean(whole**2))
    assert error < 1e-4


def test_decoding_in_pieces_is_decoding_at_once(codec: Codec, codes: NDArray[np.int16]) -> None:
    decoder = codec.decoder()
    pieces = [decoder.push(piece) for piece in np.array_split(codes, [1, 3, 3, 40], axis=1)]
    assert np.array_equal(np.concatenate([*pieces, decoder.flush()]), decode(codec, codes))


def test_attention_reaches_back_250_frames_and_no_further(codec: Codec, codes: NDArray[np.int16]) -> None:
    decoder = codec.decoder()
    decoder.push(np.tile(codes[:, :25], (1, 8)))
    kept = {layer.keys.shape[-2] for layer in decoder._keys.layers}  # type: ignore[attr-defined]
    assert kept == {249}


def test_the_digest_is_checked(folder: Path, codec: Codec) -> None:
    assert codec.digest == weights_digest([folder / "model.safetensors"])
    with pytest.raises(CodecError, match=r"digest .* not 00ff"):
        load_codec(f"mimi:{folder}@00ff")


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CodecError, match="pickled"):
        load_codec(f"mimi:{tmp_path}")


def test_weights_that_lack_some_are_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "config.json", tmp_path)
    weights = load_file(folder / "model.safetensors")
    del weights["encoder_transformer.layers.0.mlp.fc1.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CodecError, match=r"lack 1 of Mimi's, .*layers\.0\.mlp\.fc1\.weight"):
        load_codec(f"mimi:{tmp_path}")


def test_what_is_missing_is_said_with_its_licence(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match=r"fetch kyutai/mimi .*CC-BY 4\.0"):
        load_codec(f"mimi:{tmp_path}/nowhere/at/all")
