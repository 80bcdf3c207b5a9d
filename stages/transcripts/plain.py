"""Plain text without times: a file a speaker, `<recording>.<speaker>.txt`, or one with lines `ANNA: text`."""

from collections.abc import Sequence
from pathlib import Path

from stages.transcripts.draft import Draft
from stages.transcripts.names import split_name
from stages.transcripts.text_file import read_lines


def read_plain(draft: Draft) -> None:
    """Utterances without times, from a file that names its speakers."""
    if _speaker_in_name(draft.path, draft.recording):
        read_speaker_files(draft, [draft.path])
        return
    parts: list[tuple[str, str, list[str]]] = []
    for number, line in read_lines(draft.path):
        at = f"line {number}"
        if not line.strip():
            continue
        if found := split_name(line):
            parts.append((at, found[0], [found[1]]))
        elif parts:
            parts[-1][2].append(line)
        else:
            how = f"begin it with 'NAME: ', or write a file for each speaker, as {draft.recording}.NAME.txt"
            raise draft.error(at, f"{line.strip()[:40]!r} names no speaker: {how}")
    for at, speaker, lines in parts:
        draft.add_untimed(at, speaker, " ".join(lines))


def read_speaker_files(draft: Draft, paths: Sequence[Path]) -> None:
    """A file a speaker, an utterance a line; the speaker is what stands between recording and suffix."""
    for path in paths:
        speaker = _speaker_in_name(path, draft.recording) or path.stem
        for number, line in read_lines(path):
            if line.strip():
                draft.add_untimed(f"{path.name} line {number}", speaker, line)


def _speaker_in_name(path: Path, recording: str) -> str:
    """ "" where the name of the file names no speaker."""
    stem = path.name[: -len(".txt")]
    return stem.removeprefix(f"{recording}.") if stem.startswith(f"{recording}.") else ""
