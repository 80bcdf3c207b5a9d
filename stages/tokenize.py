"""tokenize: codec tokens of both channels and of the voice samples; this makes the clip."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import av
import numpy as np
import numpy.typing as npt

from model.codec import N_CODEBOOKS, CodeArray, Codec, encode, load_codec
from model.persona.loudness import amplified
from model.persona.prompt_codes import prompt_codes
from schemas.clip import Clip, ClipInfo, Provenance, clip_id_of, speakers_of
from schemas.persona import PromptCodes, Voiced, VoiceSample
from schemas.recording import SAMPLE_RATE_HZ
from stages.contract import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenize:
    """`codec`: as `model.codec.load_codec` names it. `flac`: keep the audio beside the codes."""

    codec: str = "builtin"
    flac: bool = False
    name: ClassVar[str] = "tokenize"
    reads: ClassVar[type] = Voiced
    writes: ClassVar[type] = Clip
    needs: ClassVar[Needs] = Needs(gpus=0.25)
    version: ClassVar[int] = 5

    def load(self, device: str) -> Callable[[Voiced], Clip]:
        """Load the codec onto the device."""
        codec = load_codec(self.codec, device)
        prompt = prompt_codes(codec)
        return lambda row: tokenize(row, codec, prompt, flac=self.flac)


def tokenize(row: Voiced, codec: Codec, prompt: PromptCodes, *, flac: bool) -> Clip:
    """The clip of a span. Each channel, and each voice sample, is encoded alone, whole, with carried state."""
    labelled = row.scored.labelled
    span = labelled.worded.diarized.span
    pcm = np.frombuffer(span.pcm, dtype=np.int16).reshape(2, -1)
    codes = np.stack([encode(codec, channel.astype(np.float32) / 32768.0) for channel in pcm])
    return Clip(
        info=_info(row, codec, prompt, codes.shape[2]),
        codes=codes.astype(np.int16).tobytes(),
        turns=labelled.turns,
        future=labelled.future,
        words=labelled.worded.words,
        voices=voice_codes(row.voices, pcm, span.start_sample, codec).tobytes(),
        landmarks=row.landmarks,
        flac=flac_of(pcm) if flac else None,
    )


def voice_codes(
    voices: Sequence[VoiceSample], pcm: npt.NDArray[np.int16], start_sample: int, codec: Codec
) -> CodeArray:
    """The codes of the samples one after the other, int16 [8, frames]; each begins a new stream.

    pcm: int16 [2, samples] of the span that begins at `start_sample` of the recording.
    """
    parts = [np.zeros((N_CODEBOOKS, 0), np.int16)]
    for voice in voices:
        start, end = (round(time_s * SAMPLE_RATE_HZ) - start_sample for time_s in (voice.start_s, voice.end_s))
        audio = pcm[voice.channel, start:end].astype(np.float32) / 32768.0
        parts.append(encode(codec, amplified(audio, voice.gain_db)))
    return np.concatenate(parts, axis=1)


def _info(row: Voiced, codec: Codec, prompt: PromptCodes, n_frames: int) -> ClipInfo:
    labelled = row.scored.labelled
    diarized = labelled.worded.diarized
    span, unmixed = diarized.span, diarized.unmixed
    recording = span.source.recording
    source = recording.source
    return ClipInfo(
        clip_id=clip_id_of(recording.recording_id, span.start_sample, span.end_sample),
        recording_id=recording.recording_id,
        start_s=span.start_sample / SAMPLE_RATE_HZ,
        end_s=span.end_sample / SAMPLE_RATE_HZ,
        n_frames=n_frames,
        speakers=speakers_of(recording, unmixed.voices if unmixed else None),
        language=source.language,
        licence=recording.licence,
        quality=row.scored.quality,
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
        events=labelled.events,
        transcript=labelled.worded.transcript,
        voices=row.voices,
        roles=row.roles,
        stated_roles=row.stated_roles,
        prompt_codes=prompt,
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
