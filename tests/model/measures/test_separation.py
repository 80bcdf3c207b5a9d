"""SI-SDR and leakage: from the definition, on whole signals, against the sums over frames."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.measures.baselines import copied, routed, sliced
from model.measures.separation import (
    CAP_DB,
    FLOOR_DB,
    LEAST_DB,
    ChannelScore,
    frame_sums,
    joined,
    score_channel,
    si_sdr_db,
)

RATE = 24_000
SECONDS = 12


def voices(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two noises, active 0-5 and 4-9 s, and their activity at 100 frames a second."""
    rng = np.random.default_rng(seed)
    active = np.zeros((2, SECONDS * 100), dtype=bool)
    active[0, :500] = active[1, 400:900] = True
    audio = rng.normal(scale=[[0.1], [0.05]], size=(2, SECONDS * RATE)) * np.repeat(active, 240, axis=1)
    return audio.astype(np.float32), active


def by_definition(estimate: np.ndarray, target: np.ndarray) -> float:
    """Le Roux et al. 2019, equation 3, on float64 signals."""
    e, s = estimate.astype(np.float64), target.astype(np.float64)
    scaled = (e @ s) / (s @ s) * s
    return float(10 * np.log10((scaled @ scaled) / ((scaled - e) @ (scaled - e))))


def scored(
    found: np.ndarray, truth: np.ndarray, active: np.ndarray, order: tuple[int, int] = (0, 1)
) -> list[ChannelScore]:
    sums = frame_sums(found, truth, truth.sum(axis=0))
    covered = np.ones(active.shape[1], dtype=bool)
    pairs = [(0, order[0]), (1, order[1])]
    return [score_channel(sums, pairs[k], pairs[1 - k], active, covered, name=str(k)) for k in (0, 1)]


def test_sums_over_frames_give_the_definition() -> None:
    truth, active = voices(0)
    rng = np.random.default_rng(1)
    found = (0.3 * truth + 0.1 * truth[::-1] + rng.normal(scale=0.01, size=truth.shape)).astype(np.float32)
    both, mixture = slice(4 * RATE, 5 * RATE), truth.sum(axis=0)
    for k, (score, solo) in enumerate(
        zip(scored(found, truth, active), (slice(0, 4 * RATE), slice(5 * RATE, 9 * RATE)), strict=True)
    ):
        for region, got, gain in (
            (slice(None), score.si_sdr_db.overall, score.gain_db.overall),
            (both, score.si_sdr_db.overlap, score.gain_db.overlap),
        ):
            want = by_definition(found[k, region], truth[k, region])
            assert got == pytest.approx(want, abs=1e-3)
            assert gain == pytest.approx(want - by_definition(mixture[region], truth[k, region]), abs=1e-3)
        assert score.si_sdr_db.solo == pytest.approx(by_definition(found[k, solo], truth[k, solo]), abs=1e-3)


def test_blocks_join() -> None:
    truth, _ = voices(2)
    whole = frame_sums(truth[::-1], truth, truth.sum(axis=0))
    cuts = [slice(0, 2_400), slice(2_400, 240_000), slice(240_000, None)]
    parts = joined([frame_sums(truth[::-1, c], truth[:, c], truth[:, c].sum(axis=0)) for c in cuts])
    for name in ("found", "truth", "mixture", "found_truth", "mixture_truth"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_perfect_and_silent_channels() -> None:
    truth, active = voices(3)
    for score in scored(truth, truth, active):
        assert score.si_sdr_db.overall == score.si_sdr_db.overlap == score.si_sdr_db.solo == CAP_DB
        assert score.leakage_db == FLOOR_DB
    for score in scored(np.zeros_like(truth), truth, active):
        assert score.si_sdr_db.overall == score.si_sdr_db.overlap == LEAST_DB
        assert math.isnan(score.leakage_db)
    assert math.isnan(si_sdr_db(0.0, 1.0, 0.0))
    assert si_sdr_db(0.0, 1.0, 1.0) == LEAST_DB


@pytest.mark.parametrize("bleed_db", [-10.0, -20.0, -35.0])
def test_leakage_is_the_level_of_the_bleed(bleed_db: float) -> None:
    truth, active = voices(4)
    found = (truth + 10 ** (bleed_db / 20) * truth[::-1]).astype(np.float32)
    for score in scored(found, truth, active):
        assert score.leakage_db == pytest.approx(bleed_db, abs=0.5)


def test_no_leakage_without_a_stretch_alone() -> None:
    truth, _ = voices(5)
    together = np.ones((2, SECONDS * 100), dtype=bool)
    assert all(math.isnan(score.leakage_db) for score in scored(truth, truth, together))
    assert all(math.isnan(score.si_sdr_db.solo) for score in scored(truth, truth, together))


def test_the_tail_of_a_channels_own_voice_is_no_leakage() -> None:
    truth, active = voices(6)
    late = active.copy()
    late[0, 480:500] = False  # the voice goes on for 0.2 s behind its true end, into the other's
    assert scored(truth, truth, late)[0].leakage_db == FLOOR_DB


@given(st.integers(0, 1_000), st.floats(0.01, 100.0))
def test_gain_and_order_of_channels_do_not_matter(seed: int, gain: float) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(2, 2_400)).astype(np.float32)
    active = rng.random((2, 10)) < 0.7
    found = (truth + 0.3 * rng.normal(size=truth.shape)).astype(np.float32)
    straight, turned = scored(found, truth, active), scored(np.float32(gain) * found[::-1], truth, active, (1, 0))
    for a, b in zip(straight, turned[::-1], strict=True):
        for field in ("overall", "overlap", "solo"):
            assert getattr(a.si_sdr_db, field) == pytest.approx(getattr(b.si_sdr_db, field), abs=1e-3, nan_ok=True)
        assert a.leakage_db == pytest.approx(b.leakage_db, abs=1e-3, nan_ok=True)


def test_baselines() -> None:
    truth, active = voices(7)
    mixture = truth.sum(axis=0)[: SECONDS * RATE - 100]
    np.testing.assert_array_equal(copied(mixture), np.stack([mixture, mixture]))
    cut, all_of_it = sliced(mixture, active), routed(mixture, active)
    assert cut.shape == all_of_it.shape == (2, mixture.size)
    np.testing.assert_array_equal(cut[0, : 4 * RATE], mixture[: 4 * RATE])
    assert not cut[:, 4 * RATE : 5 * RATE].any()
    assert not cut[1, : 4 * RATE].any()
    np.testing.assert_array_equal(all_of_it[:, 4 * RATE : 5 * RATE], copied(mixture)[:, 4 * RATE : 5 * RATE])
    assert routed(mixture, active[:, :300]).shape == (2, mixture.size)  # activity that ends early
