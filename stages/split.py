"""split: a recording becomes spans of at most ten minutes, cut only where neither channel speaks.

Every sample lies in exactly one span or rejection. Audio, voice activity and plan stream together: what is held is
never more than the span being gathered and ten seconds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from model.resample import Int16, Resampler, to_int16
from model.speech import DEFAULT_THRESHOLDS, SpeechFlags
from model.vad import SileroNetwork, StreamingVad, load_vad
from schemas.conversation import Span
from schemas.recording import SAMPLE_RATE_HZ, LaidOut
from stages.contract import Needs, Row, Work
from stages.decode import decode
from stages.losses import lost, why_left_out
from stages.plan import PAD_WINDOWS, WINDOW_SAMPLES, Piece, SpanPlanner
from stages.probe import AudioError


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """LaidOut -> spans, and rejections for what lies between them.

    `max_span_s`: longest span. `max_silence_s`: a joint silence this long ends a span; all of it but half a second
    at either end is left out. `min_clip_s`: shorter stretches are left out.
    """

    name: ClassVar[str] = "split"
    reads: ClassVar[type] = LaidOut
    writes: ClassVar[type] = Span
    needs: ClassVar[Needs] = Needs(cpus=1.0)
    version: ClassVar[int] = 1

    max_span_s: float = 600.0
    max_silence_s: float = 10.0
    min_clip_s: float = 5.0

    def load(self, device: str) -> Work:
        """Load the voice activity detector; it runs on the CPU whatever `device` says."""
        network = load_vad()

        def split(recording: LaidOut) -> Iterable[Row]:
            return _split(self, network, recording)

        return split


def _split(config: Split, network: SileroNetwork, row: LaidOut) -> Iterator[Row]:
    planner = SpanPlanner(config.max_span_s, config.max_silence_s, config.min_clip_s)
    audio, speech = Tape(), Tape()
    n_done = 0
    try:
        for pieces in _listen(row, network, planner, audio, speech):
            for piece in pieces:
                yield _row(config, row, piece, audio, speech)
                n_done = piece.end
            audio.forget_before(planner.keep_from)
            speech.forget_before(planner.keep_from // WINDOW_SAMPLES)
    except AudioError as error:
        yield lost(row.recording, config.name, error.reason, error.detail, (n_done, row.n_samples))


def _listen(
    row: LaidOut, network: SileroNetwork, planner: SpanPlanner, audio: "Tape", speech: "Tape"
) -> Iterator[list[Piece]]:
    """Decode, detect speech, plan; the tapes hold what the pieces may need. Raises AudioError."""
    resampler = Resampler(row.recording.sample_rate_hz, SAMPLE_RATE_HZ, 2)
    vad = StreamingVad(network, 2)
    flags = [SpeechFlags(DEFAULT_THRESHOLDS, PAD_WINDOWS) for _ in range(2)]

    def hear(block: Int16) -> list[Piece]:
        audio.add(block)
        probability = vad.push(block)
        speech.add(probability)
        either = [flag.push(channel) for flag, channel in zip(flags, probability, strict=True)]
        return planner.push(~(either[0] | either[1]))

    for block in decode(row.recording.source):
        yield hear(to_int16(resampler.push(block)))
    yield hear(to_int16(resampler.flush()))
    rest = vad.flush()
    speech.add(rest)
    last = [np.concatenate([flag.push(channel), flag.flush()]) for flag, channel in zip(flags, rest, strict=True)]
    yield planner.push(~(last[0] | last[1])) + planner.flush(audio.end)


def _row(config: Split, row: LaidOut, piece: Piece, audio: "Tape", speech: "Tape") -> Row:
    if piece.reason is not None:
        detail = why_left_out(piece, config.max_span_s, config.min_clip_s)
        return lost(row.recording, config.name, piece.reason, detail, (piece.start, piece.end))
    first, last = piece.start // WINDOW_SAMPLES, -(-piece.end // WINDOW_SAMPLES)
    return Span(
        source=row,
        start_sample=piece.start,
        end_sample=piece.end,
        pcm=audio.cut(piece.start, piece.end),
        speech=speech.cut(first, last),
    )


class Tape:
    """The end of a stream of [2, n] blocks, addressed by the stream's own positions."""

    def __init__(self) -> None:
        self._blocks: list[NDArray[np.generic]] = []
        self._start = 0
        self.end = 0

    def add(self, block: NDArray[np.generic]) -> None:
        """Append a block."""
        if block.shape[1]:
            self._blocks.append(block)
            self.end += block.shape[1]

    def cut(self, start: int, end: int) -> bytes:
        """The bytes of [2, end - start] in C order, from what has not been forgotten."""
        pieces: list[memoryview] = []
        for channel in (0, 1):
            at = self._start
            for block in self._blocks:
                a, b = max(start - at, 0), min(end - at, block.shape[1])
                if a < b:
                    pieces.append(np.ascontiguousarray(block[channel, a:b]).data)
                at += block.shape[1]
        return b"".join(pieces)

    def forget_before(self, position: int) -> None:
        """Let go of the blocks that end before a position."""
        while self._blocks and self._start + self._blocks[0].shape[1] <= position:
            self._start += self._blocks.pop(0).shape[1]
