"""A Kaldi data folder: `segments`, `text` and, where they are there, `utt2spk` and `reco2file_and_channel`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.transcripts.draft import Draft
from stages.transcripts.text_file import is_file, read_lines


@dataclass(frozen=True, slots=True)
class _Segment:
    at: str
    start_s: float
    end_s: float
    channel: str


def read_kaldi(draft: Draft) -> None:
    """The utterances of the recording. Without `utt2spk`, channels stand for speakers; `draft.path` is the folder."""
    folder = draft.path
    segments = _segments(draft, folder, _channels(draft, folder))
    speakers = {}
    if is_file(folder / "utt2spk"):
        rows = _rows(draft, folder / "utt2spk", 2, "utterance speaker")
        speakers = {row[0]: row[1] for _, row in rows if row[0] in segments}
    texts = {}
    for _, row in _rows(draft, folder / "text", 1, "utterance text", most=2):
        if row[0] in segments:
            texts[row[0]] = row[1] if len(row) > 1 else ""
    for utterance, segment in segments.items():
        speaker = speakers.get(utterance, "" if speakers else segment.channel)
        if speakers and not speaker:
            draft.count("utterances that have no speaker in utt2spk")
        draft.add(segment.at, speaker, segment.start_s, segment.end_s, texts.get(utterance, ""))


def _channels(draft: Draft, folder: Path) -> dict[str, str]:
    """The names under which `segments` may know the recording, and the channel each stands for."""
    channels = {draft.recording: ""}
    if is_file(folder / "reco2file_and_channel"):
        for _, row in _rows(draft, folder / "reco2file_and_channel", 3, "name file channel"):
            if draft.recording in row[:2]:
                channels[row[0]] = row[2]
    return channels


def _segments(draft: Draft, folder: Path, channels: dict[str, str]) -> dict[str, _Segment]:
    segments: dict[str, _Segment] = {}
    others: set[str] = set()
    for at, row in _rows(draft, folder / "segments", 4, "utterance recording start end"):
        if row[1] not in channels:
            others.add(row[1])
            continue
        if row[0] in segments:
            raise draft.error(at, f"the utterance {row[0][:40]!r} stands there twice: name each once")
        start_s, end_s = draft.seconds(at, row[2], "start"), draft.seconds(at, row[3], "end")
        segments[row[0]] = _Segment(at, start_s, end_s, channels[row[1]])
    if not segments:
        raise draft.not_among("segments", others)
    return segments


def _rows(draft: Draft, path: Path, least: int, form: str, most: int = -1) -> Iterator[tuple[str, list[str]]]:
    for number, line in read_lines(path, streamed=True):
        row = line.split(None, most - 1 if most > 0 else -1)
        if row:
            at = f"{path.name} line {number}"
            if len(row) < least:
                raise draft.error(at, f"has {len(row)} fields: write {form!r}")
            yield at, row
