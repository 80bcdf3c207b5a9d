"""How good a sample of a voice a stretch of solo speech is, and which stretches of a conversation to take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.persona.solo import LONGEST_S, Stretch
from schemas.conversation import Segment

Pcm = NDArray[np.int16]

WINDOW_SAMPLES: Final = 480  # 20 ms, of the level
WINDOWS_PER_S: Final = 50
FULL_SCALE: Final = 32_700
BACKGROUND_DB: Final = (5.0, 35.0)  # speech over background that is worth nothing, and as good as any
WORST_CLIPPED: Final = 0.02  # share of the samples
ENHANCED: Final = 0.9
DIGITS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What holds for all stretches of a channel.

    `leakage_db`: level of the other speaker in it. `separated`: it was made from a mixture, whose overlaps have the
    mean `confidence`, and whose speech is `speech_to_background_db` over what lies under it, since silence fills the
    channel where its speaker is silent. `enhanced`: music or noise was taken out.
    """

    leakage_db: float
    separated: bool = False
    speech_to_background_db: float | None = None
    confidence: float | None = None
    enhanced: bool = False


def quality_of(stretch: Stretch, condition: Condition) -> float:
    """The product of what makes a sample good, each from 0 to 1.

    Speech: its seconds, a tenth each up to 10. Background: from 5 dB under the speech (0) to 35 dB (1). Clipping:
    none (1) to 2 % of the samples (0). Leakage: 1 less its amplitude, since the other may murmur unnoticed. Of a
    separated channel, how sure it is that this is the speaker: half for the distance to the other's speech, up to
    1 s, half for the confidence of the overlaps; 0.9 where it was enhanced.
    """
    low_db, high_db = BACKGROUND_DB
    quality = min(stretch.speech_s, LONGEST_S) / LONGEST_S
    quality *= float(np.clip((stretch.speech_to_background_db - low_db) / (high_db - low_db), 0.0, 1.0))
    quality *= max(0.0, 1.0 - stretch.clipped / WORST_CLIPPED)
    quality *= max(0.0, 1.0 - 10.0 ** (condition.leakage_db / 20.0))
    if condition.separated:
        quality *= 0.5 * stretch.clear_s + 0.5 * (1.0 if condition.confidence is None else condition.confidence)
    return float(round(quality * (ENHANCED if condition.enhanced else 1.0), DIGITS))


def powers(pcm: Pcm) -> NDArray[np.float64]:
    """Mean square of every 20 ms of a channel, full scale 1. int16 [samples] to float64 [windows]."""
    whole = pcm[: pcm.size // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
    blocks = [np.square(whole[i : i + 4096], dtype=np.float32).mean(axis=1) for i in range(0, len(whole), 4096)]
    return np.concatenate([np.zeros(0), *blocks]) / 32768.0**2


def active_windows(segments: Iterable[Segment], channel: int, windows: int) -> NDArray[np.bool_]:
    """Which of the 20-ms windows the channel's segments touch."""
    active = np.zeros(windows, np.bool_)
    for s in segments:
        if s.channel == channel:
            active[int(s.start_s * WINDOWS_PER_S) : int(np.ceil(s.end_s * WINDOWS_PER_S))] = True
    return active


def measured(
    stretches: Sequence[Stretch], pcm: Pcm, segments: Iterable[Segment], channel: int, condition: Condition
) -> list[Stretch]:
    """The stretches with what they are worth. pcm: int16 [samples] of the channel.

    The background is the median of the windows in which the channel's speaker is silent, 16-bit rounding at least.
    """
    if not stretches:
        return []
    power = powers(pcm)
    active = active_windows(segments, channel, power.size)
    silence = power[~active]
    background = max(float(np.median(silence)) if silence.size else 0.0, 1.0 / 12.0 / 32768.0**2)
    out = []
    for stretch in stretches:
        windows = slice(stretch.start // WINDOW_SAMPLES, stretch.end // WINDOW_SAMPLES)
        speech = power[windows][active[windows]]
        over_db = 10.0 * np.log10(max(float(speech.mean()) if speech.size else 0.0, background) / background)
        if condition.speech_to_background_db is not None:
            over_db = condition.speech_to_background_db
        full = np.abs(pcm[stretch.start : stretch.end].astype(np.int32)) >= FULL_SCALE
        known = replace(
            stretch, speech_to_background_db=round(float(over_db), 1), clipped=round(float(full.mean()), DIGITS)
        )
        out.append(replace(known, quality=quality_of(known, condition)))
    return out


def spread(stretches: Sequence[Stretch], most: int) -> list[Stretch]:
    """At most `most` of the stretches, best first: of as many parts of the conversation the best of each.

    Of two, the middle third gives none, so that one of them is far from any place. stretches: by start. Those of no
    quality are left out.
    """
    worth = [s for s in stretches if s.quality > 0.0]
    if most < 1 or not worth:
        return []
    if len(worth) <= most:
        chosen = worth
    else:
        parts = _parts(worth, 3 if most == 2 and len(worth) > 2 else most)
        parts = [parts[0], parts[-1]] if most == 2 else parts
        chosen = [max(part, key=lambda s: (s.quality, -s.start)) for part in parts]
    return sorted(chosen, key=lambda s: (-s.quality, s.start))


def _parts(stretches: Sequence[Stretch], count: int) -> list[Sequence[Stretch]]:
    """The stretches in `count` groups of nearly equal number, in their order."""
    edges = [round(i * len(stretches) / count) for i in range(count + 1)]
    return [stretches[a:b] for a, b in pairwise(edges)]
