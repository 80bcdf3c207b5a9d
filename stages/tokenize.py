"""tokenize: codec tokens of both channels; this makes the clip."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import av
import numpy as np
import numpy.typing as npt

from model.codec import Codec, encode, load_codec
from schemas.clip import Clip, ClipInfo, Provenance, clip_id_of
from schemas.conversation import Scored
from schemas.recording import SAMPLE_RATE_HZ
from stages.contract import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenize:
    """`codec`: as `model.codec.load_codec` names it. `flac`: keep the audio beside the codes."""

    codec: str = "builtin"
    flac: bool = False
    name: ClassVar[str] = "tokenize"
    reads: ClassVar[type] = Scored
    writes: ClassVar[type] = Clip
    needs: ClassVar[Needs] = Needs(gpus=0.25)
    version: ClassVar[int] = 3

    def load(self, device: str) -> Callable[[Scored], Clip]:
        """Load the codec onto the device."""
        codec = load_codec(self.codec, device)
        return lambda row: tokenize(row, codec, flac=self.flac)


def tokenize(row: Scored, codec: Codec, *, flac: bool) -> Clip:
    """The clip of a scored span. Each channel is encoded alone, whole, with carried state."""
    span = row.labelled.worded.diarized.span
    pcm = np.frombuffer(span.pcm, dtype=np.int16).reshape(2, -1)
    codes = np.stack([encode(codec, channel.astype(np.float32) / 32768.0) for channel in pcm])
    return Clip(
        info=_info(row, codec, codes.shape[2]),
        codes=codes.astype(np.int16).tobytes(),
        turns=row.labelled.turns,
        future=row.labelled.future,
        words=row.labelled.worded.words,
        flac=flac_of(pcm) if flac else None,
    )


def _info(row: Scored, codec: Codec, n_frames: int) -> ClipInfo:
    diarized = row.labelled.worded.diarized
    span, unmixed = diarized.span, diarized.unmixed
    recording = span.source.recording
    source = recording.source
    voices = unmixed.voices if unmixed else (0, 1)
    stated = None if unmixed else source.speakers
    return ClipInfo(
        clip_id=clip_id_of(recording.recording_id, span.start_sample, span.end_sample),
        recording_id=recording.recording_id,
        start_s=span.start_sample / SAMPLE_RATE_HZ,
        end_s=span.end_sample / SAMPLE_RATE_HZ,
        n_frames=n_frames,
        speakers=stated or (f"{recording.recording_id}/{voices[0]}", f"{recording.recording_id}/{voices[1]}"),
        language=source.language,
        licence=recording.licence,
        quality=row.quality,
        segments=diarized.segments,
        provenance=Provenance(
            uri=source.name or source.uri,
            uri_b=source.name_b or source.uri_b,
            container=recording.container,
            source_codec=recording.codec,
            source_sample_rate_hz=recording.sample_rate_hz,
            layout=span.source.layout.kind.value,
            codec=codec.name,
            codec_sha256=codec.digest,
            fingerprint="",
            separated=unmixed is not None,
            enhanced=unmixed is not None and unmixed.background.enhanced,
        ),
        overlaps=unmixed.overlaps if unmixed else (),
        stated_speakers=source.speakers if unmixed else None,
        events=row.labelled.events,
        transcript=row.labelled.worded.transcript,
    )


def flac_of(pcm: npt.NDArray[np.int16]) -> bytes:
    """A FLAC file, 24 kHz stereo. pcm: int16 [2, samples]. The same samples give the same bytes."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="flac", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE_HZ, layout="stereo", options={"flags": "+bitexact"})
        for start in range(0, pcm.shape[1], SAMPLE_RATE_HZ):
            block = np.ascontiguousarray(pcm[:, start : start + SAMPLE_RATE_HZ].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="stereo")
            frame.sample_rate = SAMPLE_RATE_HZ
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return sink.getvalue()
