"""How many voices there are, and which short window of a recording is whose.

Speech is divided in two as well as it can be, and each part again, as long as the parts are two voices: unlike, and
each of them lasting. One voice divides too, by its sounds and moods, but its parts stay alike and alternate quickly,
and it divides in other directions nearly as well.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.speaker.windows import WINDOW_FRAMES, Windows

Float32 = NDArray[np.float32]
Int = NDArray[np.int64]

TWO: Final = 0.0
"""The proof that two voices need. Of 224 recordings of two held-out voices 92 % reach it, of 112 of one voice 7 %
(pipeline.bench_voices)."""
THREE: Final = 0.1
"""The same for the parts of a part: 6 % of two voices are divided further, 41 % of three, 54 % of five."""
STANDING_OUT: Final = 0.7  # what the widest direction counts for, beside how unlike the parts are
LASTING: Final = 0.2  # what counts for the parts' lasting
FEW: Final = 20.0  # taken off, over the number of windows: by chance, few of them stand out more
_OTHERS: Final = 3  # directions that the widest one is compared with
SAME_VOICE: Final = 0.4  # cosine of parts found on different ways that are one voice after all
MIN_SHARE: Final = 0.05  # of the windows, or a part is an accident (overlaps, noises)
MIN_WINDOWS: Final = 20  # 2 s
MOST_WINDOWS: Final = 18_000  # half an hour of speech: more would cost memory and say no more
_MINUTE: Final = 3_000  # frames
_ROUNDS: Final = 10
_CLEAR: Final = 0.1


@dataclass(frozen=True, slots=True)
class Clusters:
    """Unit centroids float32 [K, E], largest first, and the index of each window's, int64 [W]."""

    centroids: Float32
    labels: Int


def some_of(windows: Windows) -> Windows:
    """About MOST_WINDOWS, whole minutes evenly spread over the recording; all of them where there are no more."""
    every = -(-windows.centres.size // MOST_WINDOWS)
    if every <= 1:
        return windows
    minutes, nth = np.unique(windows.centres // _MINUTE, return_inverse=True)
    taken = np.isin(nth, np.arange(0, minutes.size, every))
    return Windows(windows.embeddings[taken], windows.centres[taken])


def find_voices(windows: Windows) -> tuple[Clusters, float]:
    """The voices, and the proof that there is more than one: above TWO where there is."""
    whole = np.arange(windows.centres.size)
    halves, proof = divided(windows)
    if proof <= TWO:
        return settled(windows.embeddings, windows.embeddings.mean(0, keepdims=True)), proof
    least = max(MIN_WINDOWS, MIN_SHARE * whole.size)
    waiting, voices = [whole[halves.labels == k] for k in (0, 1)], []
    while waiting:
        part = waiting.pop()
        parts = _voices_in(windows, part, least)
        if len(parts) == 1:
            voices.append(part)
        waiting += parts if len(parts) > 1 else []
    return settled(windows.embeddings, _joined(windows.embeddings, voices)), proof


def _voices_in(windows: Windows, part: Int, least: float) -> list[Int]:
    """A part of the windows divided in two voices, or as it is."""
    if part.size < 2 * least:
        return [part]
    halves, proof = divided(Windows(windows.embeddings[part], windows.centres[part]))
    found = [part[halves.labels == k] for k in (0, 1)]
    return found if proof > THREE and min(p.size for p in found) >= least else [part]


def _joined(embeddings: Float32, parts: list[Int]) -> Float32:
    """Centroids of the parts, largest first; two parts of one voice have one."""
    sums = np.stack([embeddings[part].sum(0) for part in parts])
    sizes = np.array([part.size for part in parts])
    while len(sums) > 2:
        unit = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        alike = unit @ unit.T - 2.0 * np.eye(len(unit))
        a, b = np.unravel_index(int(alike.argmax()), alike.shape)
        if alike[a, b] < SAME_VOICE:
            break
        sums[a], sizes[a] = sums[a] + sums[b], sizes[a] + sizes[b]
        sums, sizes = np.delete(sums, b, 0), np.delete(sizes, b)
    ordered: Float32 = sums[np.argsort(-sizes, kind="stable")]
    return ordered


def divided(windows: Windows) -> tuple[Clusters, float]:
    """The best division into two parts, and the proof that they are two voices.

    It is less the more alike they are and the fewer the windows, more where they last and where no other direction
    divides as well.
    """
    halves = two_voices(windows.embeddings)
    alike = float(halves.centroids[0] @ halves.centroids[1])
    stays = LASTING * lasting(windows.centres, halves.labels)
    by_chance = FEW / windows.centres.size
    return halves, STANDING_OUT * standing_out(windows.embeddings) + stays - alike - by_chance


def standing_out(embeddings: Float32) -> float:
    """Log of the variance along the widest direction over the mean of the next three.

    It does not depend on how far apart voices lie, which a telephone line changes.
    """
    centred = embeddings - embeddings.mean(0)
    widest_last = np.linalg.eigvalsh(centred.T @ centred)
    return float(np.log(widest_last[-1] / widest_last[-1 - _OTHERS : -1].mean()))


def lasting(centres: Int, labels: Int) -> float:
    """1 where neighbouring windows, which share no sound, never change sides; 0 where they do it as if by chance."""
    after = np.searchsorted(centres, centres + WINDOW_FRAMES)
    there = after < centres.size
    there[there] = centres[after[there]] == centres[there] + WINDOW_FRAMES
    share = float(labels.mean())
    by_chance = 2.0 * share * (1.0 - share)
    if not there.any() or by_chance == 0.0:
        return 0.0
    return 1.0 - float((labels[there] != labels[after[there]]).mean()) / by_chance


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
        clear = np.ones(len(labels), np.bool_) if len(centroids) == 1 else ordered[:, -1] - ordered[:, -2] > _CLEAR
        moved = []
        for k, centroid in enumerate(centroids):
            own = embeddings[(labels == k) & clear]
            moved.append(own.mean(0) if len(own) else centroid)
        centroids = np.stack(moved) / np.linalg.norm(np.stack(moved), axis=1, keepdims=True)
    return Clusters(centroids.astype(np.float32), (embeddings @ centroids.T).argmax(1))
