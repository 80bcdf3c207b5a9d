"""How well the separator does on simulated conversations of held-out voices whose solo speech is known.

Overlaps are separated as in a recording, with the true activity; the examples alone are the same without the
network's correction. Its activity is read off its log odds frame by frame.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.diarization.activity import solo
from model.diarization.networks import Networks
from model.diarization.track import Track
from model.diarization.viterbi import log_odds_of
from model.measures.separation import frame_sums, score_channel
from model.resample import to_int16
from model.segmentation.scenes import dense
from model.separator.net import SeparatorNet
from model.separator.separate import separate
from model.separator.spectrum import HOP
from model.simulate.conversation import Simulated, simulate
from model.simulate.scene import draw_scene
from model.simulate.sounds import Sounds
from model.simulate.timing import TimingModel
from model.simulate.voices import Pair, Voices

Bool = NDArray[np.bool_]
Values = dict[str, float]

SCENES: Final = ("clean", "telephone", "noise10", "reverb")
KINDS: Final[tuple[Pair, ...]] = ("mixed", "same")
COUNT: Final = 5
LENGTH_S: Final = 24.0
LEAST_SOLO: Final = 50  # frames of 20 ms
_SEED: Final = 3_407


def conversations(
    voices: Voices, sounds: Sounds, scene: str, pair: Pair, *, count: int = COUNT, length_s: float = LENGTH_S
) -> Iterator[Simulated]:
    """`count` conversations with much overlap; whatever the scene, the same people say the same at the same time."""
    timing = dense(TimingModel.builtin())
    for number in range(count):
        drawn = draw_scene(np.random.default_rng([_SEED, number]), scene)
        random = np.random.default_rng([_SEED, number, KINDS.index(pair)])
        yield simulate(random, voices, timing, drawn, sounds, length_s, pair=pair)


def pairs_there(voices: Voices) -> tuple[Pair, ...]:
    """Which kinds of pairs these voices make."""
    high = sum(voice.high for voice in voices)
    low = len(voices) - high
    return tuple(kind for kind, there in zip(KINDS, (min(high, low) > 0, max(high, low) > 1), strict=True) if there)


def measure_on(networks: Networks, voices: Voices, sounds: Sounds, count: int = COUNT) -> dict[str, Values]:
    """Figures by pair and scene; see `of_set`."""
    return {
        f"{pair} pairs, {scene}": of_set(networks, conversations(voices, sounds, scene, pair, count=count))
        for pair in pairs_there(voices)
        for scene in SCENES
    }


def of_set(networks: Networks, made: Iterator[Simulated]) -> Values:
    """Over conversations: means of the SI-SDR gained inside overlaps, and frames of activity found, pooled.

    Conversations in which a speaker says nothing alone, or nothing is overlapped, are left out.
    """
    gains: list[list[float]] = []
    overlap_s = 0.0
    counts = np.zeros((2, 3))  # of speech and overlap: found, true, both
    alone = Networks(networks.speaker, SeparatorNet().eval().requires_grad_(False))  # without corrections
    for conversation in made:
        activity = conversation.activity[:, ::2]
        if solo(activity).sum(1).min() < LEAST_SOLO or not activity.all(0).any():
            continue
        audio = to_int16(conversation.mixture)
        track = Track(audio, activity[0] | activity[1], networks)
        known = track.know(solo(activity))
        odds = log_odds_of(track.scores(known, 0, activity.shape[1]).astype(np.float64)).astype(np.float32)
        counts += found_frames(odds.T > 0, activity)
        overlap_s += float(activity.all(0).sum()) / 50
        told = known.to_bytes()
        pairs = (separate(audio, activity, odds, told, n).channels for n in (networks, alone))
        gains.append([gained_db(c, conversation) for c in pairs])
    if not gains:
        return {}
    by_network, by_examples = np.mean(gains, axis=0)
    (speech_found, speech, speech_right), (overlap_found, overlap, overlap_right) = counts.tolist()
    return {
        "overlap_s": overlap_s,
        "gain_db": float(by_network),
        "examples_gain_db": float(by_examples),
        "overlap_recall": overlap_right / max(overlap, 1),
        "overlap_precision": overlap_right / max(overlap_found, 1),
        "speech_recall": speech_right / max(speech, 1),
        "speech_precision": speech_right / max(speech_found, 1),
    }


def gained_db(channels: NDArray[np.int16], truth: Simulated) -> float:
    """Mean over the two speakers of the SI-SDR inside overlaps less that of the mixture, against their images."""
    size = min(channels.shape[1], truth.images.shape[1]) // HOP * HOP
    found = channels[:, :size].astype(np.float32) / np.float32(32_768)
    sums = frame_sums(found, truth.images[:, :size], truth.mixture[:size])
    active = truth.activity[:, : sums.n_frames]
    covered = np.ones(sums.n_frames, np.bool_)
    scores = [score_channel(sums, (c, c), None, active, covered, name="") for c in (0, 1)]
    return float(np.mean([score.gain_db.overlap for score in scores]))


def found_frames(found: Bool, activity: Bool) -> NDArray[np.int64]:
    """Frames found, true and both, of speech and of overlap, [2, 3]; found, activity: [2, T]."""
    made = []
    for count in (1, 2):
        said, true = found.sum(0) >= count, activity.sum(0) >= count
        made.append([said.sum(), true.sum(), (said & true).sum()])
    return np.array(made)
