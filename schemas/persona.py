"""Persona: what a speaker sounds like and who they are, for training that is conditioned on voice and role."""

from dataclasses import dataclass

from schemas.conversation import Scored

Roles = tuple[str | None, str | None]  # of two speakers; None where nobody says
NO_ROLES: Roles = (None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSample:
    """A stretch in which one speaker talks alone, as the codec encodes it by itself.

    `clip_id`: the clip it was cut from, which need not be the one it lies in. `channel`: the speaker's, in the clip
    it lies in. `start_s`, `end_s`: on the recording's clock. Its codes are the frames from `first_frame` to
    `end_frame` (exclusive) of the sample's array. `gain_db`: by how much it was made louder, to `loudness_lufs`
    (BS.1770). `speech_to_background_db`: its speech over what the channel holds while its speaker is silent.
    `clipped`: share of samples at full scale. `clear_s`: how far the other's speech stays away, at most 1.
    `quality`: 0 to 1, see `model.persona.solo.quality_of`.
    """

    clip_id: str
    channel: int
    start_s: float
    end_s: float
    first_frame: int
    end_frame: int
    gain_db: float
    loudness_lufs: float
    speech_to_background_db: float
    clipped: float
    clear_s: float
    quality: float

    @property
    def n_frames(self) -> int:
        """How many frames it has."""
        return self.end_frame - self.first_frame


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptCodes:
    """Codes of one frame, [8] each, which a prompt is built with: silence, and a 440-Hz tone at -24 LUFS."""

    silence: tuple[int, ...]
    tone: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Voiced:
    """A scored span with its persona material.

    `voices`: by channel, best first; none where a speaker is hardly ever alone. `roles`: what the speakers of channel
    0 and 1 are told to be. `stated_roles`: what the source says of its two speakers, where nothing tells which of
    them is on which channel. `landmarks`: as in `Clip`.
    """

    scored: Scored
    voices: tuple[VoiceSample, ...] = ()
    roles: Roles = NO_ROLES
    stated_roles: Roles | None = None
    landmarks: bytes = b""
