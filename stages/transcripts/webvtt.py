"""WebVTT (w3.org/TR/webvtt1): cues with times, voices as speakers, and timestamps within the text."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from stages.transcripts.cues import Cue, blocks_of, clock_s, cue_of, has_times
from stages.transcripts.draft import Draft, WrittenWord
from stages.transcripts.names import with_speakers
from stages.transcripts.text_file import read_lines

_TAG: Final = re.compile(
    r"<(?P<time>\d++:[\d:.,]*+)>"
    r"|<(?P<close>/)?(?P<name>v|c|i|b|u|ruby|rt|lang)(?:\.[^\s.<>]++)*+(?:\s(?P<annotation>[^<>]*+))?>"
)
_NO_CUE: Final = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text between two tags; `stamp`: how many timestamps of the cue stand before it."""

    speaker: str
    stamp: int
    text: str


def read_webvtt(draft: Draft) -> None:
    """Utterances, a voice each; words have times where there is a timestamp between all of them."""
    cues = list(_cues(draft))
    pieces = [_pieces(draft, cue) for cue in cues]
    if not any(piece.speaker or piece.stamp for cue in pieces for piece in cue[0]):
        plain = [[html.unescape(_TAG.sub("", line)) for line in cue.lines] for cue in cues]
        for cue, parts in zip(cues, with_speakers(draft, plain), strict=True):
            for speaker, text in parts or [("", "")]:
                draft.add(cue.at, speaker, cue.start_s, cue.end_s, text)
        return
    for cue, (found, stamps_s) in zip(cues, pieces, strict=True):
        _add(draft, cue, found, (cue.start_s, *stamps_s, cue.end_s))


def _cues(draft: Draft) -> Iterator[Cue]:
    blocks = blocks_of(read_lines(draft.path))
    head = next(blocks)
    if not re.match(r"WEBVTT(?:\s|$)", head[0][1]):
        raise draft.error(
            f"line {head[0][0]}", f"{head[0][1][:40]!r} is no start of WebVTT: the first line is 'WEBVTT'"
        )
    for number, line in head:
        if "-->" in line:
            raise draft.error(f"line {number}", "has times in the head of the file: put a blank line before each cue")
    for block in blocks:
        if not has_times(block) and _NO_CUE.match(block[0][1]):
            draft.count(f"left out: {block[0][1].split()[0]} blocks")
        else:
            yield cue_of(draft, block)


def _pieces(draft: Draft, cue: Cue) -> tuple[list[_Piece], list[float]]:
    """The text of a cue by voice and timestamp, and the timestamps in seconds."""
    text, speaker, done = "\n".join(cue.lines), "", 0
    pieces: list[_Piece] = []
    stamps_s: list[float] = []
    for tag in _TAG.finditer(text):
        pieces.append(_Piece(speaker, len(stamps_s), text[done : tag.start()]))
        done = tag.end()
        if tag["time"]:
            stamps_s.append(clock_s(draft, cue.at, tag["time"]))
        elif tag["name"] == "v":
            speaker = "" if tag["close"] else html.unescape(tag["annotation"] or "").strip()
    pieces.append(_Piece(speaker, len(stamps_s), text[done:]))
    return pieces, stamps_s


def _add(draft: Draft, cue: Cue, pieces: Sequence[_Piece], times_s: Sequence[float]) -> None:
    spoken = [p for p in pieces if p.text.strip()]
    if not spoken:
        draft.add(cue.at, "", cue.start_s, cue.end_s, "")
    for speaker, group in groupby(spoken, key=lambda p: p.speaker):
        own = list(group)
        words: list[WrittenWord] = []
        if len(times_s) > 2:
            by_stamp = [(k, "".join(p.text for p in g)) for k, g in groupby(own, key=lambda p: p.stamp)]
            words = [
                WrittenWord(text=html.unescape(text), start_s=times_s[k], end_s=times_s[k + 1])
                for k, text in by_stamp
            ]
            if any(len(word.text.split()) != 1 for word in words):
                draft.count("left out: timestamps in cues that are not one for each word")
                words = []
        start_s, end_s = times_s[own[0].stamp], times_s[own[-1].stamp + 1]
        draft.add(cue.at, speaker, start_s, end_s, html.unescape("".join(p.text for p in own)), words=words)
