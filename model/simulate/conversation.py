"""A conversation with known channels: who speaks when, in which voice, and what a microphone hears of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.simulate.acoustics import hear
from model.simulate.phrases import HOP, PAUSE_S, SAMPLE_RATE_HZ, Float32, runs_of
from model.simulate.placement import Placed, place
from model.simulate.scene import Scene
from model.simulate.sounds import Sounds
from model.simulate.supply import Supply
from model.simulate.timing import Event, TimingModel, window
from model.simulate.voices import Pair, Voice, Voices

Random = np.random.Generator
_LEAD_S: Final = 1.5
_SHARE: Final = 0.5
"""Of a conversation's length that a voice should be able to speak for."""
_AFTER_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Simulated:
    """A conversation and its truth, all at 24 kHz and of one length.

    mixture: float32 [S]. channels: float32 [n, S], each speaker dry, at the time, level and band it has in the
    mixture. images: float32 [n, S], the same after the room. activity: bool [n, frames of 10 ms], of what the line
    lets through. speakers: a voice per channel.
    """

    mixture: Float32
    channels: Float32
    images: Float32
    activity: NDArray[np.bool_]
    events: list[Event]
    speakers: tuple[Voice, ...]
    scene: Scene


def simulate(  # noqa: PLR0917
    random: Random,
    voices: Voices | Sequence[Voice],
    timing: TimingModel,
    scene: Scene,
    sounds: Sounds,
    length_s: float,
    n_speakers: int = 2,
    *,
    pair: Pair = "any",
    inside: bool = True,
) -> Simulated:
    """A conversation of `length_s` seconds.

    voices: to draw the speakers from (see Voices.draw for `pair`), or the speakers themselves, one per channel.
    inside: a window out of a running conversation, which is always as long as asked; else one from its beginning,
    which ends when a voice has nothing left to say. Raises SpeechError where there are not enough voices.
    """
    lead_s = _LEAD_S if inside else 0.0
    if isinstance(voices, Voices):
        chosen = voices.draw(random, n_speakers, pair, (length_s + lead_s) * (1.0 if n_speakers == 1 else _SHARE))
    else:
        chosen = list(voices)
    supplies = _supplies(chosen, scene.speeds, random)
    planned_s = (length_s + 2 * lead_s) if inside else length_s * 1.1 + 5.0
    events = timing.draw(random, planned_s, len(chosen), inside=inside)
    placed = place(events, supplies, length_s + lead_s, random, ends=not inside)
    placed = _cropped(placed, lead_s, length_s) if inside else _ended(placed)
    heard = hear(placed.channels, placed.activity, scene, sounds, random)
    activity = placed.activity if scene.band_hz is None else placed.activity & audible(heard.channels)
    return Simulated(heard.mixture, heard.channels, heard.images, activity, placed.events, tuple(chosen), scene)


def audible(channels: Float32) -> NDArray[np.bool_]:
    """Per 10 ms, bool [n, frames], what is left of each channel's speech on a line: all within 40 dB of its loudest.

    Gaps shorter than a pause are none.
    """
    power = np.square(channels).reshape(len(channels), -1, HOP).mean(2)
    heard: NDArray[np.bool_] = power > 1e-4 * np.quantile(power, 0.98, axis=1, keepdims=True) + 1e-12
    for row in heard:
        for start, end in runs_of(~row):
            if start > 0 and end < row.size and (end - start) * HOP < PAUSE_S * SAMPLE_RATE_HZ:
                row[start:end] = True
    return heard


def _supplies(voices: Sequence[Voice], speeds: Sequence[float], random: Random) -> list[Supply]:
    """What each speaker may say; where two have one voice, they share its phrases out."""
    shares = [(sum(w is v for w in voices[:i]), sum(w is v for w in voices)) for i, v in enumerate(voices)]
    orders = {id(voice): int(random.integers(2**32)) for voice in voices}
    return [
        Supply(voice, np.random.default_rng(orders[id(voice)]), share, speed=speed)
        for voice, share, speed in zip(voices, shares, speeds, strict=False)
    ]


def _cropped(placed: Placed, start_s: float, length_s: float) -> Placed:
    """The window of `length_s` seconds from `start_s`."""
    first = round(start_s * SAMPLE_RATE_HZ / HOP)
    end = first + round(length_s * SAMPLE_RATE_HZ / HOP)
    return Placed(
        np.ascontiguousarray(placed.channels[:, first * HOP : end * HOP]),
        placed.activity[:, first:end],
        window(placed.events, start_s, start_s + length_s),
        placed.ended,
    )


def _ended(placed: Placed) -> Placed:
    """Without the silence after a conversation that ended early."""
    if not placed.ended:
        return placed
    last_s = max((e.end_s for e in placed.events), default=0.0) + _AFTER_S
    frames = min(int(last_s * SAMPLE_RATE_HZ / HOP), placed.activity.shape[1])
    return Placed(
        np.ascontiguousarray(placed.channels[:, : frames * HOP]),
        placed.activity[:, :frames],
        placed.events,
        ended=True,
    )
