"""Does music or noise lie under the speech? A few stretches spread over the recording, heard by the enhancer itself.

What the enhancer leaves is the speech. How much louder that is than what is heard while nobody speaks decides: there
the enhancer need not be right about a single word. Voices unlike those of its training it takes for noise here and
there, so that how much louder speech is than what is taken away from it stands in only where nobody ever stops.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from model.codec_blocks import one_thread
from model.enhancer.net import SAMPLE_RATE_HZ, Enhancer, gain_for
from model.enhancer.sounds import FRAME

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]

PROBE: Final = 4 * SAMPLE_RATE_HZ
MOST_PROBES: Final = 16
LIMIT_DB: Final = 60.0  # a ratio is kept within it
_SILENCE: Final = 1e-5  # -100 dB
_SPEECH_DB: Final = 25.0  # a frame within it of the loudest speech is speech
_PAUSE_DB: Final = 35.0  # a frame so far below is none
_FEWEST_PAUSES: Final = 0.04
_LOUD: Final = 0.95  # quantile of a probe's frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """What was heard: `speech_db` below full scale, -inf for silence; the others by how much speech is louder, in dB.

    `over_pauses_db`: than what is left between the words, `over_rest_db`: than what the enhancer takes away from
    under them. Both within `LIMIT_DB`.
    """

    speech_db: float
    over_pauses_db: float
    over_rest_db: float
    pause_share: float

    @property
    def ratio_db(self) -> float:
        """Speech over background: the figure that decides."""
        return self.over_pauses_db if self.pause_share >= _FEWEST_PAUSES else self.over_rest_db


class BackgroundMeter:
    """Gathers a mono stream at 24 kHz, blocks of float32 [n] or int16 [n]; holds at most `MOST_PROBES` probes.

    The stream is a row of probes of four seconds. Of every so many neighbours the loudest is kept; where there are
    too many, neighbours are twice as many from then on: a long silence does not hide a few words.
    """

    def __init__(self, net: Enhancer) -> None:
        self._net = net
        self._blocks: list[Float32] = []
        self._held = 0
        self._taken = 0
        self._group = 1
        self._probes: dict[int, Float32] = {}  # by the number of the group

    def push(self, block: Float32 | Int16) -> None:
        """Take a block."""
        audio = block.astype(np.float32) / np.float32(32_768) if block.dtype == np.int16 else block
        self._blocks.append(audio.astype(np.float32, copy=False))
        self._held += audio.size
        if self._held >= PROBE:
            self._cut()

    def result(self) -> Levels:
        """What was heard in everything taken; the stream ends here."""
        self._cut()
        rest = np.concatenate([np.zeros(0, np.float32), *self._blocks])
        if rest.size >= PROBE // 2 or (rest.size and not self._probes):
            self._take(np.pad(rest, (0, PROBE - rest.size)))
        return levels(self._net, [self._probes[number] for number in sorted(self._probes)])

    def _cut(self) -> None:
        audio = np.concatenate([np.zeros(0, np.float32), *self._blocks])
        whole = audio.size // PROBE * PROBE
        for start in range(0, whole, PROBE):
            self._take(audio[start : start + PROBE])
        self._blocks, self._held = [audio[whole:].copy()], audio.size - whole

    def _take(self, probe: Float32) -> None:
        self._keep(self._taken // self._group, probe.copy())
        self._taken += 1
        if len(self._probes) > MOST_PROBES:
            self._group *= 2
            before, self._probes = self._probes, {}
            for number, kept in sorted(before.items()):
                self._keep(number // 2, kept)

    def _keep(self, group: int, probe: Float32) -> None:
        if group not in self._probes or _energy(probe).mean() > _energy(self._probes[group]).mean():
            self._probes[group] = probe


def levels(net: Enhancer, probes: list[Float32]) -> Levels:
    """What the enhancer says of stretches of one recording, float32 [PROBE] each."""
    heard = np.array([_energy(probe) for probe in probes])
    loud = _loudest(heard) if probes else 0.0
    if loud < _SILENCE**2:
        return Levels(speech_db=-math.inf, over_pauses_db=LIMIT_DB, over_rest_db=LIMIT_DB, pause_share=1.0)
    gain = gain_for(10 * math.log10(loud) - 3)
    pairs = [_apart(net, probe, gain) for probe in probes]
    speech, rest = (np.array(parts) for parts in zip(*pairs, strict=True))
    return _compare(speech, rest, heard)


def _compare(speech: Float64, rest: Float64, heard: Float64) -> Levels:
    """Energies [probes, frames], full scale 1, of the estimate, of what it leaves out and of what was heard."""
    loudest = max(_loudest(speech), _SILENCE**2)
    active = speech >= loudest * 10 ** (-_SPEECH_DB / 10)
    pauses = speech < loudest * 10 ** (-_PAUSE_DB / 10)
    power = float(speech[active].mean())
    return Levels(
        speech_db=10 * math.log10(power),
        over_pauses_db=_ratio_db(power, heard[pauses]),
        over_rest_db=_ratio_db(power, rest[active]),
        pause_share=float(pauses.mean()),
    )


def _loudest(energy: Float64) -> float:
    """Energy that stands for loud speech: of probes not far below the loudest, the loud frames of an upper one."""
    loud = np.quantile(energy, _LOUD, axis=1)
    return float(np.quantile(loud[loud >= loud.max() * 10 ** (-_SPEECH_DB / 10)], 0.75))


def _ratio_db(power: float, others: Float64) -> float:
    other = float(others.mean()) if others.size else 0.0
    ratio_db = 10 * math.log10(power / max(other, power * 10 ** (-LIMIT_DB / 10)))
    return max(-LIMIT_DB, min(ratio_db, LIMIT_DB))


def _apart(net: Enhancer, probe: Float32, gain: float) -> tuple[Float64, Float64]:
    """Energy per frame of the speech and of the rest."""
    device = next(net.parameters()).device
    with one_thread():
        speech = net(torch.from_numpy(probe * np.float32(gain))[None].to(device))[0].cpu().numpy() / np.float32(gain)
    return _energy(speech), _energy(probe - speech)


def _energy(audio: Float32) -> Float64:
    """Mean square of each 20 ms."""
    frames = audio[: audio.size // FRAME * FRAME].reshape(-1, FRAME)
    energy: Float64 = np.square(frames, dtype=np.float64).mean(axis=1)
    return energy
