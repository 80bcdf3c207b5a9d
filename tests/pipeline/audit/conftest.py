"""Small datasets by hand: recordings of two clips with the licences that a test gives them, and their evidence."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cluster.engine import open_engine
from model.codec import load_codec
from pipeline.build import select_and_pack
from pipeline.cli import app
from pipeline.config import BuildConfig
from pipeline.describe import MadeBy
from pipeline.licences.expressions import rights_of
from pipeline.prepare import Prepared
from pipeline.view import View
from schemas.clip import Clip
from schemas.licence import Consent, Licence, SpeakersConsent
from schemas.policy import Policy
from schemas.prepared import PreparedFile, PreparedWriter
from schemas.recording import Recording

BUILT_ON = date(2026, 1, 31)
ANY = Policy(name="any", allow=("*",), unlicensed=True)
DEED = b"signed by Ann"
DEED_SHA256 = hashlib.sha256(DEED).hexdigest()
HOSTILE = ("<script>alert(1)</script>", "a\x1b[31mred\nnew line\u202eevil", '=HYPERLINK("x")', "long " * 20_000)


def _licence(spdx: str, **stated: object) -> Licence:
    """A licence of which a test says only what matters to it."""
    usual: dict[str, object] = {"holder": "Ann", "source_url": "https://example.org/calls", "retrieved": "2026-01-01"}
    return Licence(spdx=spdx, rights=rights_of(spdx), **{**usual, **stated})  # type: ignore[arg-type]


STATED = _licence(
    "CC-BY-4.0",
    attribution="Example Lab, Calls 2026",
    evidence="deed.txt",
    evidence_sha256=DEED_SHA256,
    evidence_date="2026-01-15",
    consent=Consent.INFORMED_CONSENT,
    speakers_consent=SpeakersConsent.GIVEN,
    jurisdiction=("DE",),
    retain_until="2030-12-31",
)
"""A licence of which nothing is missing."""


@pytest.fixture
def licence() -> Callable[..., Licence]:
    """licence(spdx, **stated)."""
    return _licence


@pytest.fixture
def stated() -> Licence:
    """STATED: DEED proves it."""
    return STATED


@pytest.fixture
def hostile() -> tuple[str, ...]:
    return HOSTILE


@dataclass(frozen=True)
class Made:
    """`out`: the dataset. `clips`: what was put in, by id."""

    out: Path
    clips: dict[str, Clip] = field(default_factory=dict)

    def of(self, name: str) -> list[str]:
        """The ids of a recording's clips."""
        return [i for i, clip in self.clips.items() if clip.info.provenance.uri == name]


MakeDataset = Callable[..., Made]


@cache
def _codec() -> str:
    return load_codec().digest


@pytest.fixture
def dataset(tmp_path: Path, make_recording: Callable[..., Recording], make_clip: Callable[..., Clip]) -> MakeDataset:
    """dataset({file: licence or (licence, speakers, change of a clip)}, out="out", policy=ANY, clips=2, **config).

    Made anew in tmp_path, with DEED as evidence.
    """

    def make(
        calls: Mapping[str, Any], out: str = "out", policy: Policy = ANY, clips: int = 2, **config: object
    ) -> Made:
        made, files = Made(tmp_path / out), []
        for name, call in calls.items():
            stated, speakers, change = (*call, None, None)[:3] if isinstance(call, tuple) else (call, None, None)
            recording = replace(make_recording(name, speakers), licence=stated)
            path = made.out / "work" / "prepared" / f"{recording.recording_id}.parquet"
            writer = PreparedWriter(path, recording, "f" * 64)
            for number in range(clips):
                clip = make_clip(recording, number)
                clip = change(clip) if change else clip
                made.clips[clip.info.clip_id] = clip
                writer.add(clip)
            writer.close()
            files.append(PreparedFile(path, stated))
        (made.out / "evidence").mkdir(parents=True)
        (made.out / "evidence" / f"{DEED_SHA256}.txt").write_bytes(DEED)
        settings = BuildConfig(policy=policy, today=BUILT_ON, split_percent=(60, 20, 20), **config)  # type: ignore[arg-type]
        made_by = MadeBy(config=settings, weights={"builtin": _codec()}, fingerprint="f" * 64)
        with View(interactive=False) as view:
            select_and_pack(Prepared(files=files), made.out, made_by, engine=open_engine("inline", None), view=view)
        return made

    return make


@pytest.fixture
def run() -> Callable[..., Result]:
    """run("summary", out, ...): `duplexset audit ...` in this process. No terminal would obey what it prints."""

    def invoke(*arguments: object) -> Result:
        result = CliRunner().invoke(app, ["audit", *map(str, arguments)], env={"COLUMNS": "80", "NO_COLOR": "1"})
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert not [letter for letter in result.output if not letter.isprintable() and letter != "\n"]
        return result

    return invoke
