"""Voices among embeddings that are scattered around a few directions."""

import numpy as np
import pytest

from model.diarization.clusters import find_voices, two_voices


def scattered(counts: list[int], seed: int = 0, spread: float = 0.06) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    centres = np.linalg.qr(random.standard_normal((128, len(counts))))[0].T
    truth = np.repeat(np.arange(len(counts)), counts)
    made = centres[truth] + spread * random.standard_normal((truth.size, 128))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32), truth


@pytest.mark.parametrize("counts", [[200], [150, 60], [100, 90, 80], [80, 70, 60, 50, 40]])
def test_voices_are_counted_and_told_apart(counts: list[int]) -> None:
    embeddings, truth = scattered(counts)
    found = find_voices(embeddings)
    assert len(found.centroids) == len(counts)
    for label in range(len(counts)):
        assert len(set(truth[found.labels == label].tolist())) == 1
    assert np.allclose(np.linalg.norm(found.centroids, axis=1), 1.0, atol=1e-5)


def test_accidents_are_no_voices() -> None:
    assert len(find_voices(scattered([300, 200, 5])[0]).centroids) == 2


def test_more_windows_than_are_clustered() -> None:
    assert len(find_voices(scattered([4_000, 2_500])[0]).centroids) == 2


def test_two_are_always_found() -> None:
    embeddings, truth = scattered([150, 60])
    found = two_voices(embeddings)
    assert float(found.centroids[0] @ found.centroids[1]) < 0.2
    assert len({(a, b) for a, b in zip(truth.tolist(), found.labels.tolist(), strict=True)}) == 2
    alike = two_voices(scattered([200])[0])
    assert float(alike.centroids[0] @ alike.centroids[1]) > 0.6
