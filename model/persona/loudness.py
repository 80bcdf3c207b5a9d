"""Loudness after ITU-R BS.1770, and bringing a voice to that of PersonaPlex's prompts."""

import math
from typing import Final

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray

from model.codec_blocks import one_thread
from schemas.recording import SAMPLE_RATE_HZ

Float32 = NDArray[np.float32]

TARGET_LUFS: Final = -24.0
HEADROOM: Final = 0.999  # of full scale, that no peak may pass
DIGITS: Final = 2


def loudness_lufs(audio: Float32) -> float:
    """Loudness of one channel, float32 [samples] at 24 kHz; NaN where nothing is loud enough to be measured.

    ITU-R BS.1770-4 by torchaudio, on one thread. audio: at least 0.4 s.
    """
    with one_thread():
        return float(torchaudio.functional.loudness(torch.from_numpy(audio)[None].double(), SAMPLE_RATE_HZ))


def gain_to_target(audio: Float32) -> tuple[float, float] | None:
    """(gain in dB, loudness after it) that brings a channel to -24 LUFS, or as near as no peak clips.

    None where it is too quiet to be measured.
    """
    before = loudness_lufs(audio)
    if not math.isfinite(before):
        return None
    room_db = 20.0 * math.log10(HEADROOM / float(np.abs(audio).max()))
    gain_db = round(min(TARGET_LUFS - before, room_db - 0.5 * 10.0**-DIGITS), DIGITS)
    return gain_db, round(before + gain_db, DIGITS)


def amplified(audio: Float32, gain_db: float) -> Float32:
    """The same, louder."""
    out: Float32 = (audio * 10.0 ** (gain_db / 20.0)).astype(np.float32)
    return out
