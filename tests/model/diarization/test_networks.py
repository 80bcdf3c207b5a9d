"""Where weights come from: the package, a folder, or neither."""

import shutil
from pathlib import Path

import pytest

from model.diarization.networks import FOR_MIXTURES, WEIGHTS, weight_files
from model.fitting import FitError
from pipeline.build import made_by_of
from pipeline.config import BuildConfig


def test_a_folder_need_not_have_them_all(tmp_path: Path) -> None:
    shutil.copy(WEIGHTS / "separator.safetensors", tmp_path)
    files = weight_files(str(tmp_path))
    assert list(files) == list(FOR_MIXTURES)
    assert files["separator"] == tmp_path / "separator.safetensors"
    assert files["speaker"] == WEIGHTS / "speaker.safetensors"


def test_a_folder_without_any_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FitError, match=r"holds none of speaker\.safetensors, .*duplexset fit"):
            weight_files(str(folder))


@pytest.mark.parametrize("name", FOR_MIXTURES)
def test_broken_weights_are_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    whole = (WEIGHTS / f"{name}.safetensors").read_bytes()
    other = "enhancer" if name == "separator" else "separator"
    for broken, says in ((whole[:1_000], "is no whole"), (b"", "is no whole"), (None, "another network")):
        content = (WEIGHTS / f"{other}.safetensors").read_bytes() if broken is None else broken
        (tmp_path / f"{name}.safetensors").write_bytes(content)
        with pytest.raises(FitError, match=rf"{name}\.safetensors .*{says}"):
            made_by_of(BuildConfig(networks=str(tmp_path)))


def test_other_weights_make_another_dataset(tmp_path: Path) -> None:
    weights = (WEIGHTS / "enhancer.safetensors").read_bytes()
    (tmp_path / "enhancer.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    ours, own = made_by_of(BuildConfig()), made_by_of(BuildConfig(networks=str(tmp_path)))
    assert ours.weights["enhancer"] != own.weights["enhancer"]
    assert ours.weights["separator"] == own.weights["separator"]
    assert ours.fingerprint != own.fingerprint
