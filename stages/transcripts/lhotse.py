"""Lhotse's supervisions: an utterance a line of JSON, of many recordings."""

from stages.transcripts.draft import Draft, WrittenWord
from stages.transcripts.json_node import Node, parse
from stages.transcripts.text_file import read_lines


def read_supervisions(draft: Draft) -> None:
    """The utterances of the recording; those without text are turns. Without speakers, channels stand for them."""
    others: set[str] = set()
    found = False
    for number, line in read_lines(draft.path, streamed=True):
        if not line.strip():
            continue
        row = parse(draft, line, f"line {number}")
        recording = row.maybe("recording_id")
        if recording is None:
            raise row.error("has no 'recording_id': give lhotse's supervisions, not its recordings or cuts")
        if recording.name() == draft.recording:
            found = True
            _add(draft, row)
        else:
            others.add(recording.name())
    if not found:
        raise draft.not_among("", others)


def _add(draft: Draft, row: Node) -> None:
    start = row.field("start")
    start_s = start.seconds("start")
    end_s = draft.end_after(row.place, start_s, row.field("duration").number())
    speaker, channel, text = row.maybe("speaker"), row.maybe("channel"), row.maybe("text")
    several = channel is not None and isinstance(channel.value, list)
    name = speaker.name() if speaker else channel.name() if channel and not several else ""
    words = _words(draft, row)
    if text is None and not words:
        draft.add_turn(row.place, name, start_s, end_s)
    else:
        draft.add(row.place, name, start_s, end_s, text.text() if text else "", words=words)


def _words(draft: Draft, row: Node) -> list[WrittenWord]:
    """`alignment.word`: [symbol, start_s, duration_s, score], on the recording's clock."""
    alignment = row.maybe("alignment")
    listed = alignment.maybe("word") if alignment else None
    words: list[WrittenWord] = []
    for entry in listed.items() if listed else ():
        parts = entry.items()
        if len(parts) not in (3, 4):
            raise entry.error("is not [symbol, start, duration, score]: write it so")
        start_s = parts[1].seconds("start")
        end_s = draft.end_after(entry.place, start_s, parts[2].number())
        score = parts[3].confidence() if len(parts) > 3 else 1.0
        words.append(WrittenWord(text=parts[0].text(), start_s=start_s, end_s=end_s, confidence=score))
    return words
