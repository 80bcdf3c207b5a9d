"""The configuration of a build and the stages it stands for."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from model.persona.roles import function_of
from schemas.errors import UserError
from schemas.policy import DEFAULT, Policy
from schemas.shard import NearDuplicates
from stages.contract import Stage
from stages.diarize import Diarize
from stages.enhance import Enhance
from stages.fingerprint import Fingerprint
from stages.ingest import Ingest
from stages.label import Label
from stages.layout import FindLayout
from stages.persona import Persona
from stages.score import Score
from stages.separate import Separate
from stages.split import Split
from stages.tokenize import Tokenize
from stages.transcribe import Transcribe
from stages.voices import FindVoices


class ConfigError(UserError):
    """An option that cannot be; the message says which and what is accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildConfig:
    """What shapes a dataset. Nothing else does: not the engine, the workers, the machine or the clock.

    `split_percent`: shares of train, validation, test. `shard_mb`: shards are at most about this large.
    `policy`: which recordings may be used. `today`: what dates in licences are compared with; it is written nowhere.
    `max_leakage_db`: clips that were separated from one track are left out where more of one speaker than this is
    expected in the other's channel, relative to that speaker's own. `near_duplicates`: drop clips whose conversation
    is there in other bytes, or keep them, in one split. `networks`: a folder of weights to take mixtures
    apart with, see `weight_files`. `aligner`: what gives the words of a transcript their times, see `load_aligner`.
    `recogniser`: what writes down recordings that come without words, see `load_recogniser`; "": nothing does.
    `roles`: FILE.py:FUNCTION that gives speakers their role texts, see `model.persona.roles`.
    """

    codec: str = "builtin"
    flac: bool = False
    policy: Policy = DEFAULT
    today: date | None = None
    max_span_s: float = 600.0
    min_clip_s: float = 5.0
    split_percent: tuple[int, int, int] = (90, 5, 5)
    shard_mb: int = 256
    max_leakage_db: float = -15.0
    near_duplicates: NearDuplicates = NearDuplicates.DROP
    networks: str = ""
    aligner: str = "builtin"
    recogniser: str = ""
    roles: str = ""

    def written(self) -> dict[str, Any]:
        """As it stands beside the data. Where the file of role texts lies does not: its digest is a weight's."""
        values = {**asdict(self), "roles": function_of(self.roles), "policy": self.policy.written()}
        del values["today"]
        return values

    def __post_init__(self) -> None:
        """Raise ConfigError where a value cannot be."""
        if sum(self.split_percent) != 100 or min(self.split_percent) < 0:
            shares = "/".join(map(str, self.split_percent))
            raise ConfigError(f"--split {shares}: give train/validation/test percentages that sum to 100, as 90/5/5")
        if not 0 < self.min_clip_s < self.max_span_s:
            raise ConfigError(
                f"--min-clip {self.min_clip_s:g} and --max-span {self.max_span_s:g}: "
                "the shortest clip must be longer than 0 s and shorter than the longest span"
            )
        if self.shard_mb < 1:
            raise ConfigError(f"--shard-mb {self.shard_mb}: give at least 1")
        if not math.isfinite(self.max_leakage_db):
            raise ConfigError(f"--max-leakage {self.max_leakage_db:g}: give a number of dB, as -15")


def parse_split(text: str) -> tuple[int, int, int]:
    """'90/5/5' -> (90, 5, 5). Raises ConfigError."""
    parts = text.split("/")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        raise ConfigError(f"--split {text}: give train/validation/test percentages that sum to 100, as 90/5/5")
    return int(parts[0]), int(parts[1]), int(parts[2])


def intake(config: BuildConfig) -> list[Stage]:
    """Which recordings may be used, and what they are."""
    return [
        Ingest(policy=config.policy, today=config.today),  # licence, digest, probe
    ]


def conversation(config: BuildConfig) -> list[Stage]:
    """From a recording to its clips. Rows go by their type: a mixture takes the three steps after the first."""
    return [
        FindLayout(min_recording_s=config.min_clip_s),  # one speaker per channel, or a mixture? how much bleed?
        Enhance(networks=config.networks),  # mixtures: music or noise under the speech?
        FindVoices(  # mixtures: who speaks when; cut
            max_span_s=config.max_span_s, min_clip_s=config.min_clip_s, networks=config.networks
        ),
        Separate(networks=config.networks),  # mixtures: two channels
        Split(max_span_s=config.max_span_s, min_clip_s=config.min_clip_s),  # cut where nobody speaks
        Diarize(),  # who speaks when, bleed left out
        Transcribe(aligner=config.aligner, recogniser=config.recogniser),  # words with times
        Label(),  # turns, backchannels, gaps, overlaps; per frame
        Score(),  # speech, overlap, levels
        Persona(roles=config.roles),  # samples of the voices, role texts
        Fingerprint(),  # landmarks: the same conversation in other bytes is known by them
        Tokenize(codec=config.codec, flac=config.flac),  # codec tokens: the clip
    ]


def describe_stages(stages: Sequence[Stage]) -> list[dict[str, object]]:
    """Name, version and settings of each stage, as they are written beside the data."""
    return [{"stage": s.name, "version": s.version, "settings": _settings(s)} for s in stages]


def _settings(stage: Stage) -> dict[str, object]:
    if isinstance(stage, Ingest):  # what it lets in shapes nothing: the policy is in the configuration
        return {}
    settings: dict[str, object] = asdict(stage)  # type: ignore[call-overload]
    return {**settings, "roles": function_of(stage.roles)} if isinstance(stage, Persona) else settings


def fingerprint(config: BuildConfig, weights: dict[str, str]) -> str:
    """SHA-256 over everything that shapes phase 1. weights: name -> SHA-256 of each network's weights."""
    shape = [describe_stages([*intake(config), *conversation(config)]), weights]
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()
