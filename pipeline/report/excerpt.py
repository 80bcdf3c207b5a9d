"""The part of a clip that is shown: where it lies, what happens and what is said in it, and its sound."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from model.codec import Codec
from model.resample import to_int16
from model.sample_files import Word
from pipeline.decode import decode_channels
from pipeline.export.samples import Sample, Words, n_samples, read_sample
from pipeline.report.choose import Chosen
from schemas.clip import ClipInfo
from schemas.conversation import Segment, TurnEvent, TurnKind
from schemas.recording import FRAME_SAMPLES, SAMPLE_RATE_HZ
from schemas.shard import ClipRow

LENGTH_S: Final = 20.0
FRAME_S: Final = FRAME_SAMPLES / SAMPLE_RATE_HZ
_STEP: Final = 12  # frames between the places that are tried: about a second
_BEFORE: Final = 25  # frames that a decoder hears first
_BIT_RATE: Final = 64_000

Int16 = NDArray[np.int16]
Spans = list[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A stretch of a clip. Times are from its start; `start_s` is on the clip's clock.

    `overlaps`: (start, end, kind). `words`: of either channel, those that begin inside. `pcm`: int16 [2, samples],
    None where there is neither FLAC nor the codec; `decoded`: whether it comes from the tokens.
    """

    start_s: float
    length_s: float
    segments: list[Segment]
    backchannels: list[Segment]
    overlaps: list[tuple[float, float, str]]
    words: Words
    pcm: Int16 | None
    decoded: bool


def excerpt_of(out: Path, chosen: Chosen, codec: Callable[[], Codec | None]) -> Excerpt:
    """The part of a clip that shows best what it was chosen for. Raises ExportError for a damaged sample."""
    row = chosen.row
    sample = read_sample(out, row)
    start_s = start_of(row.info, chosen.criterion, row.duration_s)
    end_s = min(start_s + LENGTH_S, row.duration_s)
    pcm, decoded = _sound(sample, row, round(start_s / FRAME_S), end_s, codec)
    kind = TurnKind.BACKCHANNEL
    events = row.info.events
    return Excerpt(
        start_s=start_s,
        length_s=end_s - start_s,
        segments=_inside(row.info.segments, start_s, end_s),
        backchannels=_inside([e for e in events if e.kind is kind], start_s, end_s),
        overlaps=[
            (max(e.start_s - start_s, 0.0), min(e.end_s, end_s) - start_s, e.kind.removeprefix("overlap_"))
            for e in events
            if e.kind.startswith("overlap_") and e.start_s < end_s and e.end_s > start_s
        ],
        words=(_words(sample.words[0], start_s, end_s), _words(sample.words[1], start_s, end_s)),
        pcm=pcm,
        decoded=decoded,
    )


def start_of(info: ClipInfo, criterion: str, length_s: float) -> float:
    """Where the excerpt begins, on the clip's clock and on a frame: with most of what counts, then with talk of both.

    criterion: what the clip was chosen for.
    """
    spans = _telling(info, criterion)
    voices: list[Spans] = [[(s.start_s, s.end_s) for s in info.segments if s.channel == c] for c in (0, 1)]
    best, best_score = 0.0, -1.0
    for at in range(0, max(1, int((length_s - LENGTH_S) / FRAME_S) + 2), _STEP):
        start_s = at * FRAME_S
        score = _covered(spans, start_s) + 0.1 * min(_covered(voice, start_s) for voice in voices)
        if score > best_score + 1e-6:
            best, best_score = start_s, score
    return best


def _telling(info: ClipInfo, criterion: str) -> Spans:
    if criterion == "backchannels":
        return [(e.start_s, e.end_s) for e in info.events if e.kind is TurnKind.BACKCHANNEL]
    if criterion == "confidence":
        return [(o.start_s, o.end_s) for o in info.overlaps if o.confidence < 0.5]
    return [(e.start_s, e.end_s) for e in info.events if e.kind.startswith("overlap_")]


def _covered(spans: Spans, start_s: float) -> float:
    end_s = start_s + LENGTH_S
    return sum(max(0.0, min(end, end_s) - max(start, start_s)) for start, end in spans)


def _inside(parts: list[TurnEvent] | tuple[Segment, ...], start_s: float, end_s: float) -> list[Segment]:
    return [
        Segment(channel=p.channel, start_s=max(p.start_s - start_s, 0.0), end_s=min(p.end_s, end_s) - start_s)
        for p in parts
        if p.start_s < end_s and p.end_s > start_s
    ]


def _words(words: list[Word], start_s: float, end_s: float) -> list[Word]:
    return [(w, a - start_s, b - start_s, c) for w, a, b, c in words if start_s <= a < end_s]


def _sound(
    sample: Sample, row: ClipRow, first: int, end_s: float, codec: Callable[[], Codec | None]
) -> tuple[Int16 | None, bool]:
    """The sound of the excerpt, and whether it was decoded. first: its first frame."""
    begin, end = first * FRAME_SAMPLES, min(round(end_s * SAMPLE_RATE_HZ), n_samples(row))
    if "flac" in sample.files:
        return sample.pcm()[:, begin:end], False
    network = codec()
    if network is None:
        return None, False
    before = max(0, first - _BEFORE)
    codes = sample.codes[:, :, before : -(-end // FRAME_SAMPLES)]
    pcm = to_int16(decode_channels(network, codes))
    return pcm[:, begin - before * FRAME_SAMPLES : end - before * FRAME_SAMPLES], True


def mp3_of(pcm: Int16) -> bytes:
    """Sound as every browser plays it, a channel for either ear; no date or name of a program in it.

    pcm: int16 [2, samples] at 24 kHz.
    """
    file = io.BytesIO()
    with av.open(file, mode="w", format="mp3", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(
            "libmp3lame", rate=SAMPLE_RATE_HZ, options={"joint_stereo": "0", "compression_level": "7"}
        )
        stream.layout, stream.format, stream.bit_rate = "stereo", "s16p", _BIT_RATE
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm), format="s16p", layout="stereo")
        frame.sample_rate, frame.pts = SAMPLE_RATE_HZ, 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()
