"""enhance: music and noise are taken out from under the speech of a mixture; clean audio passes bit for bit.

A recording is gone through twice: `measure_background` decides for the whole of it from a few stretches, then
`enhance_blocks` either hands the blocks on as they are or gives the speech in them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from model.diarization.networks import weight_files
from model.enhancer.apply import StreamingEnhancer, load_enhancer
from model.enhancer.detect import BackgroundMeter, Levels
from model.enhancer.net import Enhancer, gain_for
from model.resample import to_int16
from schemas.recording import Background, Mixture
from stages.contract import Needs, Row, Work
from stages.hear import mono_blocks
from stages.losses import lost
from stages.probe import AudioError

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]

ENHANCE_BELOW_DB: Final = 22.0
"""Measured: clean real calls and meetings lie at 26 to 42 dB, clean simulated ones with rooms, codecs or hiss 30 dB
under them above 24, but for a voice that was recorded in noise; steady noise or music at 10 dB at 10 to 20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enhance:
    """Mixture -> Mixture with its background: the decision. The sound is enhanced where it is heard next.

    `networks`: a folder of weights, see `weight_files`.
    """

    name: ClassVar[str] = "enhance"
    reads: ClassVar[type] = Mixture
    writes: ClassVar[type] = Mixture
    needs: ClassVar[Needs] = Needs(cpus=1.0)
    version: ClassVar[int] = 1

    networks: str = ""

    def load(self, device: str) -> Work:
        """Load the enhancer. It runs on the CPU whatever `device` says: every engine gives the same bytes."""
        net = load_enhancer(weight_files(self.networks)["enhancer"])

        def enhance(row: Mixture) -> Row:
            try:
                return replace(row, background=measure_background(mono_blocks(row), net))
            except AudioError as error:
                return lost(row.recording, self.name, error.reason, error.detail, (0, row.n_samples))

        return enhance


def measure_background(blocks: Iterable[Float32 | Int16], net: Enhancer) -> Background:
    """Measure a mono stream at 24 kHz: blocks of float32 [n] in [-1, 1] or int16 [n]. Holds 6 MB, takes seconds."""
    meter = BackgroundMeter(net)
    for block in blocks:
        meter.push(block)
    return decide(meter.result())


def decide(levels: Levels) -> Background:
    """The rule: speech less than `ENHANCE_BELOW_DB` over its background is enhanced."""
    return Background(
        speech_to_background_db=levels.ratio_db,
        speech_db=levels.speech_db,
        enhanced=levels.ratio_db < ENHANCE_BELOW_DB,
    )


def enhance_blocks(
    blocks: Iterable[Float32 | Int16], net: Enhancer, background: Background
) -> Iterator[Float32 | Int16]:
    """The blocks themselves where nothing is to be taken out, else the speech in them, of the same type and length.

    The enhanced blocks are cut otherwise than those that came in; together they are as long.
    """
    if not background.enhanced:
        yield from blocks
        return
    stream = StreamingEnhancer(net, gain_for(background.speech_db))
    kind: type[np.generic] = np.float32
    for block in blocks:
        kind = block.dtype.type
        made = stream.push(block)
        if made.size:
            yield _as(made, kind)
    rest = stream.flush()
    if rest.size:
        yield _as(rest, kind)


def _as(audio: Float32, kind: type[np.generic]) -> Float32 | Int16:
    return to_int16(audio) if kind is np.int16 else audio
