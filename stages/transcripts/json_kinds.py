"""The kinds of JSON transcripts, told apart by what they hold."""

from typing import Final

from stages.transcripts.draft import Draft
from stages.transcripts.json_node import Node, parse
from stages.transcripts.text_file import read_text
from stages.transcripts.whisper import read_segments

_KNOWN: Final = (
    "Whisper's and whisperX's `segments`, moshi-finetune's `alignments`, a list of {speaker, word, start, end},"
    " or `words` by channel"
)


def read_json(draft: Draft) -> None:
    """Words or utterances, whatever the file holds."""
    root = parse(draft, read_text(draft.path, long_lines=True))
    if isinstance(root.value, list):
        _read_list(root)
    elif not isinstance(root.value, dict):
        raise root.error(f"is no transcript: known are {_KNOWN}")
    elif "segments" in root.value:
        read_segments(root.field("segments"))
        if _is_rows(root.value.get("words")):
            draft.note("left out: the list 'words' beside 'segments'")
    elif "alignments" in root.value:
        _read_alignments(root.field("alignments"), root.maybe("duplexset"))
    elif _holds(root.value.get("words"), list):
        _read_channels(root.field("words"), root.maybe("speakers"))
    else:
        lists = [key for key in root.fields() if _is_rows(root.value[key])]
        if len(lists) != 1:
            has = (
                f"has several of them, {[key[:40] for key in lists[:3]]}"
                if lists
                else f"is none, with {[key[:40] for key in root.fields()[:5]]}"
            )
            raise root.error(f"a transcript holds one list of words or utterances, this {has}: known are {_KNOWN}")
        _read_list(root.field(lists[0]))


def _read_list(rows: Node) -> None:
    if _holds(rows.value, list):
        _read_channels(rows, None)
    elif not rows.items() or _is_rows(rows.value):
        first = rows.items()[:1]
        if first and "word" not in first[0].fields():
            read_segments(rows)
        else:
            _read_words(rows)
    else:
        raise rows.error(f"is no list of words or utterances: known are {_KNOWN}")


def _holds(value: object, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], kind)


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and _holds(value, dict) and bool({"word", "text"} & value[0].keys())


def _read_alignments(alignments: Node, ours: Node | None) -> None:
    """moshi-finetune: [word, [start_s, end_s], speaker]. ours: what an export of `duplexset` says beside them."""
    listed = ours.maybe("confidence") if ours else None
    sure = listed.items() if listed else []
    if listed and len(sure) != len(alignments.items()):
        raise listed.error(f"has {len(sure)} numbers for {len(alignments.items())} alignments: export it anew")
    for k, entry in enumerate(alignments.items()):
        parts = entry.items()
        if len(parts) != 3 or not isinstance(parts[1].value, list) or len(parts[1].value) != 2:
            raise entry.error("is not [word, [start, end], speaker]: write it so")
        word, times, speaker = parts
        start_s, end_s = (t.seconds(name) for t, name in zip(times.items(), ("start", "end"), strict=True))
        confidence = sure[k].confidence(unplaced=True) if sure else 1.0
        entry.draft.add_word(entry.place, speaker.name(), start_s, end_s, word.text(), confidence=confidence)


def _read_words(rows: Node) -> None:
    """nu-dialogue: {"speaker", "word", "start", "end"}."""
    for row in rows.items():
        speaker = row.maybe("speaker")
        score = row.maybe("confidence") or row.maybe("score") or row.maybe("probability")
        row.draft.add_word(
            row.place,
            speaker.name() if speaker else "",
            row.field("start").seconds("start"),
            row.field("end").seconds("end"),
            row.field("word").text(),
            confidence=score.confidence() if score else 1.0,
        )


def _read_channels(channels: Node, speakers: Node | None) -> None:
    """Ours: [[word, start_s, end_s, confidence], ...] per channel; without names a channel goes by its number."""
    lists = channels.items()
    names = [n.name() for n in speakers.items()] if speakers else [str(k) for k in range(len(lists))]
    if len(names) != len(lists):
        raise channels.error(f"has {len(lists)} channels for {len(names)} speakers: give each speaker one")
    for name, channel in zip(names, lists, strict=True):
        for entry in channel.items():
            parts = entry.items()
            if len(parts) not in (3, 4):
                raise entry.error("is not [word, start, end, confidence]: write it so")
            entry.draft.add_word(
                entry.place,
                name,
                parts[1].seconds("start"),
                parts[2].seconds("end"),
                parts[0].text(),
                confidence=parts[3].confidence(unplaced=True) if len(parts) > 3 else 1.0,
            )
