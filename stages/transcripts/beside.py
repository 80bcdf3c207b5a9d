"""Which transcripts lie beside a recording, and which of them is read."""

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path

from schemas.transcript import Transcript
from stages.transcripts.errors import TranscriptError
from stages.transcripts.read import SUFFIXES, suffix_of
from stages.transcripts.text_file import readable

Paths = tuple[Path, ...]
Names = Callable[[Path], Sequence[str]]
"""The names of the files in a folder, sorted."""


def is_beside(transcript: str, stem: str) -> bool:
    """Whether a transcript's file is named as the audio file of this stem."""
    return transcript.startswith(f"{stem}.") and transcript[len(stem) :].lower() in SUFFIXES


def is_inside(path: Path, root: Path) -> bool:
    """Whether a file, or a folder with all that is in it, lies in another folder, by links too."""
    real = os.path.realpath(root)
    try:
        all_of = [path, *(path.iterdir() if path.is_dir() else ())]
    except OSError:
        all_of = [path]
    return all(Path(os.path.realpath(one)).is_relative_to(real) for one in all_of)


def beside(audio: Path, names: Sequence[str] | None = None) -> Paths:
    """The transcript of a recording in its folder, by name; several files where each speaker has one, () for none.

    names: of the files in the folder, sorted; the folder is listed where they are not given. Of several transcripts
    the first in the order of SUFFIXES is taken.
    """
    return next(all_beside(audio, names), ())


def all_beside(audio: Path, names: Sequence[str] | None = None) -> Iterator[Paths]:
    """The transcripts of a recording in its folder, the first in the order of SUFFIXES first; see `beside`."""
    near = _starting(names_in(audio.parent) if names is None else names, f"{audio.stem}.")
    for suffix in SUFFIXES:
        for name in near:
            if name[len(audio.stem) :].lower() == suffix:
                yield (audio.parent / name,)
        if suffix == ".txt" and f"{audio.stem}.txt" not in (name.lower() for name in near):
            speakers = [name for name in near if name.lower().endswith(".txt") and not _of_another(name, near)]
            if len(speakers) > 1:
                yield tuple(audio.parent / name for name in speakers)


def names_in(folder: Path) -> list[str]:
    """The names of the files in a folder, sorted. Raises TranscriptError."""
    with readable(folder):
        return sorted(p.name for p in folder.iterdir())


def first_readable(
    paths: Paths, audio: Sequence[Path], read: Callable[[Paths], Transcript], names: Names
) -> tuple[Paths, Transcript, list[str]]:
    """A transcript that says something: the one at `paths`, else what else lies beside the recording; with notes.

    audio: the recording's file, or both of a pair. read: raises TranscriptError. Raises that of the first where none
    can be read.
    """
    notes: list[str] = []
    errors: list[TranscriptError] = []
    empty: list[tuple[Paths, Transcript, list[str]]] = []
    choices = _choices(paths, audio, names)
    for k, choice in enumerate(choices):
        try:
            found = read(choice)
        except TranscriptError as error:
            errors.append(error)
            notes.append(f"left out: {error}")
            continue
        if found.utterances:
            unread = list(dict.fromkeys(path.name for others in choices[k:] for path in others))
            if len(choices) > k + 1:
                used = " and ".join(path.name for path in choice)
                notes.append(f"{' and '.join(unread)} lie beside {audio[0].name}: {used} is used")
            return choice, found, notes
        empty.append((choice, found, list(notes)))
        notes.append(f"left out: {' and '.join(map(str, choice))}: it has no utterances")
    if errors and (not empty or choices[0] != empty[0][0]):
        raise errors[0]
    return empty[0]


def _choices(paths: Paths, audio: Sequence[Path], names: Names) -> list[Paths]:
    """`paths`, and where that is what lies beside the recording, all that does."""
    if len(audio) == len(paths) == 2 and all(is_beside(p.name, a.stem) for p, a in zip(paths, audio, strict=True)):
        each = [[p for found in all_beside(a, names(a.parent)) for p in found] for a in audio]
        choices: list[Paths] = list(product(*each))
    else:
        first = audio[0]
        stem = first.stem if len(paths) > 1 else paths[0].name[: -len(suffix_of(paths[0].name)) or None]
        rest = first.stem.removeprefix(stem)
        if paths[0].parent != first.parent or not first.stem.startswith(stem) or (rest and rest[0] not in "._- "):
            return [paths]
        choices = list(all_beside(first.with_name(f"{stem}.wav"), names(first.parent)))
    return choices if choices[:1] == [paths] else [paths]


def _starting(names: Sequence[str], start: str) -> list[str]:
    """Of sorted names, those that start so."""
    found: list[str] = []
    for k in range(bisect_left(names, start), len(names)):
        if not names[k].startswith(start):
            break
        found.append(names[k])
    return found


def _of_another(text: str, names: Sequence[str]) -> bool:
    """Whether a text file lies beside another recording: `k.left.txt` with `k.left.wav`."""
    stem = Path(text).stem
    return any(Path(name).stem == stem and not name.lower().endswith(SUFFIXES) for name in names)
