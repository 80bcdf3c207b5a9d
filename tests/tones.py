"""Sound of clips that are only looked at: a tone on each channel."""

from functools import cache

import numpy as np

from stages.tokenize import flac_of


@cache
def tones_flac(n_frames: int, levels: tuple[int, int] = (8_000, 8_000)) -> bytes:
    """220 Hz on the first channel, 550 Hz on the second, as FLAC; frames of 80 ms, levels of 32,768."""
    time_s = np.arange(n_frames * 1_920) / 24_000
    tones = [level * np.sin(2 * np.pi * hz * time_s) for level, hz in zip(levels, (220.0, 550.0), strict=True)]
    return flac_of(np.rint(tones).astype(np.int16))
