"""Licences before bytes; digests; and one clear line for every source that cannot be used."""

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import fsspec
import numpy as np
import pytest

from pipeline.licences.expressions import rights_of
from schemas.licence import NO_LICENCE, Licence, SpeakersConsent
from schemas.policy import DEFAULT, Asks, Policy, Rule
from schemas.recording import Recording, Source, recording_id_of
from schemas.rejection import Reason, Rejection
from stages.ingest import Ingest

SOLD = Rule(asks=Asks.COMMERCIAL_USE, accepts=("true",))


def tone(channels: int = 2, seconds: float = 1.0) -> np.ndarray:
    t = np.arange(int(8_000 * seconds)) / 8_000
    return np.stack([0.3 * np.sin(2 * np.pi * (200 + 50 * c) * t) for c in range(channels)])


def licence(spdx: str) -> Licence:
    return Licence(spdx=spdx, rights=rights_of(spdx))


def ingest(source: Source, **settings: object):
    return Ingest(**settings).load("cpu")(source)


@pytest.mark.parametrize(
    ("spdx", "policy", "reason"),
    [
        ("CC0-1.0", {}, Reason.MISSING),
        ("CC-BY-NC-4.0", {}, Reason.MISSING),
        ("CC-BY-NC-4.0", {"rules": (SOLD,)}, Reason.LICENCE_REFUSED),
        ("CC-BY-ND-4.0", {}, Reason.LICENCE_REFUSED),
        ("CC-BY-ND-4.0", {"rules": ()}, Reason.MISSING),
        ("CC-BY-ND-4.0", {"allow": ("CC-BY-ND-4.0",)}, Reason.MISSING),
        ("LicenseRef-ours", {}, Reason.LICENCE_REFUSED),
        ("LicenseRef-ours", {"allow": ("LicenseRef-ours",)}, Reason.MISSING),
        ("LicenseRef-ours", {"allow": ("LicenseRef-theirs",)}, Reason.LICENCE_REFUSED),
        ("CC0-1.0", {"deny": ("CC0-1.0",)}, Reason.LICENCE_REFUSED),
        (None, {}, Reason.NO_LICENCE),
        (NO_LICENCE, {}, Reason.NO_LICENCE),
        (None, {"unlicensed": True}, Reason.MISSING),
    ],
)
def test_what_the_policy_refuses_is_never_opened(spdx, policy, reason, tmp_path) -> None:
    """The file is not there: only a source that the policy lets through can be found missing."""
    source = Source(uri=str(tmp_path / "no.wav"), licence=licence(spdx) if spdx else None, origin="calls.csv row 3")
    row = ingest(source, policy=replace(DEFAULT, **policy))
    assert isinstance(row, Rejection)
    assert (row.reason, row.stage, row.uri) == (reason, "ingest", source.uri)
    assert "\n" not in row.detail


def test_a_refusal_names_policy_rule_and_licence(tmp_path) -> None:
    source = Source(uri="calls/a.wav", licence=licence("CC-BY-NC-4.0"), origin="test")
    row = ingest(source, policy=Policy(name="shop", rules=(SOLD,)))
    assert row.detail == (
        "calls/a.wav: CC-BY-NC-4.0 does not permit commercial use: leave it out, or allow CC-BY-NC-4.0 explicitly "
        "(policy shop, rule commercial_use)"
    )


def test_the_day_decides_on_retention(tmp_path) -> None:
    kept = Licence(spdx="CC0-1.0", retain_until="2026-01-31", rights=rights_of("CC0-1.0"))
    source = Source(uri=str(tmp_path / "no.wav"), licence=kept, origin="test")
    assert ingest(source, today=date(2026, 1, 31)).reason is Reason.MISSING
    assert ingest(source, today=date(2026, 2, 1)).reason is Reason.LICENCE_REFUSED


def test_a_refused_source_that_was_prepared_before_is_still_identified(write_audio, tmp_path) -> None:
    path = write_audio(tmp_path / "a.wav", tone(), 8_000, "pcm_s16le")
    source = Source(uri=path, name="a.wav", licence=licence("CC-BY-ND-4.0"), origin="test")
    assert isinstance(ingest(source, known=frozenset({"b.wav"})), Rejection)
    assert isinstance(ingest(source, known=frozenset({"a.wav"})), Recording)
    Path(path).unlink()
    assert ingest(source, known=frozenset({"a.wav"})).reason is Reason.LICENCE_REFUSED


