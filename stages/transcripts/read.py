"""Transcripts of conversations in the formats they come in, as one Transcript."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from schemas.transcript import Transcript, Utterance
from stages.transcripts.draft import Draft
from stages.transcripts.errors import TranscriptError
from stages.transcripts.json_kinds import read_json
from stages.transcripts.kaldi import read_kaldi
from stages.transcripts.lhotse import read_supervisions
from stages.transcripts.nist import read_ctm, read_rttm, read_stm
from stages.transcripts.plain import read_plain, read_speaker_files
from stages.transcripts.srt import read_srt
from stages.transcripts.table import read_table
from stages.transcripts.text_file import is_file
from stages.transcripts.tiers import read_textgrid
from stages.transcripts.webvtt import read_webvtt

__all__ = ["SUFFIXES", "TranscriptError", "read_channel_files", "read_transcript", "suffix_of"]

_READERS: Final[dict[str, Callable[[Draft], None]]] = {
    ".textgrid": read_textgrid,
    ".json": read_json,
    ".ctm": read_ctm,
    ".stm": read_stm,
    ".vtt": read_webvtt,
    ".srt": read_srt,
    ".tsv": read_table,
    ".csv": read_table,
    ".jsonl.gz": read_supervisions,
    ".jsonl": read_supervisions,
    ".txt": read_plain,
    ".rttm": read_rttm,
}

CHANNELS: Final = ("left", "right")
SUFFIXES: Final = tuple(_READERS)
"""What the name of a transcript ends with, in small letters; those that tell most come first."""


def read_transcript(path: Path | Sequence[Path], *, recording: str, duration_s: float | None) -> Transcript:
    """The transcript of a recording. Raises TranscriptError.

    path: a file, a Kaldi data folder or its `segments`, or several `<recording>.<speaker>.txt`. recording: the stem
    of the audio file; files of many recordings are searched for it. duration_s: of the recording; times have to lie
    within it.
    """
    paths = [path] if isinstance(path, Path) else list(path)
    if not paths:
        raise TranscriptError(f"no transcript of {recording!r} is given: name its file")
    if len(paths) > 1:
        for one in paths:
            if one.suffix.lower() != ".txt":
                raise TranscriptError(f"{one}: several files are one transcript only as text files, one a speaker")
        draft = Draft(paths[0].parent, recording, duration_s)
        read_speaker_files(draft, paths)
        return draft.transcript()
    (file,) = paths
    if file.name == "segments" or is_file(file / "segments"):
        draft = Draft(file.parent if file.name == "segments" else file, recording, duration_s)
        read_kaldi(draft)
    else:
        draft = Draft(file, recording, duration_s)
        _reader_of(file)(draft)
    return draft.transcript()


def read_channel_files(paths: Sequence[Path], *, duration_s: float | None) -> Transcript:
    """The transcript of a pair of mono files that has a file for each, in any format that is one file.

    The speakers are "left" and "right", whatever the files call them. Raises TranscriptError where one names several.
    """
    utterances: list[Utterance] = []
    notes: list[str] = []
    for path, channel in zip(paths, CHANNELS, strict=True):
        draft = Draft(path, path.name[: -len(suffix_of(path.name))], duration_s)
        if path.name.lower().endswith(".txt"):
            read_speaker_files(draft, [path])
        else:
            _reader_of(path)(draft)
        read = draft.transcript()
        names = sorted({u.speaker for u in read.utterances})
        if len(names) > 1:
            raise draft.error("", f"names {len(names)} speakers ({names[0]!r}, {names[1]!r}), but is of one channel")
        utterances += [replace(u, speaker=channel) for u in read.utterances]
        notes += [f"{path.name}: {note}" for note in read.notes]
    utterances.sort(key=lambda u: u.start_s if u.start_s is not None else -1.0)
    return Transcript(utterances=tuple(utterances), notes=tuple(notes))


def suffix_of(name: str) -> str:
    """That of SUFFIXES with which a name ends, "" for none."""
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")


def _reader_of(path: Path) -> Callable[[Draft], None]:
    name = path.name.lower()
    for suffix, reader in _READERS.items():
        if name.endswith(suffix):
            return reader
    kinds = f"{', '.join(SUFFIXES)}, or a Kaldi data folder with its file 'segments'"
    raise TranscriptError(f"{path} is no kind of transcript that is read: give {kinds}")
