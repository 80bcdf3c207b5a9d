"""SOURCE: files, folders, globs and manifests, each with its licence, as a list of sources."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path

from pipeline.licences.evidence import Document, EvidenceError
from pipeline.licences.fields import FIELDS, laid_over, licence_of, nearest_licence_file, read_licence_file
from pipeline.manifest import SUFFIXES, ManifestRow, parts_of, read_manifest
from schemas.errors import UserError
from schemas.licence import Licence, LicenceError
from schemas.plain_text import counted, writable
from schemas.recording import Source
from schemas.rejection import Reason, Rejection
from stages.transcripts.beside import beside, is_inside

AUDIO_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("wav", "w64", "rf64", "aif", "aiff", "au", "caf", "sph", "nist", "flac", "wv", "ape"),
        *("mp3", "m4a", "aac", "ogg", "oga", "opus", "spx", "wma", "amr", "gsm"),
        *("webm", "mp4", "mkv", "mka", "mov", "avi", "3gp", "ts", "mpg", "mpeg"),
    )
)


class SourceError(UserError):
    """A SOURCE that names nothing usable; the message says which and what to do."""


@dataclass(slots=True)
class Sources:
    """What was found. `left_out`: files of folders that are not named as audio. `documents`: what licences name, and
    what OUT held before, by `kept_as`."""

    usable: list[Source] = field(default_factory=list)
    rejected: list[tuple[Source, Rejection]] = field(default_factory=list)
    left_out: list[Path] = field(default_factory=list)
    documents: dict[str, Document] = field(default_factory=dict)
    _names: dict[Path, list[str]] = field(default_factory=dict)

    def transcript_of(self, audio: Path, other: Path | None = None) -> tuple[str, ...]:
        """The paths of the transcript that lies beside a recording, by name.

        other: the second file of a pair, which has one file for each, or one named as both begin.
        """
        if other is None:
            return self._beside(audio)
        each = self._beside(audio), self._beside(other)
        if all(len(found) == 1 for found in each) and each[0] != each[1]:
            return (*each[0], *each[1])
        same = takewhile(lambda pair: pair[0] == pair[1], zip(audio.stem, other.stem, strict=False))
        stem = "".join(a for a, _ in same).rstrip("._- ")
        whole = self._beside(audio.with_name(f"{stem}.wav")) if stem and audio.parent == other.parent else ()
        return whole or each[0]

    def _beside(self, audio: Path) -> tuple[str, ...]:
        folder = audio.parent
        if folder not in self._names:
            self._names[folder] = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
        return tuple(str(p.absolute()) for p in beside(audio, self._names[folder]))


@dataclass(frozen=True, slots=True)
class PairPattern:
    """Two file names that differ in one place, as `{name}.left.flac` and `{name}.right.flac`."""

    first: re.Pattern[str]
    second: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> "PairPattern":
        """'{name}.left.*|{name}.right.*': `{name}` is the recording, `*` is anything. Raises SourceError."""
        parts = text.split("|")
        if len(parts) != 2 or any(part.count("{name}") != 1 for part in parts):
            raise SourceError(
                f"--pairs {text!r}: give two patterns with {{name}}, as '{{name}}.left.*|{{name}}.right.*'"
            )
        first, second = (
            re.compile(re.escape(p).replace(r"\{name\}", "(?P<name>.+)").replace(r"\*", ".*")) for p in parts
        )
        return cls(first, second)


def read_sources(
    given: Sequence[str],
    licence: Mapping[str, str | None],
    pairs: PairPattern | None = None,
    held: Mapping[str, Document] | None = None,
    roots: Sequence[Path] = (),
) -> Sources:
    """Every recording that the SOURCE arguments name.

    licence: fields for recordings that bring none of their own (manifest row, then the nearest LICENSE.toml). held:
    evidence of earlier builds. roots: folders that manifests may name files in, beside their own. Raises
    SourceError, ManifestError, LicenceError.
    """
    found = Sources(documents=dict(held or {}))
    for text in given:
        path = Path(text)
        if path.suffix in SUFFIXES and "://" not in text:
            if not path.is_file():
                raise SourceError(f"{text}: no such manifest")
            _from_manifest(path, licence, found, roots)
        elif "://" in text:
            stated = licence_of(licence, Path(), documents=found.documents)
            found.usable.append(Source(uri=text, licence=stated, origin="command line"))
        elif path.is_dir():
            _require_no_export(path)
            files = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
            found.left_out += [p for p in files if p.suffix.lower() not in AUDIO_SUFFIXES]
            _from_files([p for p in files if p.suffix.lower() in AUDIO_SUFFIXES], path, licence, pairs, found)
        else:
            root, files = (path.parent, [path]) if path.exists() else _matching(text)
            if not files:
                raise SourceError(f"{text}: no such file or folder, and no file matches it as a pattern")
            _from_files(files, root, licence, pairs, found)
    _refuse_names(found)
    used = {text for source in found.usable for text in source.transcript}
    found.left_out = [p for p in found.left_out if str(p.absolute()) not in used]
    if not found.usable and not found.rejected:
        kinds = f"; {counted(len(found.left_out), 'other file')} there" if found.left_out else ""
        raise SourceError(f"{' '.join(given)}: no audio files found{kinds}")
    return found


def _refuse_names(found: Sources) -> None:
    """Reject the files whose names are not UTF-8: no index could hold them."""
    given, found.usable = found.usable, []
    for source in given:
        names = filter(None, (source.origin, source.uri, source.uri_b, *source.transcript))
        wrong = next((writable(name) for name in names if writable(name) != name), None)
        if wrong is None:
            found.usable.append(source)
            continue
        uri, name = writable(source.uri), writable(source.name) if source.name else None
        detail = f"{wrong}: its name is not UTF-8, rename it"
        shown = Source(uri=uri, name=name, origin=writable(source.origin), licence=source.licence)
        found.rejected.append((shown, Rejection(uri=uri, stage="sources", reason=Reason.UNREADABLE, detail=detail)))


def _require_no_export(folder: Path) -> None:
    """A moshi-finetune export of either speaker as the model has each conversation twice; its manifest, once."""
    manifest, plan = folder / "manifest.csv", folder / "export.json"
    if manifest.is_file() and plan.is_file() and '"model_channel": "both"' in plan.read_text(encoding="utf-8"):
        raise SourceError(f"{folder} is an export of `duplexset export`, with clips in it twice: give {manifest}")


def _matching(text: str) -> tuple[Path, list[Path]]:
    """The folder before the first wildcard of a pattern, and what matches it. Raises SourceError."""
    before, slash, _ = re.split(r"[*?\[]", text, maxsplit=1)[0].rpartition("/")
    folder = Path(before or (slash or "."))
    try:
        return folder, sorted(folder.glob(text[len(before) + len(slash) :]))
    except (ValueError, NotImplementedError) as error:
        raise SourceError(f"{text}: no such file or folder, and no pattern ({error})") from error


def _from_files(
    files: Iterable[Path], root: Path, licence: Mapping[str, str | None], pairs: PairPattern | None, found: Sources
) -> None:
    for first, second in _paired(files, pairs):
        beside = nearest_licence_file(first.parent, root)
        stated = _beside(beside, root, found) if beside else licence_of(licence, Path(), documents=found.documents)
        source = Source(
            uri=str(first.absolute()),
            uri_b=str(second.absolute()) if second else None,
            licence=stated,
            origin=str(root),
            name=first.relative_to(root).as_posix(),
            name_b=second.relative_to(root).as_posix() if second else None,
            transcript=found.transcript_of(first, second),
        )
        if second is None and pairs and (pairs.first.fullmatch(first.name) or pairs.second.fullmatch(first.name)):
            detail = "its other half is not there: both files of a pair must lie in one folder"
            found.rejected.append(
                (source, Rejection(uri=str(first), stage="sources", reason=Reason.PAIR_MISMATCH, detail=detail))
            )
        else:
            found.usable.append(source)


def _beside(path: Path, root: Path, found: Sources) -> Licence | None:
    """What a LICENSE.toml states, whose files must lie in `root`. Raises LicenceError, which names it."""
    try:
        return licence_of(read_licence_file(path), path.parent, documents=found.documents, inside=root)
    except LicenceError as error:
        raise error if str(path) in str(error) else type(error)(f"{path}: {error}") from error


def _paired(files: Iterable[Path], pairs: PairPattern | None) -> Iterator[tuple[Path, Path | None]]:
    """(file, None), or (first, second) where the pattern finds both in one folder."""
    if pairs is None:
        yield from ((file, None) for file in files)
        return
    files = list(files)
    seconds = {(f.parent, m["name"]): f for f in files if (m := pairs.second.fullmatch(f.name))}
    taken: set[Path] = set()
    for file in files:
        match = pairs.first.fullmatch(file.name)
        if match and (second := seconds.get((file.parent, match["name"]))):
            taken |= {file, second}
            yield file, second
    yield from ((file, None) for file in files if file not in taken)


def _from_manifest(path: Path, licence: Mapping[str, str | None], found: Sources, roots: Sequence[Path]) -> None:
    for row in read_manifest(path, roots):
        uri, name = _resolve(row.values["path"], path.parent)
        try:
            if row.fault:
                raise SourceError(row.fault)
            source = replace(
                _row_source(row, path.parent), licence=_row_licence(row.values, path.parent, licence, found)
            )
            if name and not source.transcript:
                second = Path(source.uri_b) if source.uri_b and source.name_b else None
                source = replace(source, transcript=found.transcript_of(Path(uri), second))
            found.usable.append(source)
        except (LicenceError, SourceError) as error:
            source = Source(uri=uri, name=name, origin=row.origin)
            detail = f"{row.origin}: {error}"
            why = Rejection(uri=uri, stage="sources", reason=_reason_of(error), detail=detail)
            found.rejected.append((source, why))


def _reason_of(error: LicenceError | SourceError) -> Reason:
    if isinstance(error, EvidenceError):
        return Reason.EVIDENCE
    return Reason.NO_LICENCE if isinstance(error, LicenceError) else Reason.MANIFEST


def _resolve(text: str, base: Path) -> tuple[str, str | None]:
    """(where it is, what the indexes call it) of a manifest's path or URI."""
    return (text, None) if "://" in text else (str((base / text).absolute()), text)


