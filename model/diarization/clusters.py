"""How many voices there are, and which short window of a recording is whose."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

Float32 = NDArray[np.float32]
Int = NDArray[np.int64]

MOST_WINDOWS: Final = 3_000  # that are clustered; the others go to the nearest cluster
PURE: Final = 0.75  # average cosine distance up to which windows are of one voice, and most likely of nothing else
ONE_VOICE: Final = 0.3  # cosine from which two clusters are one voice
MIN_SHARE: Final = 0.04  # of the windows, or they are accidents (overlaps, noises)
MIN_WINDOWS: Final = 15  # 1.5 s
_ROUNDS: Final = 10


@dataclass(frozen=True, slots=True)
class Clusters:
    """Unit centroids float32 [K, E], largest first, and the index of each window's, int64 [W]."""

    centroids: Float32
    labels: Int


def find_voices(embeddings: Float32) -> Clusters:
    """Voices among windows [W, E]: pure clusters by average linkage, then joined while their centres are alike."""
    some = embeddings[np.linspace(0, len(embeddings) - 1, min(len(embeddings), MOST_WINDOWS)).astype(np.int64)]
    labels = fcluster(linkage(some, "average", metric="cosine"), PURE, "distance")
    sizes = np.bincount(labels)
    large = np.flatnonzero(sizes >= MIN_WINDOWS)
    if not large.size:
        return settled(embeddings, embeddings.mean(0, keepdims=True))
    sums, sizes = np.stack([some[labels == k].sum(0) for k in large]), sizes[large]
    while len(sums) > 1:
        unit = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        likeness = unit @ unit.T - 2.0 * np.eye(len(unit))
        a, b = np.unravel_index(int(likeness.argmax()), likeness.shape)
        if likeness[a, b] < ONE_VOICE:
            break
        sums[a], sizes[a] = sums[a] + sums[b], sizes[a] + sizes[b]
        sums, sizes = np.delete(sums, b, 0), np.delete(sizes, b)
    order = np.argsort(-sizes, kind="stable")
    return settled(embeddings, sums[[k for k in order if sizes[k] >= MIN_SHARE * sizes.sum() or k == order[0]]])


def two_voices(embeddings: Float32) -> Clusters:
    """The best division of windows [W, E] into two voices, started along their widest direction."""
    centred = embeddings - embeddings.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    side = centred @ axes[:, -1] > 0
    return settled(embeddings, np.stack([embeddings[side].mean(0), embeddings[~side].mean(0)]))


def settled(embeddings: Float32, centroids: Float32) -> Clusters:
    """k-means on the sphere from these centroids; windows between two voices (overlaps) pull at none."""
    centroids = centroids / np.linalg.norm(centroids, axis=1, keepdims=True)
    for _ in range(_ROUNDS):
        likeness = embeddings @ centroids.T
        labels = likeness.argmax(1)
        ordered = np.sort(likeness, axis=1)
        clear = np.ones(len(labels), np.bool_) if len(centroids) == 1 else ordered[:, -1] - ordered[:, -2] > 0.1
        moved = []
        for k, centroid in enumerate(centroids):
            own = embeddings[(labels == k) & clear]
            moved.append(own.mean(0) if len(own) else centroid)
        centroids = np.stack(moved) / np.linalg.norm(np.stack(moved), axis=1, keepdims=True)
    return Clusters(centroids.astype(np.float32), (embeddings @ centroids.T).argmax(1))
