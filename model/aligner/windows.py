"""Long audio in windows: the memory of an alignment is that of one window, however long the speech is.

Each window begins where the last one's words are sure to end, and is given more words than fit; those that it has no
room for are the next one's. So the transcript, not the clock, says where to cut, as in the alignment of audiobooks
(Moreno et al. 1998).
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from model.resample import Float32

MODEL_RATE_HZ: Final = 16_000  # of the acoustic models
WINDOW_S: Final = 30.0
GUARD_S: Final = 5.0  # before the end of a window: words there may be cut, and are left to the next one
CHOICE_S: Final = 10.0  # before that: the longest pause in it is where the next window begins
MARGIN_S: Final = 0.2  # before a word that the next window begins with
WORDS_PER_S: Final = 6  # nobody says more for half a minute


class Span(NamedTuple):
    """Seconds from the start of the audio that was searched, and a confidence from 0 to 1."""

    start_s: float
    end_s: float
    confidence: float


Item = TypeVar("Item")
Found = list[Span | None]
Search = Callable[[Float32, Sequence[Item], bool], Found]
"""Places the items in audio, float32 [samples] at 16 kHz, in order. Where it is told that the end is open, only as
many of the first items as the audio has; the others are None."""


def in_windows(search: Search[Item], audio: Float32, items: Sequence[Item]) -> Found:
    """The items' spans in audio of any length, float32 [samples] at 16 kHz."""
    found: Found = []
    most = round(WINDOW_S * WORDS_PER_S)
    at_s = 0.0
    while len(found) < len(items):
        begin = round(at_s * MODEL_RATE_HZ)
        window = audio[begin : begin + round(WINDOW_S * MODEL_RATE_HZ)]
        last = begin + window.size >= audio.size
        offered = items[len(found) : len(found) + most]
        open_end = not last or len(found) + most < len(items)
        spans = [span and _later(span, at_s) for span in search(window, offered, open_end)]
        if last:
            found += spans
            break
        kept, at_s = _cut(spans, at_s)
        found += spans[:kept]
    return found + [None] * (len(items) - len(found))


def _later(span: Span, by_s: float) -> Span:
    return span._replace(start_s=span.start_s + by_s, end_s=span.end_s + by_s)


def _cut(spans: Found, at_s: float) -> tuple[int, float]:
    """How many of a window's items are kept, and where the next window begins. `at_s`: where this one does."""
    limit_s = at_s + WINDOW_S - GUARD_S
    placed = [(i, span) for i, span in enumerate(spans) if span]
    sure = [n for n, (_, span) in enumerate(placed) if span.end_s <= limit_s]
    if not sure:  # silence, or nothing that fits
        first_s = min((span.start_s for _, span in placed), default=limit_s)
        return 0, min(limit_s, max(first_s - MARGIN_S, at_s + GUARD_S))
    ends_s = [span.end_s for _, span in placed]
    next_s = [*(span.start_s for _, span in placed[1:]), max(limit_s, ends_s[-1])]
    choice = [n for n in sure if ends_s[n] >= ends_s[sure[-1]] - CHOICE_S]
    n = max(choice, key=lambda n: (next_s[n] - ends_s[n], n))
    return placed[n][0] + 1, (ends_s[n] + next_s[n]) / 2