def _row_licence(
    values: Mapping[str, str], base: Path, licence: Mapping[str, str | None], found: Sources
) -> Licence | None:
    """The licence of a row, whose files must lie in the manifest's folder; else of the nearest LICENSE.toml up to
    there, else of the options. A row that names none but states other fields has those on top of it."""
    stated = {name: values[name] for name in FIELDS if values.get(name)}
    own = licence_of(stated, base, documents=found.documents, inside=base)
    if "licence" in stated:
        return own
    audio = (base / values["path"]).absolute()
    local = "://" not in values["path"] and audio.is_relative_to(base.absolute()) and ".." not in audio.parts
    beside = nearest_licence_file(audio.parent, base.absolute()) if local else None
    other = _beside(beside, base, found) if beside else licence_of(licence, Path(), documents=found.documents)
    return laid_over(own, other, stated)


def _row_source(row: ManifestRow, base: Path) -> Source:
    values = row.values
    uri, name = _resolve(values["path"], base)
    uri_b, name_b = _resolve(values["path_b"], base) if values.get("path_b") else (None, None)
    return Source(
        uri=uri,
        uri_b=uri_b,
        channels=_channels(values["channels"]) if values.get("channels") else None,
        speakers=_speakers(values["speakers"]) if values.get("speakers") else None,
        language=values.get("language") or None,
        transcript=_transcripts(values.get("transcript") or "", base),
        roles=(values.get("role_a") or None, values.get("role_b") or None),
        origin=row.origin,
        name=name,
        name_b=name_b,
    )


def _transcripts(text: str, base: Path) -> tuple[str, ...]:
    """Where they are: what is a link out of the folder, to where it leads; the manifest was asked if it may.

    What is no path is kept: it costs the recording its words, and nothing else.
    """
    paths = [_resolve(part, base)[0] for part in parts_of(text)]
    return tuple(p if "://" in p or is_inside(Path(p), base) else os.path.realpath(p) for p in paths)


def _channels(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,5})\s*[,|]\s*([0-9]{1,5})", text)
    if not match or match[1] == match[2]:
        raise SourceError(f"channels {text!r}: give two different numbers from 0, as 0,1")
    return int(match[1]), int(match[2])


def _speakers(text: str) -> tuple[str, str]:
    first, bar, second = text.partition("|")
    if not bar or not first.strip() or not second.strip() or first.strip() == second.strip():
        raise SourceError(f"speakers {text!r}: give two different names, as anna|ben (channel 0, channel 1)")
    return first.strip(), second.strip()
