"""The segments of openai-whisper and whisperX: {start, end, text, speaker?, words?}."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.transcripts.draft import WrittenWord
from stages.transcripts.json_node import Node


@dataclass(frozen=True, slots=True)
class _Said:
    """A word and who says it; None where that is not written."""

    word: WrittenWord
    speaker: str | None


def read_segments(segments: Node) -> None:
    """Utterances. A segment whose words name several speakers becomes an utterance for each of their runs."""
    for segment in segments.items():
        named = segment.maybe("speaker")
        speaker = named.name() if named else None
        start_s, end_s = segment.field("start").seconds("start"), segment.field("end").seconds("end")
        listed = segment.maybe("words")
        said = [_said(w) for w in listed.items()] if listed else []
        text = segment.maybe("text")
        if text is None and not said:
            raise segment.error("has no 'text': write one")
        runs = _runs(said, speaker or "")
        if len(runs) < 2:
            whole = text.text() if text else _joined(said)
            name = runs[0][0] if runs else speaker or ""
            segment.draft.add(segment.place, name, start_s, end_s, whole, words=[s.word for s in said])
            continue
        for name, run in runs:
            first_s = min((s.word.start_s for s in run if s.word.start_s is not None), default=start_s)
            last_s = max((s.word.end_s for s in run if s.word.end_s is not None), default=end_s)
            segment.draft.add(segment.place, name, first_s, last_s, _joined(run), words=[s.word for s in run])


def _said(node: Node) -> _Said:
    start, end, speaker = node.maybe("start"), node.maybe("end"), node.maybe("speaker")
    score = node.maybe("probability") or node.maybe("score")
    word = WrittenWord(
        text=node.field("word").text(),
        start_s=start.seconds("start") if start else None,
        end_s=end.seconds("end") if end else None,
        confidence=score.confidence() if score else 1.0,
    )
    return _Said(word, speaker.name() if speaker else None)


def _runs(said: Sequence[_Said], speaker: str) -> list[tuple[str, list[_Said]]]:
    """The words by speaker; one without goes with the word before it, the first with the segment's speaker."""
    runs: list[tuple[str, list[_Said]]] = []
    for one in said:
        name = one.speaker if one.speaker is not None else (runs[-1][0] if runs else speaker)
        if runs and runs[-1][0] == name:
            runs[-1][1].append(one)
        else:
            runs.append((name, [one]))
    return runs


def _joined(said: Sequence[_Said]) -> str:
    spaced = any(s.word.text[:1].isspace() for s in said[1:])  # openai-whisper's words bring their space with them
    return ("" if spaced else " ").join(s.word.text for s in said)
