"""Clip: a two-channel, two-speaker conversation; the unit of the dataset."""

import hashlib
from dataclasses import dataclass

from schemas.conversation import Overlap, Quality, Segment, TurnEvent, Word
from schemas.licence import Licence
from schemas.persona import NO_ROLES, PromptCodes, Roles, VoiceSample
from schemas.recording import Recording
from schemas.transcript import Transcribed


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """From the clip back to the bytes. `fingerprint` stands for stage versions, configuration and weights.

    `layout`: how the source's tracks carried the voices. `separated`: the channels were made from one track.
    `enhanced`: music or noise was taken out before that.
    """

    uri: str
    uri_b: str | None
    container: str
    source_codec: str
    source_sample_rate_hz: int
    layout: str
    codec: str
    codec_sha256: str
    fingerprint: str
    separated: bool = False
    enhanced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipInfo:
    """Everything about a clip but its data.

    `speakers`: of channel 0 and 1; a person keeps the name in all clips of a recording. `stated_speakers`: whom the
    source names, where nothing tells which of them is on which channel. `overlaps`: of a separated clip, and how sure
    each of them is. `events`: its turn-taking, by start. `voices`: samples of the speakers' voices, best first;
    in a prepared file those cut from this clip, in a shard those of other clips, too. `roles`, `stated_roles`: as in
    `Voiced`. `prompt_codes`: what this clip's codec makes of silence and of a tone.
    """

    clip_id: str
    recording_id: str
    start_s: float
    end_s: float
    n_frames: int
    speakers: tuple[str, str]
    language: str | None
    licence: Licence
    quality: Quality
    segments: tuple[Segment, ...]
    provenance: Provenance
    overlaps: tuple[Overlap, ...] = ()
    stated_speakers: tuple[str, str] | None = None
    events: tuple[TurnEvent, ...] = ()
    transcript: Transcribed | None = None
    voices: tuple[VoiceSample, ...] = ()
    roles: Roles = NO_ROLES
    stated_roles: Roles | None = None
    prompt_codes: PromptCodes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """`codes`: int16 [2, 8, n_frames]. `turns`: int8 [2, n_frames]. `future`: int16 [n_frames]. `flac`: 24 kHz.

    `voices`: int16 [8, frames], the codes of the voice samples one after the other. `landmarks`: uint32 [n],
    the acoustic fingerprint, see `model.landmarks.find`; it stays in the prepared file.
    """

    info: ClipInfo
    codes: bytes
    turns: bytes
    future: bytes
    words: tuple[Word, ...]
    voices: bytes = b""
    landmarks: bytes = b""
    flac: bytes | None = None


def speakers_of(recording: Recording, voices: tuple[int, int] | None) -> tuple[str, str]:
    """What the speakers of channel 0 and 1 are called in all clips of a recording.

    voices: their numbers in a recording whose channels were made from a mixture, None of one that came with two.
    """
    if voices is None and recording.source.speakers is not None:
        return recording.source.speakers
    first, second = voices or (0, 1)
    return f"{recording.recording_id}/{first}", f"{recording.recording_id}/{second}"


def clip_id_of(recording_id: str, start_sample: int, end_sample: int) -> str:
    """32 hex digits from the recording and the clip's place in it (samples at 24 kHz)."""
    return hashlib.sha256(f"{recording_id}:{start_sample}:{end_sample}".encode()).hexdigest()[:32]


def names_of(info: ClipInfo) -> tuple[str, ...]:
    """All names by which the speakers of a clip are known."""
    return (*info.speakers, *(info.stated_speakers or ()))
