"""The tiers of a TextGrid as utterances: a tier a speaker, with the word tiers that forced aligners put beside it."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from stages.transcripts.draft import Draft, WrittenWord
from stages.transcripts.textgrid import Interval, Tier, read_tiers

_PART: Final = re.compile(
    r"(?:(?P<speaker>.*?\S)\s*[-/_:]\s*)?(?P<kind>words?|phones|phonemes|syllables)", re.IGNORECASE | re.DOTALL
)

_LONGEST: Final = 200


def read_textgrid(draft: Draft) -> None:
    """Interval tiers. `anna - words` and `anna/words` are the words of `anna`, `words` those of who has no name."""
    whole: dict[str, list[Tier]] = {}
    words: dict[str, list[Interval]] = {}
    for tier in read_tiers(draft):
        part = _PART.fullmatch(tier.name.strip()) if len(tier.name) < _LONGEST else None
        if part is None:
            whole.setdefault(tier.name.strip(), []).append(tier)
        elif part["kind"].lower().startswith("word"):
            words.setdefault((part["speaker"] or "").strip(), []).extend(tier.intervals)
        else:
            draft.count("left out: tiers of phones")
    for speaker, tiers in whole.items():
        utterances = sorted((i for tier in tiers for i in tier.intervals), key=lambda i: i.start_s)
        own = sorted(words.pop(speaker, ()), key=lambda i: i.start_s)
        _add(draft, speaker, utterances, own)
    for speaker, alone in words.items():
        _add(draft, speaker, (), alone)


def _add(draft: Draft, speaker: str, utterances: Sequence[Interval], words: Iterable[Interval]) -> None:
    """Each word goes to the utterance that it shares most time with; one that shares none stands for itself."""
    said: list[list[WrittenWord]] = [[] for _ in utterances]
    first = 0
    for word in words:
        while first < len(utterances) and utterances[first].end_s <= word.start_s:
            first += 1
        shared: dict[int, float] = {}
        for k in range(first, len(utterances)):
            if utterances[k].start_s >= word.end_s:
                break
            shared[k] = min(word.end_s, utterances[k].end_s) - max(word.start_s, utterances[k].start_s)
        best = max(shared, key=lambda k: shared[k], default=None)
        if best is not None and shared[best] > 0:
            said[best].append(WrittenWord(text=word.text, start_s=word.start_s, end_s=word.end_s))
        else:
            draft.add_word(word.at, speaker, word.start_s, word.end_s, word.text)
    for utterance, own in zip(utterances, said, strict=True):
        draft.add(utterance.at, speaker, utterance.start_s, utterance.end_s, utterance.text, words=own)
