"""ingest: a source that may be used and can be opened becomes a recording. The licence comes first."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import ClassVar, Final

from schemas.licence import NO_LICENCE, Licence
from schemas.recording import Recording, Source, recording_id_of
from schemas.rejection import Reason, Rejection
from schemas.transcript import Transcript, TranscriptFile
from stages.contract import Needs, Row, Work
from stages.decode import choose_channels, require_pair, require_pair_lengths
from stages.probe import AudioError, Track, open_bytes, probe
from stages.transcripts.read import TranscriptError, is_beside, read_channel_files, read_transcript

_READ_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """Source -> Recording. A source that the policy refuses is never opened.

    `require_derivatives`, `commercial_only`: what a licence must be known to permit. `allow`: licences accepted
    whatever is known of them, for instance `LicenseRef-our-contract`. `allow_unlicensed`: take recordings of which
    nothing is said; they are marked NOASSERTION.
    """

    name: ClassVar[str] = "ingest"
    reads: ClassVar[type] = Source
    writes: ClassVar[type] = Recording
    needs: ClassVar[Needs] = Needs(cpus=1.0)
    version: ClassVar[int] = 2

    require_derivatives: bool = True
    commercial_only: bool = False
    allow: tuple[str, ...] = ()
    allow_unlicensed: bool = False

    def load(self, device: str) -> Work:
        """No model; `device` is not used."""

        def ingest(source: Source) -> Row:
            try:
                licence = permitted(self, source)
                return with_transcript(identify(source, licence))
            except AudioError as error:
                return Rejection(uri=source.uri, stage=self.name, reason=error.reason, detail=error.detail)

        return ingest


def permitted(policy: Ingest, source: Source) -> Licence:
    """The licence under which a source is used. Raises AudioError where the policy does not permit it."""
    licence = source.licence
    if licence is None or licence.unlicensed:
        if policy.allow_unlicensed:
            return Licence(spdx=NO_LICENCE)
        detail = (
            f"{source.uri} ({source.origin}) has no licence: name one, or accept unlicensed recordings explicitly"
        )
        raise AudioError(Reason.NO_LICENCE, detail)
    if licence.spdx in policy.allow:
        return licence
    rights = licence.rights
    for required, right, what in (
        (policy.require_derivatives, rights.derivatives, "derived works, which a dataset of tokens is"),
        (policy.commercial_only, rights.commercial_use, "commercial use, which this build asks for"),
    ):
        if required and right is not True:
            verb = "does not permit" if right is False else "is not known to permit"
            detail = f"{source.uri}: {licence.spdx} {verb} {what}: leave it out, or allow {licence.spdx} explicitly"
            raise AudioError(Reason.LICENCE_REFUSED, detail)
    return licence


def identify(source: Source, licence: Licence) -> Recording:
    """Digest and probe a source. Raises AudioError."""
    uris = (source.uri,) if source.uri_b is None else (source.uri, source.uri_b)
    digests, sizes = zip(*(_digest(uri) for uri in uris), strict=True)
    tracks = [probe(uri) for uri in uris]
    track, n_channels, duration_s = tracks[0], tracks[0].n_channels, tracks[0].duration_s
    if source.uri_b is None:
        choose_channels(source.uri, track.n_channels, source.channels)
    else:
        duration_s = _duration_of_pair(source.uri, source.uri_b, tracks[0], tracks[1])
        n_channels = 2
    return Recording(
        recording_id=recording_id_of(digests, source.channels),
        source=source,
        licence=licence,
        container=track.container,
        codec=track.codec,
        sample_rate_hz=track.sample_rate_hz,
        n_channels=n_channels,
        size_bytes=sum(sizes),
        duration_s=duration_s,
    )


def with_transcript(recording: Recording) -> Recording:
    """The recording with its transcript, or with a note that says why it has none."""
    if not recording.source.transcript:
        return recording
    paths = [Path(text) for text in recording.source.transcript]
    try:
        read = transcript_of(recording.source, recording.duration_s)
    except TranscriptError as error:
        return replace(recording, notes=(without_words(error, paths),))
    return replace(recording, transcript=transcript_file(paths), notes=tuple(f"transcript: {n}" for n in read.notes))


def transcript_of(source: Source, duration_s: float | None) -> Transcript:
    """The transcript of a source that has one. Raises TranscriptError.

    Two that lie beside the two files of a pair are of one channel each.
    """
    paths = [Path(text) for text in source.transcript]
    if source.uri_b is not None and len(paths) == 2:
        stems = (PurePosixPath(uri).stem for uri in (source.uri, source.uri_b))
        if all(is_beside(path.name, stem) for path, stem in zip(paths, stems, strict=True)):
            return read_channel_files(paths, duration_s=duration_s)
    return read_transcript(paths, recording=stem_of(source), duration_s=duration_s)


def without_words(error: TranscriptError, paths: Sequence[Path]) -> str:
    """A note that says why there are no words, with the names of the files only."""
    said = str(error)
    for path in paths:
        said = said.replace(str(path), path.name)
    return f"left without words: {said}"


def transcript_file(paths: Sequence[Path]) -> TranscriptFile:
    """The names and the digest of a transcript's files, those of a folder included."""
    files = [f for p in paths for f in (sorted(p.iterdir()) if p.is_dir() else [p]) if f.is_file()]
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    return TranscriptFile(names=tuple(p.name for p in paths), sha256=digest.hexdigest())


def stem_of(source: Source) -> str:
    """What files of many recordings call a recording: the name of its file without the suffix."""
    return PurePosixPath(source.uri).stem


def _duration_of_pair(uri: str, uri_b: str, a: Track, b: Track) -> float | None:
    require_pair(uri, uri_b, a, b)
    if a.duration_s is None or b.duration_s is None:
        return None
    if a.stated and b.stated:
        require_pair_lengths(uri, uri_b, a.duration_s, b.duration_s)
    return max(a.duration_s, b.duration_s)


def _digest(uri: str) -> tuple[str, int]:
    """SHA-256 (hex) and size of a file, read in pieces."""
    digest = hashlib.sha256()
    size = 0
    with open_bytes(uri) as handle:
        while piece := handle.read(_READ_BYTES):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size