def test_what_speakers_objected_to_is_identified_but_never_let_in(write_audio, tmp_path) -> None:
    path = write_audio(tmp_path / "a.wav", tone(), 8_000, "pcm_s16le")
    for word in (SpeakersConsent.REFUSED, SpeakersConsent.WITHDRAWN):
        source = Source(uri=path, licence=replace(licence("MIT"), speakers_consent=word), origin="test")
        row = ingest(source)  # a copy of its bytes is known by it
        assert row.recording_id == hashlib.sha256(Path(path).read_bytes()).hexdigest()
        assert ingest(source, policy=replace(DEFAULT, rules=())).recording_id == row.recording_id
        gone = replace(source, uri=str(tmp_path / "no.wav"))
        assert ingest(gone).reason is Reason.LICENCE_REFUSED


def test_an_unlicensed_recording_is_marked(write_audio, tmp_path) -> None:
    path = write_audio(tmp_path / "a.wav", tone(), 8_000, "pcm_s16le")
    row = ingest(Source(uri=path, origin="test"), policy=replace(DEFAULT, unlicensed=True))
    assert row.licence == Licence(spdx=NO_LICENCE)
    assert row.licence.unlicensed


def test_a_recording_is_its_bytes(write_audio, make_source, tmp_path) -> None:
    path = write_audio(tmp_path / "a.wav", tone(), 8_000, "pcm_s16le")
    row = ingest(make_source(path))
    assert row == Recording(
        recording_id=hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        source=make_source(path),
        licence=make_source(path).licence,
        container="wav",
        codec="pcm_s16le",
        sample_rate_hz=8_000,
        n_channels=2,
        size_bytes=Path(path).stat().st_size,
        duration_s=1.0,
    )
    (tmp_path / "b.wav").write_bytes(Path(path).read_bytes())
    assert ingest(make_source(tmp_path / "b.wav")).recording_id == row.recording_id
    assert ingest(make_source(path, channels=(1, 0))).recording_id == recording_id_of((row.recording_id,), (1, 0))


def test_a_pair_is_the_bytes_of_both(write_audio, make_source, tmp_path) -> None:
    a = write_audio(tmp_path / "a.wav", tone(1), 8_000, "pcm_s16le")
    b = write_audio(tmp_path / "b.wav", tone(1, 1.5), 8_000, "pcm_s16le")
    digests = tuple(hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in (a, b))
    row = ingest(make_source(a, uri_b=b))
    assert row.recording_id == recording_id_of(digests, None)
    assert row.recording_id != ingest(make_source(b, uri_b=a)).recording_id
    assert (row.n_channels, row.duration_s) == (2, 1.5)
    assert row.size_bytes == Path(a).stat().st_size + Path(b).stat().st_size


def test_pairs_that_do_not_belong_together(write_audio, make_source, tmp_path) -> None:
    a = write_audio(tmp_path / "a.wav", tone(1), 8_000, "pcm_s16le")
    longer = write_audio(tmp_path / "b.wav", tone(1, 3.0), 8_000, "pcm_s16le")
    stereo = write_audio(tmp_path / "c.wav", tone(2), 8_000, "pcm_s16le")
    assert ingest(make_source(a, uri_b=longer)).reason is Reason.PAIR_MISMATCH
    assert ingest(make_source(a, uri_b=stereo)).reason is Reason.CHANNELS
    assert ingest(make_source(a, uri_b=str(tmp_path / "no.wav"))).reason is Reason.MISSING


def test_six_channels_want_a_choice(write_audio, make_source, tmp_path) -> None:
    path = write_audio(tmp_path / "film.mp4", tone(6), 8_000, "aac", picture=True)
    row = ingest(make_source(path))
    assert row.reason is Reason.CHANNELS
    assert "6 channels: choose two with the manifest's channels column, for example channels=0,1" in row.detail
    assert ingest(make_source(path, channels=(0, 7))).reason is Reason.CHANNELS
    assert ingest(make_source(path, channels=(0, 5))).n_channels == 6


def test_remote_recordings_have_the_same_id(write_audio, make_source, tmp_path) -> None:
    path = write_audio(tmp_path / "a.flac", tone(), 8_000, "flac")
    memory = fsspec.filesystem("memory")
    memory.pipe("/ingest/a.flac", Path(path).read_bytes())
    try:
        assert ingest(make_source("memory://ingest/a.flac")).recording_id == ingest(make_source(path)).recording_id
    finally:
        memory.rm("/ingest", recursive=True)
