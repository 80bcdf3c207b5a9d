"""enhance: the rule, clean audio bit for bit, types and lengths."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.enhancer.apply import load_enhancer
from model.enhancer.detect import LIMIT_DB, Levels
from model.enhancer.net import Enhancer
from schemas.rejection import Reason
from stages.enhance import ENHANCE_BELOW_DB, Background, Enhance, decide, enhance_blocks, measure_background
from stages.ingest import Ingest
from stages.layout import FindLayout

CLEAN = Background(speech_to_background_db=35.0, speech_db=-30.0, enhanced=False)
NOISY = Background(speech_to_background_db=8.0, speech_db=-30.0, enhanced=True)


@pytest.fixture(scope="module")
def net() -> Enhancer:
    torch.manual_seed(0)
    return Enhancer().eval().requires_grad_(False)


def _blocks(kind: type[np.generic]) -> list[NDArray[np.generic]]:
    random = np.random.default_rng(0)
    pcm = (1_000 * random.standard_normal(150_000)).astype(np.int16)
    audio = pcm if kind is np.int16 else pcm.astype(np.float32) / 32_768
    return np.split(audio, [10, 24_000, 48_001])


def _levels(ratio_db: float) -> Levels:
    return Levels(speech_db=-30.0, over_pauses_db=ratio_db, over_rest_db=LIMIT_DB, pause_share=0.5)


def test_the_rule_is_a_threshold() -> None:
    assert decide(_levels(ENHANCE_BELOW_DB - 0.1)).enhanced
    assert not decide(_levels(ENHANCE_BELOW_DB)).enhanced
    decided = decide(_levels(40.0))
    assert decided == Background(speech_to_background_db=40.0, speech_db=-30.0, enhanced=False)


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_clean_audio_passes_bit_for_bit(net: Enhancer, kind: type[np.generic]) -> None:
    blocks = _blocks(kind)
    passed = list(enhance_blocks(blocks, net, CLEAN))
    assert [block.tobytes() for block in passed] == [block.tobytes() for block in blocks]


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_enhanced_audio_keeps_type_and_length(net: Enhancer, kind: type[np.generic]) -> None:
    blocks = _blocks(kind)
    made = list(enhance_blocks(blocks, net, NOISY))
    assert {block.dtype for block in made} == {np.dtype(kind)}
    assert sum(block.size for block in made) == 150_000
    assert not np.array_equal(np.concatenate(made), np.concatenate(blocks))


def test_nothing_in_nothing_out(net: Enhancer) -> None:
    assert list(enhance_blocks([], net, NOISY)) == []


def test_the_stage_measures_the_mixture_and_keeps_the_rest_of_the_row(
    kitchen, write_audio, make_source, tmp_path
) -> None:
    mono = kitchen[0][:, : 12 * 24_000].sum(axis=0, keepdims=True) / 2
    path = write_audio(tmp_path / "a.wav", mono, 24_000, "pcm_s16le")
    row = FindLayout().load("cpu")(Ingest().load("cpu")(make_source(path)))
    found = Enhance().load("cpu")(row)
    expected = measure_background([np.rint(mono[0] * 32_768).astype(np.int16)], load_enhancer())
    assert replace(found, background=None) == row
    assert found.background.enhanced == expected.enhanced
    assert found.background.speech_to_background_db == pytest.approx(expected.speech_to_background_db, abs=0.1)


def test_a_file_that_is_gone_again_has_its_reason(kitchen, write_audio, make_source, tmp_path) -> None:
    mono = kitchen[0][:, : 8 * 24_000].sum(axis=0, keepdims=True) / 2
    path = write_audio(tmp_path / "a.wav", mono, 24_000, "pcm_s16le")
    row = FindLayout().load("cpu")(Ingest().load("cpu")(make_source(path)))
    Path(path).unlink()
    lost = Enhance().load("cpu")(row)
    assert (lost.reason, lost.stage, lost.start_s, lost.end_s) == (Reason.MISSING, "enhance", 0.0, 8.0)
