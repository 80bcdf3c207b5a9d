"""Speech for training: an audio folder, its speakers, which of them are held out, and random crops of it.

The folder, or one above it, may hold an INDEX.tsv (tab-separated; columns `path`, relative to the index, `speaker`
and perhaps `licence` and `repo`); without one, the folder a file lies in is its speaker.
"""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
import torchaudio
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from model.containers import CONTAINERS
from model.resample import can_resample
from schemas.errors import UserError

SAMPLE_RATE_HZ = 24_000
_OPTIONS = {"format_whitelist": CONTAINERS}
SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".webm"})
HELD_OUT_SHARE = 7
"""One speaker in seven is never trained on."""


class SpeechError(UserError):
    """The audio folder cannot be trained on: what is wrong, where, what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """An audio file and who speaks in it."""

    path: Path
    speaker: str
    licence: str = ""
    origin: str = ""


def held_out(speaker: str) -> bool:
    """Whether every recipe of the project keeps this speaker out of training, for measuring."""
    digest = hashlib.sha256(f"held-out/{speaker}".encode()).digest()
    return int.from_bytes(digest, "big") % HELD_OUT_SHARE == 0


def find_speech(folder: Path) -> list[Utterance]:
    """Every audio file under the folder with its speaker, sorted by path.

    Raises SpeechError where there is none.
    """
    index = _index(folder.resolve())
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
        row = index.get(path.resolve(), {})
        speaker = row.get("speaker") or path.parent.name
        licence, origin = row.get("licence") or "", row.get("repo") or ""
        found.append(Utterance(path=path, speaker=speaker, licence=licence, origin=origin))
    if not found:
        raise SpeechError(f"no audio file in {folder}: give a folder with {', '.join(sorted(SUFFIXES))} files")
    return found


def _index(folder: Path) -> dict[Path, dict[str, str]]:
    """Rows, by file, of the nearest INDEX.tsv in the folder or above it."""
    base = next((b for b in (folder, *folder.parents) if (b / "INDEX.tsv").is_file()), None)
    if base is None:
        return {}
    with (base / "INDEX.tsv").open(encoding="utf-8", newline="") as lines:
        return {base / row["path"]: row for row in csv.DictReader(lines, delimiter="\t") if row.get("path")}


def read_audio(path: Path) -> NDArray[np.float32]:
    """The file as mono float32 at 24 kHz. Raises SpeechError where it holds no audio."""
    try:
        with av.open(str(path), options=_OPTIONS, metadata_errors="replace") as container:
            if not container.streams.audio:
                raise SpeechError(f"no audio in {path}: remove it from the folder")
            resampler = AudioResampler(format="fltp", layout="mono")
            parts: list[NDArray[np.float32]] = []
            rate_hz = 0
            for frame in container.decode(audio=0):
                rate_hz = frame.sample_rate
                parts.extend(out.to_ndarray()[0] for out in resampler.resample(frame))
    except av.FFmpegError as error:
        raise SpeechError(f"cannot read {path}: {error.strerror}; remove it from the folder") from error
    if not parts:
        raise SpeechError(f"no audio in {path}: remove it from the folder")
    if not can_resample(rate_hz, SAMPLE_RATE_HZ):
        raise SpeechError(f"{path} has {rate_hz} Hz: convert it to {SAMPLE_RATE_HZ} Hz, or remove it from the folder")
    audio = torch.from_numpy(np.concatenate(parts))
    resampled: NDArray[np.float32] = torchaudio.functional.resample(audio, rate_hz, SAMPLE_RATE_HZ).numpy()
    return resampled


def seconds(path: Path) -> float:
    """Length of the file by its header, 0 where the header does not tell."""
    try:
        with av.open(str(path), options=_OPTIONS, metadata_errors="replace") as container:
            return (container.duration or 0) / av.time_base
    except av.FFmpegError as error:
        raise SpeechError(f"cannot read {path}: {error.strerror}; remove it from the folder") from error


def pools(utterances: Sequence[Utterance], pool_s: float, seed: int) -> list[list[Utterance]]:
    """The utterances, shuffled, in groups of at most `pool_s` seconds: what is held in memory at a time."""
    order = np.random.default_rng(seed).permutation(len(utterances))
    groups: list[list[Utterance]] = [[]]
    filled_s = 0.0
    for i in order:
        length_s = seconds(utterances[i].path)
        if groups[-1] and filled_s + length_s > pool_s:
            groups.append([])
            filled_s = 0.0
        groups[-1].append(utterances[i])
        filled_s += length_s
    return groups
