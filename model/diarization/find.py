"""Who speaks when in a recording on one track.

Embeddings of short windows give the voices; a path through them gives each voice's solo speech; from that the
separator knows two voices and says for each frame which of them speak, overlap included; one path settles it. The
last two steps are done again with the better solo speech and with the separator's last layer adapted to it. Where
more than two talk, this is done for the stretches in which two talk.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.diarization.activity import nearest, solo
from model.diarization.adapt import adapted
from model.diarization.clusters import Clusters, find_voices, some_of
from model.diarization.networks import Networks
from model.diarization.pairs import pairs_of
from model.diarization.track import Track
from model.diarization.viterbi import best_path, both_states, change_costs, log_odds_of
from model.speaker.net import FRAME_RATE_HZ
from model.speaker.windows import Windows

Bool = NDArray[np.bool_]
Int = NDArray[np.int64]
Float32 = NDArray[np.float32]

HEARD: Final = 0.3  # probability from which a frame may be speech
CHANGE: Final = 3.0  # log odds that a change of state must win
JOINING: Final = 2.0  # the same for the second of two voices
LEAN: Final = (0.5, 0.5, 1.5)
"""Added to the scores of the first, of the second and of both: so that eight tenths of the overlap are found. Of 30
conversations of held-out voices (pipeline.bench_quality --count 4 --seed 900) 0.81 of it is, 0.46 of what is found is
right, 5.3 % of speech is in error; with 0.5 as the last these are 0.72, 0.55 and 4.5 %, with -0.5 0.60, 0.63, 3.9."""
MOST_OVERLAP: Final = 0.1
"""Share of the speech that two may overlap, beside OVERLAP_S: nine tenths of the stretches of 15 s to 5 min in 45
consultations have less; without it 7 of those 30 conversations would be found to have more."""
OVERLAP_S: Final = 1.0
LEAN_STEP: Final = 0.25  # taken off the score of both until there is no more overlap than that
LEAST_LEAN: Final = -4.0
SHARPNESS: Final = 5.0  # log odds per unit of cosine
CLEAR: Final = 0.3  # by so much must a frame be more like one voice than the others to teach what that voice is
LEAST_SOLO: Final = 50  # frames from which a voice can be known
ENOUGH_SOLO: Final = 3_000
"""Frames: in a stretch with less, a voice is known by the nearest of the rest of the recording, up to so many."""
LEAST_WINDOWS: Final = 30


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames start to end in which two of the recording's voices talk; the first of the two is channel 0.

    start and end are multiples of 8 frames (3,840 samples), but for the recording's end. activity: bool
    [2, end - start]. log_odds: of speech, float32 [end - start, 2]. known: see `Known.to_bytes`.
    """

    start: int
    end: int
    voices: tuple[int, int]
    activity: Bool
    log_odds: Float32
    known: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """How many voices a recording has, the proof that it is more than one (see `find_voices`), and its stretches.

    The stretches are ascending and disjoint; in what lies between them a third voice talks, or one that hardly ever
    speaks alone. There are none where there is one voice, or none. Each is made when it is asked for.
    """

    n_voices: int
    proof: float
    stretches: Iterator[Stretch]


def find(audio: NDArray[np.int16], speech: Float32, networks: Networks) -> Found:
    """Who speaks when. audio: [samples] at 24 kHz, or a memory map; speech: probability per 20-ms frame."""
    heard = speech[: audio.size // 480] > HEARD
    if heard.sum() < LEAST_SOLO:
        return Found(0, -1.0, iter(()))
    track = Track(audio, heard, networks)
    n_voices, proof, voice_of_frame, clear = _voices(track, heard)
    if n_voices == 1:
        return Found(1, proof, iter(()))
    pairs = pairs_of(voice_of_frame, n_voices)
    made = (_stretch(track, voice_of_frame, clear, (start, end), pair) for start, end, pair in pairs)
    return Found(n_voices, proof, (stretch for stretch in made if stretch is not None))


def _voices(track: Track, heard: Bool) -> tuple[int, float, Int, Bool]:
    """How many voices, the proof that it is more than one, and `who` has which frame."""
    windows = track.embedder.windows()
    if windows.centres.size < LEAST_WINDOWS:
        return 1, -1.0, np.where(heard, 0, -1), heard
    clusters, proof = find_voices(some_of(windows))
    if len(clusters.centroids) == 1:
        return 1, proof, np.where(heard, 0, -1), heard
    return len(clusters.centroids), proof, *who(heard, windows, clusters)


def who(heard: Bool, windows: Windows, clusters: Clusters) -> tuple[Int, Bool]:
    """The voice of each frame [T], -1 where there is no speech, and whether it is clearly that one's."""
    frames = np.arange(heard.size)
    likeness = windows.embeddings @ clusters.centroids.T
    per_frame = np.stack([np.interp(frames, windows.centres, column) for column in likeness.T], 1)
    path = best_path(SHARPNESS * per_frame, change_costs(per_frame.shape[1], CHANGE))
    ordered = np.sort(per_frame, axis=1)
    clear = (ordered[:, -1] - ordered[:, -2] > CLEAR) & (per_frame.argmax(1) == path)
    return np.where(heard, path, -1), clear


def decided(scores: Float32) -> Bool:
    """Who speaks, [2, T], by the scores [T, 3].

    Where they would have two overlap more than people do (a voice that gets loud looks like both), the least sure of
    it is given up.
    """
    lean = np.array(LEAN)
    while True:
        activity = both_states(scores.astype(np.float64) + lean, CHANGE, JOINING)
        most = MOST_OVERLAP * activity.any(0).sum() + OVERLAP_S * FRAME_RATE_HZ
        if activity.all(0).sum() <= most or lean[2] <= LEAST_LEAN:
            return activity
        lean[2] -= LEAN_STEP


def _stretch(
    track: Track, voice_of_frame: Int, clear: Bool, where: tuple[int, int], pair: tuple[int, int]
) -> Stretch | None:
    """Two voices followed through a stretch; None where one of them hardly ever speaks alone."""
    alone = np.stack([(voice_of_frame == v) & clear for v in pair])
    if alone.sum(1).min() < LEAST_SOLO:
        alone = np.stack([voice_of_frame == v for v in pair])
    if alone.sum(1).min() < LEAST_SOLO:
        return None
    alone = nearest(alone, *where, ENOUGH_SOLO)
    activity = decided(track.scores(track.know(alone), *where))
    better = alone.copy()
    better[:, slice(*where)] = solo(activity)
    if better.sum(1).min() < LEAST_SOLO:
        better = alone
    doubtful = np.zeros_like(alone)
    doubtful[:, slice(*where)] = alone[:, slice(*where)] & activity.all(0)
    known = track.know(better)
    scores = track.scores(known, *where, adapted(track, better, better | doubtful))
    activity = decided(scores)
    log_odds = log_odds_of(scores.astype(np.float64)).astype(np.float32)
    return Stretch(*where, pair, activity, log_odds, known.to_bytes())
