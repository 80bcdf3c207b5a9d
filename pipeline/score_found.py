"""What is scored: an output's recordings, whoever made it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.measures.recording import Activity
from model.measures.rttm import read_rttm
from pipeline.score_audio import ScoreError, file_blocks, track_of
from pipeline.score_speech import speech_of
from pipeline.score_truth import by_name, read_text
from pipeline.sources import AUDIO_SUFFIXES

Blocks = Iterator[NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An output of one recording.

    whole: the activity is of all the recording, not only of the stretches that it names. ordered: its speakers are in
    the order of its channels. blocks: streams its audio, float32 [channels, n] at 24 kHz, of a recording lasting so
    many seconds; None where there is none. how: what activity and audio are taken from. length_s: None if not known.
    """

    activity: Activity
    whole: bool
    ordered: bool
    blocks: Callable[[float], Blocks] | None
    how: Mapping[str, str]
    length_s: float | None


class Output(Protocol):
    """A folder that is scored."""

    kind: str

    def names(self) -> list[str]:
        """The recordings that it has something of."""

    def why_not(self, name: str) -> str:
        """Why it has nothing of a recording."""

    def read(self, name: str) -> Found:
        """What it has of a recording. Raises UserError."""


class FolderOutput:
    """Another system's files: <name>.<audio> with a channel per speaker, <name>.rttm, or both."""

    kind = "folder"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._audio = by_name(folder, AUDIO_SUFFIXES)
        self._rttm = by_name(folder, {".rttm"})

    def names(self) -> list[str]:
        """The recordings that have a file."""
        return sorted({*self._audio, *self._rttm})

    def why_not(self, name: str) -> str:
        """There is no file of the name."""
        return f"no file {name}.* in {self._folder}"

    def read(self, name: str) -> Found:
        """Activity from the RTTM or, without one, from the built-in voice activity detector on each channel."""
        audio, rttm = self._audio.get(name), self._rttm.get(name)
        if audio is not None and track_of(audio, "output").n_channels < 2:
            raise ScoreError(f"{audio} is mono: an output has a channel for each of two speakers")
        length_s: float | None = None
        how = "RTTM"
        if rttm is not None:
            diarization = read_rttm(read_text(rttm), str(rttm))
            speakers, segments = diarization.speakers, diarization.segments
        else:
            assert audio is not None
            segments, length_s, how = speech_of(file_blocks(audio, "output"))
            speakers = tuple(f"channel {k}" for k in range(track_of(audio, "output").n_channels))
        return Found(
            activity=Activity(speakers=speakers, segments=segments, covered=()),
            whole=True,
            ordered=rttm is None,
            blocks=None if audio is None else lambda _: file_blocks(audio, "output"),
            how={"activity": how, "audio": "file" if audio else "none"},
            length_s=length_s,
        )


def open_output(out: Path) -> Output:
    """The dataset, or the files, in a folder. Raises ScoreError where there is neither."""
    from pipeline.score_dataset import DatasetOutput

    if not out.is_dir():
        raise ScoreError(f"{out} is no folder: give a dataset, or a folder of two-channel audio or RTTM files")
    if (out / "index" / "clips.parquet").is_file() and (out / "index" / "recordings.parquet").is_file():
        return DatasetOutput.of_index(out)
    if any((out / "work" / "prepared").glob("*.parquet")):
        return DatasetOutput.of_prepared(out / "work" / "prepared")
    folder = FolderOutput(out)
    if not folder.names():
        raise ScoreError(f"{out} holds nothing to score: no index/clips.parquet, no audio file, no .rttm")
    return folder
