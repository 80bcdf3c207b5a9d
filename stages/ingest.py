"""ingest: a source that may be used and can be opened becomes a recording. The licence comes first."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import ClassVar, Final

from schemas.licence import UNSTATED, Licence
from schemas.policy import DEFAULT, LICENCE, Decision, Policy, decide, objected
from schemas.recording import Recording, Source, recording_id_of
from schemas.rejection import Reason, Rejection
from schemas.transcript import UNREAD, Transcript, TranscriptFile
from stages.contract import Needs, Row, Work
from stages.decode import choose_channels, require_pair, require_pair_lengths
from stages.probe import AudioError, Track, open_bytes, probe
from stages.transcripts.beside import Names, first_readable, is_beside, is_inside, names_in
from stages.transcripts.read import TranscriptError, read_channel_files, read_transcript

_READ_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """Source -> Recording. A source that the policy refuses is never opened, unless its speakers refused or withdrew:
    then its bytes are identified, so that a copy of them is known.

    `today`: what dates in licences are compared with. `known`: what the indexes call sources that were prepared
    before; those are identified although they are refused, so that selection can say which clips are. A recording of
    whose licence nothing is said, and which is let in, is marked NOASSERTION.
    """

    name: ClassVar[str] = "ingest"
    reads: ClassVar[type] = Source
    writes: ClassVar[type] = Recording
    needs: ClassVar[Needs] = Needs(cpus=1.0)
    version: ClassVar[int] = 4

    policy: Policy = DEFAULT
    today: date | None = None
    known: frozenset[str] = frozenset()

    def load(self, device: str) -> Work:
        """No model; `device` is not used."""

        names = lru_cache(maxsize=1)(names_in)  # of the folder that the last recording lay in

        def ingest(source: Source) -> Row:
            refused = refusal_of(source.licence, source, self.policy, self.today)
            used = refused is None or (source.name or source.uri) in self.known
            if refused and not used and not objected(self.policy, source.licence):
                return refused
            try:
                recording = identify(source, source.licence or UNSTATED)
                return with_transcript(recording, names) if used else recording
            except AudioError as error:
                why = Rejection(uri=source.uri, stage=self.name, reason=error.reason, detail=error.detail)
                return refused or why

        return ingest


def refusal_of(licence: Licence | None, source: Source, policy: Policy, today: date | None) -> Rejection | None:
    """The rejection of a source that the policy refuses, None of one that it permits."""
    decision = decide(policy, licence, name=source.uri, today=today)
    if decision.permitted:
        return None
    return Rejection(uri=source.uri, stage=Ingest.name, reason=reason_of(decision), detail=decision.why)


def reason_of(decision: Decision) -> Reason:
    """The reason of a refusal."""
    return Reason.NO_LICENCE if decision.rule == LICENCE else Reason.LICENCE_REFUSED


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


def with_transcript(recording: Recording, names: Names = names_in) -> Recording:
    """The recording with its transcript, or with a note that says why it has none.

    names: lists a folder, where a transcript lies beside the recording.
    """
    source = recording.source
    if not source.transcript:
        return recording

    def read(paths: Sequence[Path]) -> Transcript:
        return transcript_of(replace(source, transcript=tuple(map(str, paths))), recording.duration_s)

    try:
        audio = [Path(uri) for uri in (source.uri, source.uri_b) if uri is not None]
        paths, found, notes = first_readable(transcript_paths(source), audio, read, names)
    except TranscriptError as error:
        return replace(recording, notes=(without_words(error, source),))
    return replace(
        recording,
        source=replace(source, transcript=tuple(map(str, paths))),
        transcript=transcript_file(paths),
        notes=tuple(f"transcript: {_as_named(note, source)}" for note in (*notes, *found.notes)),
    )


def transcript_paths(source: Source) -> tuple[Path, ...]:
    """The paths of its transcript. Raises TranscriptError where one is no path."""
    for text in source.transcript:
        if "://" in text:
            raise TranscriptError(f"{text}: transcripts are read from local files: fetch it and give its path")
    return tuple(Path(text) for text in source.transcript)


def transcript_of(source: Source, duration_s: float | None) -> Transcript:
    """The transcript of a source that has one. Raises TranscriptError.

    Two that lie beside the two files of a pair are of one channel each.
    """
    paths = transcript_paths(source)
    _require_inside(paths, source)
    if source.uri_b is not None and len(paths) == 2:
        stems = (PurePosixPath(uri).stem for uri in (source.uri, source.uri_b))
        if all(is_beside(path.name, stem) for path, stem in zip(paths, stems, strict=True)):
            return read_channel_files(paths, duration_s=duration_s)
    return read_transcript(paths, recording=stem_of(source), duration_s=duration_s)


def _require_inside(paths: Sequence[Path], source: Source) -> None:
    """Raise TranscriptError where a link leads out of the folder that was given: what it holds is not to be told."""
    if not source.name:
        return
    root = source.uri.removesuffix(str(Path(source.name))) or str(Path(source.uri).parent)
    for path in paths if root != source.uri else ():
        if path.is_relative_to(root) and ".." not in path.parts and not is_inside(path, Path(root)):
            raise TranscriptError(f"{path} is a link that leads out of the folder given: copy the transcript there")


def without_words(error: TranscriptError, source: Source) -> str:
    """A note that says why there are no words, and of which row or folder the recording is."""
    return f"{UNREAD}{_as_named(str(error), source)} ({source.origin})"


def _as_named(said: str, source: Source) -> str:
    """With paths as the manifest has them, or from the folder on that was given; of others only the files' names."""
    name = str(Path(source.name)) if source.name else ""
    base = source.uri.removesuffix(name)
    if name and 1 < len(base) < len(source.uri):
        said = said.replace(base, "")
    for text in source.transcript:
        said = said.replace(text, text if "://" in text else Path(text).name)
    return said


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
