"""persona: samples of each speaker's voice out of solo speech, and role texts, for conditioned training."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from model.persona.loudness import gain_to_target
from model.persona.quality import Condition, measured, spread
from model.persona.roles import RoleFacts, RoleGenerator, SpokenWord, load_roles
from model.persona.solo import Stretch, room_for, solo
from schemas.clip import clip_id_of, speakers_of
from schemas.conversation import Scored
from schemas.persona import NO_ROLES, Roles, Voiced, VoiceSample
from schemas.recording import FRAME_SAMPLES, SAMPLE_RATE_HZ
from stages.contract import Needs

Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Adds voice samples and roles. `roles`: FILE.py:FUNCTION of the user's own, see `model.persona.roles`."""

    name: ClassVar[str] = "persona"
    reads: ClassVar[type] = Scored
    writes: ClassVar[type] = Voiced
    needs: ClassVar[Needs] = Needs()
    version: ClassVar[int] = 1

    roles: str = ""

    def load(self, device: str) -> Callable[[Scored], Voiced]:
        """Load the user's generator, if any; there is no model."""
        generator = load_roles(self.roles) if self.roles else None
        return lambda row: with_persona(row, generator)


def with_persona(row: Scored, generator: RoleGenerator | None) -> Voiced:
    """A scored span with its persona material."""
    known, stated = manifest_roles(row)
    return Voiced(
        scored=row,
        voices=voices_of(row),
        roles=known if generator is None else generated_roles(row, known, stated, generator),
        stated_roles=stated,
    )


def voices_of(row: Scored) -> tuple[VoiceSample, ...]:
    """The voice samples of a span, by channel, best first; their codes will stand in this order."""
    diarized = row.labelled.worded.diarized
    span, segments = diarized.span, diarized.segments
    pcm = np.frombuffer(span.pcm, dtype=np.int16).reshape(2, -1)
    room = room_for(pcm.shape[1] / SAMPLE_RATE_HZ)
    clip_id = clip_id_of(span.source.recording.recording_id, span.start_sample, span.end_sample)
    voices: list[VoiceSample] = []
    for channel in (0, 1):
        found = solo(segments, channel, room.longest_s) if room.most else []
        known = measured(found, pcm[channel], segments, channel, condition_of(row, channel))
        for stretch in spread(known, room.most):
            level = gain_to_target(pcm[channel, stretch.start : stretch.end].astype(np.float32) / 32768.0)
            if level is not None:
                first = voices[-1].end_frame if voices else 0
                sample = _sample(stretch, span.start_sample, first, level)
                voices.append(replace(sample, clip_id=clip_id, channel=channel))
    return tuple(voices)


def condition_of(row: Scored, channel: int) -> Condition:
    """What is known of a whole channel."""
    unmixed, quality = row.labelled.worded.diarized.unmixed, row.quality
    if unmixed is None:
        return Condition(leakage_db=quality.leakage_db[channel])
    return Condition(
        leakage_db=quality.leakage_db[channel],
        separated=True,
        confidence=quality.overlap_confidence,
        speech_to_background_db=quality.speech_to_background_db,
        enhanced=unmixed.background.enhanced,
    )


def _sample(stretch: Stretch, offset: int, first_frame: int, level: tuple[float, float]) -> VoiceSample:
    """A stretch of a span that begins `offset` samples into the recording; whose it is is still to be said."""
    return VoiceSample(
        clip_id="",
        channel=0,
        start_s=(offset + stretch.start) / SAMPLE_RATE_HZ,
        end_s=(offset + stretch.end) / SAMPLE_RATE_HZ,
        first_frame=first_frame,
        end_frame=first_frame + (stretch.end - stretch.start) // FRAME_SAMPLES,
        gain_db=level[0],
        loudness_lufs=level[1],
        speech_to_background_db=stretch.speech_to_background_db,
        clipped=stretch.clipped,
        clear_s=round(stretch.clear_s, 3),
        quality=stretch.quality,
    )


def manifest_roles(row: Scored) -> tuple[Roles, Roles | None]:
    """(roles of channel 0 and 1, roles of speakers of whom the channel is not known) as the source states them.

    A mixture's speakers are known where its transcript names them as the source does and is certain of the channels.
    """
    worded = row.labelled.worded
    source = worded.diarized.span.source.recording.source
    if worded.diarized.unmixed is None or source.roles == NO_ROLES:
        return source.roles, None
    transcript = worded.transcript
    if source.speakers and transcript is not None and transcript.file is not None and transcript.certain:
        names = [name.casefold() for name in source.speakers]
        found = [name.casefold() for name in transcript.speakers]
        if found in (names, names[::-1]):
            return (source.roles if found == names else source.roles[::-1]), None
    return NO_ROLES, source.roles


def generated_roles(row: Scored, known: Roles, stated: Roles | None, generator: RoleGenerator) -> Roles:
    """What the user's generator says of the speakers on channel 0 and 1. Raises RoleError, and what it raises."""
    worded = row.labelled.worded
    span, unmixed = worded.diarized.span, worded.diarized.unmixed
    recording = span.source.recording
    source = recording.source
    speakers = speakers_of(recording, unmixed.voices if unmixed else None)
    words = [tuple(SpokenWord(w.text, w.start_s, w.end_s) for w in worded.words if w.channel == c) for c in (0, 1)]

    def said(channel: int) -> str | None:
        return generator(
            RoleFacts(
                channel=channel,
                speaker=speakers[channel],
                speakers=speakers,
                words=(words[0], words[1]),
                language=source.language,
                recording=source.name or source.uri,
                licence=recording.licence.spdx,
                duration_s=(span.end_sample - span.start_sample) / SAMPLE_RATE_HZ,
                role=known[channel],
                stated_speakers=source.speakers if unmixed else None,
                stated_roles=stated,
            )
        )

    return said(0), said(1)
