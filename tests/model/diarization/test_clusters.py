"""Voices among embeddings that are scattered around a few directions."""

import numpy as np
import pytest

from model.diarization.clusters import divided, find_voices, lasting, some_of, standing_out, two_voices
from model.speaker.windows import STEP_FRAMES, WINDOW_FRAMES, Windows


def scattered(counts: list[int], spread: float = 0.06, turn: int = 40) -> tuple[Windows, np.ndarray]:
    """Windows of voices that take turns of so many, and whose each is."""
    random = np.random.default_rng(0)
    centres = np.linalg.qr(random.standard_normal((128, len(counts))))[0].T
    turns = np.concatenate([np.full(-(-n // turn), k) for k, n in enumerate(counts)])
    truth = np.repeat(random.permutation(turns), turn)
    made = centres[truth] + spread * random.standard_normal((truth.size, 128))
    unit = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
    return Windows(unit, 37 + STEP_FRAMES * np.arange(truth.size)), truth


@pytest.mark.parametrize("counts", [[200], [160, 80], [120, 80, 80], [120, 80, 80, 80, 40]])
def test_voices_are_counted_and_told_apart(counts: list[int]) -> None:
    windows, truth = scattered(counts)
    found, _ = find_voices(windows)
    assert len(found.centroids) == len(counts)
    for label in range(len(counts)):
        assert len(set(truth[found.labels == label].tolist())) == 1
    assert np.allclose(np.linalg.norm(found.centroids, axis=1), 1.0, atol=1e-5)
    assert (np.diff(np.bincount(found.labels)) <= 0).all()


def test_accidents_are_no_voices() -> None:
    windows, _ = scattered([320, 200, 5], turn=5)
    assert len(find_voices(windows)[0].centroids) == 2


def test_what_lasts_is_rather_two_voices() -> None:
    centres = STEP_FRAMES * np.arange(400)
    turns, flicker = np.arange(400) // 100 % 2, np.arange(400) // (WINDOW_FRAMES // STEP_FRAMES) % 2
    assert lasting(centres, turns) > 0.7
    assert lasting(centres, flicker) < 0.0
    assert lasting(centres, np.zeros(400, np.int64)) == 0.0
    assert lasting(centres[::3], turns[::3]) > 0.7  # only some windows have a neighbour
    assert lasting(np.array([5]), np.array([0])) == 0.0


def test_of_a_long_recording_some_minutes_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    windows, _ = scattered([3_600, 1_800])
    assert some_of(windows) is windows
    monkeypatch.setattr("model.diarization.clusters.MOST_WINDOWS", 2_000)
    some = some_of(windows)
    assert 1_500 <= some.centres.size <= 2_000
    assert set(np.unique(some.centres // 3_000)) == {0, 3, 6, 9}
    assert some.embeddings.shape == (some.centres.size, 128)
    found, all_of_them = find_voices(some)[0], find_voices(windows)[0]
    assert np.allclose(found.centroids, all_of_them.centroids, atol=0.02)


def test_two_are_always_found() -> None:
    windows, truth = scattered([160, 80])
    found = two_voices(windows.embeddings)
    assert float(found.centroids[0] @ found.centroids[1]) < 0.2
    assert len({(a, b) for a, b in zip(truth.tolist(), found.labels.tolist(), strict=True)}) == 2
    assert divided(windows)[1] > 1.0
    alike, proof = divided(scattered([200])[0])
    assert float(alike.centroids[0] @ alike.centroids[1]) > 0.6
    assert proof < -0.5


def test_a_direction_stands_out_whatever_the_distance_of_the_voices() -> None:
    windows, truth = scattered([160, 160])
    near = windows.embeddings.copy()
    near[truth == 1] = 0.7 * near[truth == 1] + 0.7 * near[truth == 0].mean(0)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    assert standing_out(windows.embeddings) > 2.0
    assert standing_out(near) > 1.0
    assert abs(standing_out(scattered([320])[0].embeddings)) < 0.3
