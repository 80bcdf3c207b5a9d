"""torchaudio's bundles, by a tiny one whose weights lie in the cache as torchaudio would put them there."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchaudio.pipelines
from torchaudio.models import wav2vec2_model
from torchaudio.pipelines import Wav2Vec2ASRBundle

from model.recogniser.bundle import bundles
from model.recogniser.contract import Recogniser, RecogniserError
from model.recogniser.load import load_recogniser

PARAMETERS: dict[str, Any] = {
    "extractor_mode": "group_norm",
    "extractor_conv_layer_config": [(8, 10, 5)] + [(8, 3, 2)] * 4 + [(8, 2, 2)] * 2,
    "extractor_conv_bias": False,
    "encoder_embed_dim": 16,
    "encoder_projection_dropout": 0.0,
    "encoder_pos_conv_kernel": 16,
    "encoder_pos_conv_groups": 2,
    "encoder_num_layers": 1,
    "encoder_num_heads": 2,
    "encoder_attention_dropout": 0.0,
    "encoder_ff_interm_features": 32,
    "encoder_ff_interm_dropout": 0.0,
    "encoder_dropout": 0.0,
    "encoder_layer_norm_first": False,
    "encoder_layer_drop": 0.0,
    "aux_num_out": 5,
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torchaudio's cache, with a bundle TINY whose network writes A, B and "|"; no network to fetch from."""

    def refused(*args: object, **kwargs: object) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refused)
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    for normalise, name in ((False, "TINY"), (True, "TINY_NORMALISED")):
        bundle = Wav2Vec2ASRBundle("tiny.pth", PARAMETERS, 16_000, normalise, "Wav2Vec2", ("|", "A", "B"), (1,))
        monkeypatch.setattr(torchaudio.pipelines, name, bundle, raising=False)
    torch.manual_seed(0)
    weights = wav2vec2_model(**PARAMETERS).state_dict()  # with one output more, which the bundle drops
    weights["aux.weight"] *= 1000.0
    weights["aux.bias"][:3] = -1e6  # never the blank, nor the mark between words
    monkeypatch.setitem(PARAMETERS, "aux_num_out", 4)
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    torch.save(weights, checkpoints / "tiny.pth")
    return checkpoints


@pytest.mark.parametrize("name", ["TINY", "TINY_NORMALISED"])
def test_a_bundle_writes_words(cache: Path, name: str) -> None:
    recogniser: Recogniser = load_recogniser(f"torchaudio:{name}")
    audio = np.random.default_rng(0).standard_normal(48_000).astype(np.float32) * np.float32(0.1)
    heard = recogniser.recognise(audio, language="en-US")
    assert heard.words
    assert all(set(word.text) <= {"a", "b"} and 0.0 <= word.start_s < word.end_s <= 2.0 for word in heard.words)
    assert recogniser.recognise(audio, language=None) == heard
    assert recogniser.missing("de") == f'the recogniser torchaudio:{name} knows en, not "de"'


def test_the_digest_is_of_the_weights_not_of_their_file(cache: Path) -> None:
    before = load_recogniser("torchaudio:TINY").digest
    weights = torch.load(cache / "tiny.pth", weights_only=True)
    torch.save(weights, cache / "tiny.pth", _use_new_zipfile_serialization=False)
    assert load_recogniser("torchaudio:TINY").digest == before
    weights["aux.bias"][0] += 1.0
    torch.save(weights, cache / "tiny.pth")
    assert load_recogniser("torchaudio:TINY").digest != before


class Bomb:
    """Would run when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("exploded"),))


@pytest.mark.parametrize("how", [torch.save, lambda o, f: f.write_bytes(pickle.dumps(o, 2))])
def test_pickles_are_not_run(cache: Path, how: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cache)
    how({"aux.weight": Bomb()}, cache / "tiny.pth")
    with pytest.raises(RecogniserError, match="no weights of torchaudio's TINY") as caught:
        load_recogniser("torchaudio:TINY")
    assert "\n" not in str(caught.value)
    assert not (cache / "exploded").exists()


def test_missing_weights_are_one_clear_line(cache: Path) -> None:
    (cache / "tiny.pth").unlink()
    with pytest.raises(RecogniserError, match=r"TINY \(network is .*copy tiny\.pth into .*licence: MIT"):
        load_recogniser("torchaudio:TINY")


@pytest.mark.parametrize("name", ["NO_SUCH", "WAV2VEC2_BASE", "MMS_FA", "CONVTASNET_BASE_LIBRI2MIX"])
def test_what_writes_no_words_is_no_recogniser(name: str) -> None:
    assert name not in bundles()
    with pytest.raises(RecogniserError, match=f'no recogniser "{name}": it has HUBERT_ASR_LARGE, .*BASE_960H'):
        load_recogniser(f"torchaudio:{name}")
