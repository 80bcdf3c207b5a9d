"""What a codec makes of silence and of a tone: the frames that a prompt is filled with where nobody speaks.

PersonaPlex has them as constants for Mimi (NVIDIA/personaplex, `models/lm.py`); here they are found for any codec.
"""

from collections import Counter
from typing import Final

import numpy as np

from model.codec import CodeArray, Codec, FloatArray, encode
from model.persona.loudness import amplified, gain_to_target
from schemas.persona import PromptCodes
from schemas.recording import SAMPLE_RATE_HZ

TONE_HZ: Final = 440.0
HEARD_S: Final = 4.0
SETTLED_FRAMES: Final = 25  # after which the codec has forgotten how the sound began


def prompt_codes(codec: Codec) -> PromptCodes:
    """The codes of a frame of silence and of a 440-Hz tone at -24 LUFS: the most frequent once it has settled."""
    seconds = np.arange(round(HEARD_S * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return PromptCodes(
        silence=_settled(encode(codec, np.zeros(seconds.size, np.float32))),
        tone=_settled(encode(codec, tone(seconds.size))),
    )


def tone(samples: int) -> FloatArray:
    """A 440-Hz sine at -24 LUFS, float32 [samples] at 24 kHz; at least 0.4 s."""
    sine = np.sin(2.0 * np.pi * TONE_HZ * np.arange(samples) / SAMPLE_RATE_HZ).astype(np.float32)
    gain = gain_to_target(sine)
    if gain is None:
        raise ValueError("a sine at full scale can be measured")
    return amplified(sine, gain[0])


def _settled(codes: CodeArray) -> tuple[int, ...]:
    """The most frequent frame, the first one of several; int16 [8, frames]."""
    frames = Counter(tuple(int(code) for code in frame) for frame in codes.T[SETTLED_FRAMES:])
    return frames.most_common(1)[0][0]
